// Reads without locks: look, copy out, and believe it only if the shard's version stayed the same.
#pragma once

#include <ullage/cache.h>

#include "engine/glance.h"
#include "engine/group_copy.h"
#include "engine/lookup.h"
#include "engine/piece.h"
#include "engine/removal_events.h"
#include "engine/state.h"
#include "engine/walk.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ullage::engine {

class Writer;

/// Where a read puts what it finds. start() may be called more than once: only the last call
/// counts.
class ValueSink {
 public:
  virtual ~ValueSink() = default;
  /// Room for `bytes` bytes, or null if the bytes are not wanted.
  virtual char* start(std::size_t bytes) = 0;
};

struct ReadResult {
  bool hit = false;
  std::size_t bytes = 0;
  std::int64_t deadline_ms = k_never_ms;
};

class Reader {
 public:
  Reader(State& state, const Directory& directory) noexcept
      : state_(state), lookup_(state, directory), pieces_(state) {}
  void set_writer(Writer& writer) noexcept { writer_ = &writer; }

  /// Reads an entry into the sink. `use` says whether it counts as a use: hit or miss, recency,
  /// idle time.
  template <class Sink>
  ReadResult read(const Names& names, Sink& sink, bool use) {
    if (glances()) {
      ReadResult result;
      Pending read(state_);
      begin(names, read);
      go_on(names, read);
      if (finish(names, read, sink, use, result)) return result;
    }
    return read_in_full(names, sink, use);
  }

  /// What a walk found, or whatever else is true.
  template <class Sink>
  ReadResult read(const Walk& walk, Sink& sink, bool use) {
    ReadResult result;
    if (glances() && finish(walk, sink, use, result)) return result;
    return read_in_full(walk.names(), sink, use);
  }

  /// The names with their hashes. The bucket's lines are on their way while the field is hashed.
  [[nodiscard]] Names names(std::string_view group, std::string_view field) const noexcept {
    Names names{group, field, state_.hash_group(group), 0};
    const Ref ref = top_ref(names.group_hash);
    if (state_.arena->plausible(ref)) prefetch_lines(state_.page(ref), k_lookahead_lines);
    names.field_hash = state_.hash_field(field);
    return names;
  }

  /// What a group says of itself, if it exists and has not ended.
  struct GroupFacts {
    std::uint64_t fields = 0;
    std::int64_t deadline_ms = k_never_ms;
    bool timed_fields = false;  ///< some of the fields may have ended and are still there
    GroupLimits limits;         ///< its own, or what its class or the cache says
    std::uint8_t kind = 0;      ///< as its record has it
  };
  std::optional<GroupFacts> group(std::string_view name);

  /// Copies a group as it is at one moment; never torn. `use` as in read(): one hit or miss, and a
  /// use of each entry.
  [[nodiscard]] GroupCopy::Taken read_group(std::string_view name, GroupCopy& copy, bool use);

  /// A stretch of a value held in pieces, under the lock.
  struct Chunk {
    bool hit = false;
    std::size_t bytes = 0;
    std::size_t total = 0;
    std::uint32_t stamp = 0;  ///< tells one write from another
  };
  Chunk read_chunk(const Names& names, std::size_t offset, std::span<char> buffer);

  // --- read() of the common case, in steps ---

