// The parts of a cache, put together. Holds no logic of its own beyond order of construction,
// upkeep and validation; the public Cache (cache.cpp) calls the parts.
#pragma once

#include <ullage/classes.h>
#include <ullage/options.h>
#include <ullage/result.h>
#include <ullage/stats.h>

#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/evictor.h"
#include "engine/expiry.h"
#include "engine/group_editor.h"
#include "engine/loader.h"
#include "engine/reader.h"
#include "engine/reclaim.h"
#include "engine/relabel.h"
#include "engine/removal_events.h"
#include "engine/scan.h"
#include "engine/state.h"
#include "engine/writer.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ullage::engine {

/// What memory_limit is divided into, worked out once at open().
struct Budget {
  std::size_t slab_bytes = 0;
  unsigned shard_bits = 0;
  std::size_t ring_bytes = 0;
  std::size_t ghost_bytes = 0;
  std::size_t max_classes = 0;
  std::size_t fixed_bytes = 0;  ///< shards, counters, ring, ghosts, classes
  // Where they begin, the shards at 0.
  [[nodiscard]] std::size_t counters_at() const noexcept { return sizeof(Shard) << shard_bits; }
  [[nodiscard]] std::size_t ring_at() const noexcept { return counters_at() + sizeof(Counters); }
  [[nodiscard]] std::size_t ghosts_at() const noexcept { return ring_at() + ring_bytes; }
  [[nodiscard]] std::size_t classes_at() const noexcept { return ghosts_at() + ghost_bytes; }
  std::size_t reserve_slabs = 0;
  static std::size_t reserve_slabs_of(std::size_t memory_limit, std::size_t slab_bytes) noexcept;
  static Budget of(const Options& options) noexcept;
  /// Of a limit, what lies outside the arena: objects, the thread's stack, memories of the loader.
  static std::size_t outside_bytes(std::size_t memory_limit) noexcept;
};

/// Tasks given to an executor may outlive the cache: they reach it through this.
struct Lifeline {
  std::shared_mutex mutex;          // tasks share it; the cache's end takes it alone
  class CacheCore* core = nullptr;  // guarded by mutex; null once the cache is gone
};

class CacheCore {
 public:
  static Result<std::unique_ptr<CacheCore>> open(Options options);
  ~CacheCore();
  CacheCore(const CacheCore&) = delete;
  CacheCore& operator=(const CacheCore&) = delete;

  std::size_t tick(std::size_t budget);
  Result<void> set_memory_limit(std::size_t bytes);
  /// They have been checked.
  void set_default_group_limits(const GroupLimits& limits);
  /// Makes these the classes. Limits hold at once; where classes come or go, groups follow with
  /// ticks, the first of them here.
  Result<void> set_classes(std::span<const ClassDefinition> definitions);
  /// Changes one, adds it, or with no limits takes it away; false if there is none of that pattern.
  Result<bool> change_class(std::string_view pattern, const std::optional<ClassLimits>& limits);
  [[nodiscard]] std::optional<ClassInfo> class_info(std::string_view pattern);
  [[nodiscard]] std::vector<ClassInfo> classes();
  /// Takes out a group's fields whose time has come, before a call that treats the group as a
  /// whole.
  /// Writes an entry for a caller of the cache. A load of it that is under way is told that it is
  /// overtaken while the decision still has the shard's lock: a load that decides later sees it.
  Result<WriteOutcome> change(const Names& names, bool wants_value, Decide decide);
  void sweep_if_due(std::string_view group);
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] Validation validate();

  Options options;
  State state;
  Directory directory{state};
  RemovalRing ring;
  Debt debt{state, ring};
  Evictor evictor{state};
  Reclaim reclaim;
  Writer writer{state, directory, ring, debt, evictor, reclaim};
  GroupEditor group_editor{state, directory, ring, debt, reclaim, writer};
  Reader reader{state, directory};
  Expiry expiry{state, directory, ring, writer};
  Relabel relabel{state, writer, reclaim, expiry};
  Scan scan{state, directory};
  Flights flights;
  std::shared_ptr<Lifeline> lifeline = std::make_shared<Lifeline>();

 private:
  CacheCore(Options opts, const Budget& budget, std::unique_ptr<arena::Arena> arena,
            std::uint64_t seed);
  void maintain();
  std::vector<Ref> balance(Validation& v, std::optional<std::size_t> half_swept);
  std::size_t deliver_removals(std::size_t max);
  Result<void> accept_classes(std::span<const ClassDefinition> definitions);

  std::mutex limit_mutex_;    // held while the memory limit or those of groups change
  std::mutex classes_mutex_;  // held while classes change, a piece of their walk, or are shown;
                              // LOCK ORDER: limit -> classes -> shard
  std::mutex deliver_mutex_;
  std::mutex timeline_mutex_;  // held while the timeline is written; only ever tried
  std::mutex stop_mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by stop_mutex_
  std::thread thread_;
};

}  // namespace ullage::engine
