// What the engine's parts share: the arena, the shard table, the hash, the clock, the counters.
//
// It has no behaviour of its own beyond naming things; the parts (reader, writer, reclaim, expiry,
// ...) each get a reference at construction.
//
// LOCK ORDER: shard -> { debt, removal ring, arena, ghosts }. Nobody holds two shards but
// rename and the validator (in the order of their indexes); the mover tries the second and gives
// up.
#pragma once

#include <ullage/options.h>
#include <ullage/stats.h>
#include <ullage/trace.h>

#include "arena/arena.h"
#include "base/siphash.h"
#include "base/striped_counters.h"
#include "base/version_lock.h"
#include "engine/classes.h"
#include "engine/layout.h"
#include "policy/ranking.h"
#include "policy/timeline.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace ullage::engine {

/// One cache line: a shard's lock and version, and the top of its directory.
///
///   | version and lock 32 | change depth 32 | due_ms 64 | refs 8 x 32 | groups 64 | 0 64 |
struct alignas(64) Shard {
  base::VersionLock lock;
  std::uint32_t change_depth;  // guarded by lock: changes nest, readers see one step
  std::int64_t due_ms;  // guarded by lock, read atomically: nothing in the shard ends before it; 0:
                        // nothing at all
  std::uint32_t refs[8];  // shared words
  std::uint64_t spare[2];
};
static_assert(sizeof(Shard) == 64, "one shard, one cache line");
inline constexpr unsigned k_shard_node_bits = 3;

enum class Counter : std::size_t {
  hits,
  misses,
  inserts,
  groups,
  payload_bytes,
  removed_evicted,
  removed_expired,
  removed_replaced,
  removed_erased,
  removed_limit,
  read_retries,
  read_locks,
  slabs_emptied,
  pages_moved,
  loads,
  load_failures,
  negative_hits,
  evicted_unread,
  count
};
using Counters = base::StripedCounters<static_cast<std::size_t>(Counter::count)>;

/// The most work that single calls did; see WorkMax.
struct WorkMarks {
  std::atomic<std::uint64_t> entries_moved{0};
  std::atomic<std::uint64_t> pages_freed{0};
  std::atomic<std::uint64_t> candidates_ranked{0};
  std::atomic<std::uint64_t> reclaim_steps{0};
};
/// One call's work, flushed into the marks when the call ends.
struct CallWork {
  std::uint64_t entries_moved = 0;
  std::uint64_t pages_freed = 0;
  std::uint64_t candidates_ranked = 0;
  std::uint64_t reclaim_steps = 0;
  std::uint32_t pieces_written = 0;  ///< of large values
  std::size_t keep_slabs = 0;        ///< slabs that this call leaves to reclaim
  bool wants_growth = false;         ///< a page had nothing cold to give: others should
};

/// The names of an entry with their hashes.
struct Names {
  std::string_view group;
  std::string_view field;
  std::uint64_t group_hash = 0;
  std::uint64_t field_hash = 0;
  /// The group's class, once a writer knows it.
  ClassId class_id = k_no_class;
  [[nodiscard]] std::uint8_t group_tag() const noexcept {
    return static_cast<std::uint8_t>(group_hash);
  }
  [[nodiscard]] std::uint8_t field_tag() const noexcept {
    return static_cast<std::uint8_t>(field_hash);
  }
};

/// Every page but an anchor is at least so large: the anchors' bin is theirs alone, since it is
/// never emptied.
inline constexpr std::size_t k_page_least = 48;
inline constexpr std::size_t k_anchor_bytes = 32;

struct State {
  std::unique_ptr<arena::Arena> arena;
  Shard* shards = nullptr;
  Counters* counters = nullptr;
  unsigned shard_bits = 0;
  base::HashKey group_key;
  base::HashKey field_key;
  std::shared_ptr<const Clock> clock;
  std::atomic<std::size_t> max_value_bytes{0};
  std::atomic<std::size_t> reserve_slabs{0};   ///< that only reclaim may open
  std::atomic<std::size_t> resident_slabs{0};  ///< that reserve() made resident: they stay

  std::atomic<std::uint64_t> entries{0};
  std::atomic<std::uint64_t> max_entries{0};
  std::atomic<std::size_t> memory_limit{0};
  // The default limits of groups; each read on its own.
  std::atomic<std::uint64_t> group_max_fields{0};
  std::atomic<std::uint64_t> group_max_bytes{0};
  std::atomic<std::int64_t> group_idle_ms{0};
  /// When the default idle limit was last switched on: groups that keep no last use count from
  /// here.
  std::atomic<std::int64_t> idle_since_ms{0};
  std::atomic<std::uint32_t> piece_stamp{1};
  WorkMarks work;
  Classes classes;
  std::unique_ptr<policy::Ranking> ranking;
  TraceHook trace;
  policy::Timeline timeline;  // of the ranking's clock; maintenance writes it