  struct Pending {
    explicit Pending(const State& state) noexcept : glance(state) {}
    Shard* shard = nullptr;
    base::VersionLock::Version version = 0;
    Glance glance;
    Glance::Saw saw = Glance::Saw::unsure;
  };
  /// Finds the group's bucket.
  void begin(const Names& names, Pending& read) const noexcept {
    read.shard = &state_.shard_of(names.group_hash);
    read.version = read.shard->lock.begin_read();
    read.saw = read.glance.bucket(*read.shard, names);
  }
  /// Finds the group.
  static void go_on(const Names& names, Pending& read) noexcept {
    if (read.saw == Glance::Saw::begun) read.saw = read.glance.group(names);
  }
  /// Finds the field, and copies it; false if it is not the common case, or was disturbed.
  template <class Sink>
  bool finish(const Names& names, Pending& read, Sink& sink, bool use, ReadResult& result) {
    Glance& seen = read.glance;
    if (read.saw == Glance::Saw::found) read.saw = seen.field(names);
    if (read.saw != Glance::Saw::absent && read.saw != Glance::Saw::found) return false;
    if (read.saw == Glance::Saw::absent) {
      if (!undisturbed(*read.shard, read.version)) return false;
      if (use) count_miss(seen.has_group(), seen.class_id(), names);
      return true;
    }
    if (char* to = sink.start(seen.value_bytes()))
      base::copy_out(to, seen.value(), seen.value_bytes());
    const policy::Rank rank = base::load_u16(seen.rank_at());
    if (!undisturbed(*read.shard, read.version)) return false;
    result = {true, seen.value_bytes(), seen.deadline_ms()};
    if (use) count_use(*read.shard, read.version, names, seen.class_id(), seen.rank_at(), rank);
    return true;
  }
  /// Believes what a walk found, and copies it; false if it is not the common case, or was
  /// disturbed: read_in_full() tells then.
  template <class Sink>
  bool finish(const Walk& walk, Sink& sink, bool use, ReadResult& result) {
    if (walk.is_unsure()) return false;
    EntryPos pos;
    if (!walk.is_absent()) pos = walk.entry();
    if (pos.broken || pos.head.pieces) return false;
    const bool expired =
        pos && pos.head.deadline_ms != k_never_ms && pos.head.deadline_ms <= state_.now_ms();
    if (!pos || expired) {
      if (!undisturbed(walk.shard(), walk.version())) return false;
      if (use) count_miss(walk.has_group(), walk.class_id(), walk.names());
      return true;
    }
    if (char* to = sink.start(pos.head.inline_bytes))
      base::copy_out(to, pos.at + pos.head.value_at, pos.head.inline_bytes);
    const policy::Rank rank = base::load_u16(pos.rank_at);
    if (!undisturbed(walk.shard(), walk.version())) return false;
    result = {true, pos.head.inline_bytes, pos.head.deadline_ms};
    if (use)
      count_use(walk.shard(), walk.version(), walk.names(), walk.class_id(), pos.rank_at, rank);
    return true;
  }
  /// Whatever finish() leaves.
  ReadResult read_in_full(const Names& names, ValueSink& sink, bool use);
  /// Where idle groups end, reads have more to look at and to note.
  [[nodiscard]] bool glances() const noexcept {
    return state_.group_idle_ms.load(std::memory_order_relaxed) == 0;
  }

 private:
  struct Look {
    ReadResult result;
    bool broken = false;
    std::byte* rank_at = nullptr;  ///< where the recency goes, if it is to change
    policy::Rank rank = 0;
    std::byte* use_at = nullptr;  ///< where the group's last use goes
    std::int64_t use_ms = 0;
    bool use_has_no_place = false;
    bool has_group = false;
    ClassId class_id = k_no_class;
  };
  void count(const Look& seen, const Names& names) noexcept {
    if (!seen.result.hit) return count_miss(seen.has_group, seen.class_id, names);
    count_hit(seen.class_id);
  }
  Look look(Shard& shard, const Names& names, ValueSink& sink, bool use);
  [[nodiscard]] bool undisturbed(const Shard& shard,
                                 base::VersionLock::Version version) const noexcept {
    if (shard.lock.validate(version)) return true;
    state_.count(Counter::read_retries);
    return false;
  }
  /// A hit, at the shard's version. The rank is stored only where it changes.
  void count_use(Shard& shard, base::VersionLock::Version version, const Names& names,
                 ClassId class_id, std::byte* rank_at, policy::Rank rank) {
    count_hit(class_id);
    if (state_.ranking->is_fresh(rank)) return;
    const policy::Rank next =
        state_.ranking->on_read(entry_hash(names.group_hash, names.field_hash), rank);
    if (next == rank || !shard.lock.try_tick(version)) return;
    base::count_tick();
    base::store_bytes(rank_at, &next, sizeof next);
    shard.lock.unlock();
  }
  /// A miss of a class: of the group that is there without the field, or of the one that its name
  /// says.
  void count_miss(bool has_group, ClassId class_id, const Names& names) noexcept {
    const unsigned stripe = base::Stripes::mine();
    state_.counters->add_in(stripe, static_cast<std::size_t>(Counter::misses));
    if (class_id != k_no_class) {
      state_.classes.count_miss(stripe, class_id);
    } else if (!has_group) {
      state_.classes.count_miss(stripe, names.group);
    }
  }
  void count_hit(ClassId class_id) noexcept {
    const unsigned stripe = base::Stripes::mine();
    state_.counters->add_in(stripe, static_cast<std::size_t>(Counter::hits));
    if (class_id != k_no_class) state_.classes.count_hit(stripe, class_id);
  }
  /// What the shard refers to for a group: a page or a node.
  [[nodiscard]] Ref top_ref(std::uint64_t group_hash) const noexcept {
    const Shard& shard = state_.shard_of(group_hash);
    return base::load_u32(reinterpret_cast<const std::byte*>(shard.refs) +
                          4 * leading_bits(state_.in_shard(group_hash), 0, k_shard_node_bits));
  }
  /// Notes that all entries of a group were read: of those that were not in this tick.
  void note_uses(Shard& shard, base::VersionLock::Version version, std::uint64_t group_hash,
                 GroupCopy& copy);
  /// Stores what a look found to be noted. Needs the lock.
  static void store(Shard& shard, const Look& seen);
  void note(Shard& shard, base::VersionLock::Version version, const Look& seen, const Names& names);

  State& state_;
  Lookup lookup_;
  Pieces pieces_;
  Writer* writer_ = nullptr;
};

}  // namespace ullage::engine