  [[nodiscard]] std::int64_t now_ms() const noexcept { return clock->now_ms(); }
  [[nodiscard]] std::size_t shard_count() const noexcept { return std::size_t{1} << shard_bits; }
  [[nodiscard]] std::size_t shard_index(std::uint64_t group_hash) const noexcept {
    return shard_bits == 0 ? 0 : static_cast<std::size_t>(group_hash >> (64 - shard_bits));
  }
  [[nodiscard]] Shard& shard_of(std::uint64_t group_hash) const noexcept {
    return shards[shard_index(group_hash)];
  }
  /// The group hash's bits below those that chose the shard, at the top.
  [[nodiscard]] std::uint64_t in_shard(std::uint64_t group_hash) const noexcept {
    return group_hash << shard_bits;
  }

  [[nodiscard]] std::uint64_t hash_group(std::string_view name) const noexcept {
    return base::siphash13(group_key, name);
  }
  [[nodiscard]] std::uint64_t hash_field(std::string_view name) const noexcept {
    return base::siphash13(field_key, name);
  }
  [[nodiscard]] Names names(std::string_view group, std::string_view field) const noexcept {
    return {group, field, hash_group(group), hash_field(field), k_no_class};
  }
  void count(Counter counter, std::uint64_t n = 1) const noexcept {
    counters->add(static_cast<std::size_t>(counter), n);
  }
  void uncount(Counter counter, std::uint64_t n) const noexcept {
    counters->sub(static_cast<std::size_t>(counter), n);
  }
  [[nodiscard]] std::uint64_t counted(Counter counter) const noexcept {
    return counters->sum(static_cast<std::size_t>(counter));
  }
  static Counter removed(RemovalCause cause) noexcept {
    return static_cast<Counter>(static_cast<std::size_t>(Counter::removed_evicted) +
                                static_cast<std::size_t>(cause));
  }
  /// A page for a write.
  [[nodiscard]] Ref alloc(std::size_t bytes, CallWork& call) const noexcept {
    return arena->alloc(bytes < k_page_least ? k_page_least : bytes, call.keep_slabs);
  }
  [[nodiscard]] Ref alloc_anchor(CallWork& call) const noexcept {
    return arena->alloc(k_anchor_bytes, call.keep_slabs);
  }
  [[nodiscard]] std::byte* page(Ref ref) const noexcept { return arena->at(ref); }
  void flush(const CallWork& call) noexcept {
    base::raise_to(work.entries_moved, call.entries_moved);
    base::raise_to(work.pages_freed, call.pages_freed);
    base::raise_to(work.candidates_ranked, call.candidates_ranked);
    base::raise_to(work.reclaim_steps, call.reclaim_steps);
  }
};

/// A shard's due time in its cheap form: 0 means nothing.
inline std::int64_t load_due(const Shard& shard) noexcept {
  return __atomic_load_n(&shard.due_ms,
                         __ATOMIC_RELAXED);  // a hint; the lock orders what it is about
}
inline void lower_due(Shard& shard, std::int64_t due_ms) noexcept {
  if (due_ms == k_never_ms) return;
  const std::int64_t have = load_due(shard);
  if (have == 0 || due_ms < have)
    __atomic_store_n(&shard.due_ms, due_ms < 1 ? 1 : due_ms, __ATOMIC_RELAXED);
}

class ShardGuard {
 public:
  explicit ShardGuard(Shard& shard) noexcept : shard_(shard) { shard_.lock.lock(); }
  ~ShardGuard() { shard_.lock.unlock(); }
  ShardGuard(const ShardGuard&) = delete;
  ShardGuard& operator=(const ShardGuard&) = delete;

 private:
  Shard& shard_;
};

/// Between construction and end the shard's bytes change and readers look away. Needs the lock
/// held. Nested changes are one to readers.
class Change {
 public:
  explicit Change(Shard& shard) noexcept : shard_(shard) {
    if (shard_.change_depth++ == 0) shard_.lock.begin_change();
  }
  ~Change() {
    if (--shard_.change_depth == 0) shard_.lock.end_change();
  }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  Shard& shard_;
};

}  // namespace ullage::engine
