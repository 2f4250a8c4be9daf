#include "engine/core.h"

#include "base/check.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <span>
#include <string>

#include <pthread.h>

namespace ullage::engine {

namespace {
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

constexpr std::size_t k_bytes_a_shard = 16 * k_kib;
constexpr std::uint64_t k_entries_a_shard =
    32;  // with max_entries: pages hold enough for a good sample
constexpr std::size_t k_slabs_a_limit = 2048;
constexpr std::size_t k_slab_min_bytes = 16 * k_kib;
constexpr std::size_t k_slab_max_bytes = 256 * k_kib;
constexpr std::size_t k_reserve_divisor =
    96;  // about 1 % of the slabs are reclaim's to move pages with
constexpr std::size_t k_reserve_slabs_min = 4;
constexpr std::size_t k_memories_divisor = 2;  // of what lies outside the arena
constexpr std::size_t k_classes_divisor = 8;   // of memory_limit that their table may take
// Of the share of all bytes that has yet to go when the limit is lowered, what a page loses at
// once. The rest is chosen as ever, among pages.
constexpr float k_shed_share = 0.6F;
constexpr int k_idle_steps_max = 1000;
constexpr std::size_t k_ghost_min_bytes = 4 * k_kib;
// Also how often a quiet process is woken: as often as by Redis.
constexpr auto k_maintenance_interval = std::chrono::milliseconds(100);
constexpr std::size_t k_maintenance_budget = 4096;
constexpr std::size_t k_tick_shares = 4;

/// What the machine or its container has, whichever is less.
std::size_t memory_of_the_machine() {
  std::size_t bytes = SIZE_MAX;
  std::ifstream meminfo("/proc/meminfo");
  std::string word;
  std::size_t kib = 0;
  if (meminfo >> word >> kib && word == "MemTotal:") bytes = kib * k_kib;
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    unsigned long long limit = 0;
    if (file >> limit && limit != 0) bytes = std::min<std::size_t>(bytes, limit);
  }
  return bytes;
}

Error range_error(Errc code, std::string_view what, std::size_t value, std::string_view relation,
                  std::size_t bound) {
  return {code, std::string(what) + " of " + std::to_string(value) + " bytes is " +
                    std::string(relation) + " " + std::to_string(bound)};
}

std::uint64_t random_bits() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}
}  // namespace

std::size_t Budget::outside_bytes(std::size_t memory_limit) noexcept {
  return 128 * k_kib + memory_limit / 256;
}

Budget Budget::of(const Options& options) noexcept {
  Budget b;
  const std::size_t limit = options.memory_limit;
  b.slab_bytes =
      std::clamp(std::bit_floor(limit / k_slabs_a_limit), k_slab_min_bytes, k_slab_max_bytes);
  std::uint64_t shards = std::bit_floor(limit / k_bytes_a_shard);
  if (options.max_entries != 0)
    shards = std::min(shards, std::bit_ceil(options.max_entries / k_entries_a_shard + 1));
  b.shard_bits = static_cast<unsigned>(std::bit_width(shards) - 1);
  // One byte an entry, taking an entry for 64 bytes where only bytes bound their number.
  const std::size_t entries =
      options.max_entries != 0
          ? static_cast<std::size_t>(std::min<std::uint64_t>(options.max_entries, limit / 64))
          : limit / 64;
  b.ghost_bytes = std::max(k_ghost_min_bytes, entries) / 64 * 64;
  if (options.on_removal) {
    const std::size_t most =
        std::min(k_removal_ring_bytes_max, limit / k_removal_ring_share_of_limit);
    const std::size_t wanted = options.removal_buffer_bytes;
    b.ring_bytes = (wanted == 0 ? most : std::min(most, wanted)) / 64 * 64;  // ends with a line
  }
  b.max_classes = options.max_classes != 0
                      ? options.max_classes
                      : std::clamp(limit / k_class_share_of_limit_bytes, k_classes_default_min,
                                   k_classes_default_max);
  b.fixed_bytes = b.classes_at() + Classes::bytes_for(b.max_classes) + 64;
  b.reserve_slabs = reserve_slabs_of(limit, b.slab_bytes);
  return b;
}

std::size_t Budget::reserve_slabs_of(std::size_t memory_limit, std::size_t slab_bytes) noexcept {
  return std::max<std::size_t>(memory_limit / slab_bytes / k_reserve_divisor, k_reserve_slabs_min);
}

Result<std::unique_ptr<CacheCore>> CacheCore::open(Options options) {
  const std::size_t limit = options.memory_limit;
  if (limit < k_memory_limit_min_bytes) {
    return range_error(Errc::limit_too_small, "memory_limit", limit, "below the minimum of",
                       k_memory_limit_min_bytes);
  }
  if (limit > k_memory_limit_max_bytes) {
    return range_error(Errc::limit_too_large, "memory_limit", limit, "above the maximum of",
                       k_memory_limit_max_bytes);
  }
  if (const std::size_t machine = memory_of_the_machine(); limit > machine) {
    return range_error(Errc::limit_too_large, "memory_limit", limit,
                       "above what this machine or its container has:", machine);
  }
  if (options.max_memory_limit == 0) options.max_memory_limit = limit;
  if (options.max_memory_limit < limit) {
    return range_error(Errc::invalid_argument, "max_memory_limit", options.max_memory_limit,
                       "below memory_limit:", limit);
  }
  if (options.max_memory_limit > k_memory_limit_max_bytes) {
    return range_error(Errc::limit_too_large, "max_memory_limit", options.max_memory_limit,
                       "above the maximum of", k_memory_limit_max_bytes);
  }
  const std::size_t value_bound = std::min(k_value_max_bytes, limit / k_value_share_of_limit);
  if (options.max_value_bytes == 0 || options.max_value_bytes > value_bound) {
    return range_error(Errc::invalid_argument, "max_value_bytes", options.max_value_bytes,
                       "not within 1 and", value_bound);
  }
  if (options.group.idle_ttl.count() < 0 || options.group.idle_ttl.count() > k_ttl_max_ms) {
    return Error{Errc::ttl_out_of_range,
                 "group.idle_ttl of " + std::to_string(options.group.idle_ttl.count()) +
                     " ms is not within 0 and " + std::to_string(k_ttl_max_ms)};
  }
  if (options.max_classes > k_classes_max ||
      Classes::bytes_for(options.max_classes) > limit / k_classes_divisor) {
    return Error{Errc::invalid_argument,
                 "max_classes of " + std::to_string(options.max_classes) + " is above " +
                     std::to_string(k_classes_max) + " or takes more than 1/" +
                     std::to_string(k_classes_divisor) + " of memory_limit"};
  }
  const Budget budget = Budget::of(options);
  arena::ArenaLayout layout;
  layout.slab_bytes = budget.slab_bytes;
  layout.fixed_bytes = budget.fixed_bytes;
  layout.reserve_bytes = options.max_memory_limit;
  layout.huge_pages =
      options.huge_pages == HugePages::on ||
      (options.huge_pages == HugePages::automatic && limit >= k_huge_pages_from_bytes);
  auto arena = arena::Arena::map(layout, limit - Budget::outside_bytes(limit));
  if (!arena) {
    return Error{Errc::system, std::string("no address space for max_memory_limit of ") +
                                   std::to_string(options.max_memory_limit) +
                                   " bytes: " + std::strerror(errno)};
  }
  const std::uint64_t seed = options.random_seed != 0 ? options.random_seed : random_bits();
  return std::unique_ptr<CacheCore>(
      new CacheCore(std::move(options), budget, std::move(arena), seed));
}

CacheCore::CacheCore(Options opts, const Budget& budget, std::unique_ptr<arena::Arena> arena,
                     std::uint64_t seed)
    : options(std::move(opts)),
      ring(arena->fixed() + budget.ring_at(), budget.ring_bytes, options.removal_values,
           options.removal_causes),
      reclaim(state, directory, ring, debt, evictor, seed),
      flights(state, k_negatives_max,
              Budget::outside_bytes(options.memory_limit) / k_memories_divisor) {
  std::byte* fixed = arena->fixed();
  state.shard_bits = budget.shard_bits;
  // Fresh pages of the system are zero, and zero is how all three tables start: constructing them
  // would only make them resident before anything is in them.
  state.shards = reinterpret_cast<Shard*>(fixed);
  state.counters = reinterpret_cast<Counters*>(fixed + budget.counters_at());
  state.arena = std::move(arena);
  base::HashKey key{options.hash_key[0], options.hash_key[1]};
  if (key.k0 == 0 && key.k1 == 0) key = {random_bits(), random_bits()};
  state.group_key = key;
  state.field_key = {key.k1 ^ 0x66696c6564206b65ULL, key.k0 + 0x9e3779b97f4a7c15ULL};
  state.clock = options.clock ? options.clock : std::make_shared<SteadyClock>();
  state.max_value_bytes = options.max_value_bytes;
  state.reserve_slabs = budget.reserve_slabs;
  state.max_entries = options.max_entries;
  state.memory_limit = options.memory_limit;
  state.group_max_fields = options.group.max_fields;
  state.group_max_bytes = options.group.max_bytes;
  state.group_idle_ms = options.group.idle_ttl.count();
  state.idle_since_ms = state.now_ms();
  auto* ghosts = reinterpret_cast<std::atomic<std::uint64_t>*>(fixed + budget.ghosts_at());
  state.classes.attach(fixed + budget.classes_at(), budget.max_classes,
                       key.k0 ^ 0x636c6173736573ULL);
  state.ranking = std::make_unique<policy::Ranking>(options.policy == Policy::adaptive,
                                                    std::span(ghosts, budget.ghost_bytes / 8));
  reclaim.set_writer(writer);
  reader.set_writer(writer);
  lifeline->core = this;
  if (options.maintenance == Maintenance::thread) thread_ = std::thread([this] { maintain(); });
  if (thread_.joinable()) ::pthread_setname_np(thread_.native_handle(), "ullage-upkeep");
}

CacheCore::~CacheCore() {
  {
    const std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(lifeline->mutex);
  lifeline->core = nullptr;
}

void CacheCore::maintain() {
  std::unique_lock lock(stop_mutex_);
  while (!stopping_) {
    lock.unlock();
    const std::size_t done = tick(k_maintenance_budget);
    lock.lock();
    if (done < k_maintenance_budget)
      stop_.wait_for(lock, k_maintenance_interval, [this] { return stopping_; });
  }
}

std::size_t CacheCore::deliver_removals(std::size_t max) {
  if (!ring.listening() || ring.empty()) return 0;
  if (options.executor) {
    options.executor->run([line = lifeline, max] {
      const std::shared_lock alive(line->mutex);
      if (line->core != nullptr) line->core->ring.deliver(line->core->options.on_removal, max);
    });
    return 0;
  }
  return ring.deliver(options.on_removal, max);
}

std::size_t CacheCore::tick(std::size_t budget) {
  {
    const std::unique_lock one(timeline_mutex_, std::try_to_lock);
    if (one) state.timeline.note(state.ranking->now(), state.now_ms());
  }
  CallWork work;
  std::size_t done = 0;
  if (state.classes.has_changes() || !state.classes.is_settled()) {
    const std::unique_lock lock(classes_mutex_, std::try_to_lock);
    while (lock && done + 1 < budget && relabel.step(work))
      ++done;
  }
  // However much one finds to do, it leaves the others their turn; what they leave it takes after.
  const std::size_t share = budget / k_tick_shares;
  for (const std::size_t left_to_others : {share, std::size_t{0}}) {
    while (done + 2 * left_to_others < budget && expiry.step(work))
      ++done;
    while (done + left_to_others < budget && reclaim.tick_step(work))
      ++done;
    if (done < budget) done += deliver_removals(budget - done);
  }
  return done;
}

Result<WriteOutcome> CacheCore::change(const Names& names, bool wants_value, Decide decide) {
  auto done = writer.write(names, wants_value, [&](const Present& present) {
    const Decision decision = decide(present);
    if (decision.kind == Decision::Kind::put || decision.kind == Decision::Kind::erase)
      flights.entry_changed(names);
    return decision;
  });
  // Again for a load that began meanwhile.
  if (done && *done != WriteOutcome::unchanged) flights.entry_changed(names);
  return done;
}

void CacheCore::sweep_if_due(std::string_view group) {
  const auto facts = reader.group(group);
  if (facts && facts->timed_fields) expiry.sweep_group(group);
}

Result<void> CacheCore::set_memory_limit(std::size_t bytes) {
  if (bytes < k_memory_limit_min_bytes) {
    return range_error(Errc::limit_too_small, "memory_limit", bytes, "below the minimum of",
                       k_memory_limit_min_bytes);
  }
  if (bytes > options.max_memory_limit) {
    return range_error(Errc::limit_too_large, "memory_limit", bytes,
                       "above max_memory_limit:", options.max_memory_limit);
  }
  const std::lock_guard one_at_a_time(limit_mutex_);
  state.memory_limit.store(bytes, std::memory_order_relaxed);
  {
    const std::lock_guard classes(classes_mutex_);
    state.classes.protect(bytes);
  }
  state.max_value_bytes.store(std::min(options.max_value_bytes, bytes / k_value_share_of_limit),
                              std::memory_order_relaxed);
  const std::size_t target = bytes - Budget::outside_bytes(bytes);
  state.reserve_slabs.store(Budget::reserve_slabs_of(bytes, state.arena->slab_bytes()),
                            std::memory_order_relaxed);
  // Downwards in steps, each emptied before the next: writers meet a cache that is full, not one
  // that is far above its budget.
  const std::size_t step =
      state.reserve_slabs.load(std::memory_order_relaxed) / 2 * state.arena->slab_bytes();
  CallWork work;
  for (std::size_t budget = state.arena->bytes().charged(); budget > target;) {
    budget = std::max(target, budget - std::min(budget, step));
    state.arena->set_budget(budget);
    reclaim.shed(k_shed_share *
                 (1 - static_cast<float>(target) / static_cast<float>(std::max(budget, target))));
    // A step may meet only free slots or busy shards; many in a row mean that nothing more can be
    // had.
    for (int idle = 0; reclaim.over_budget() && idle < k_idle_steps_max;)
      idle = reclaim.tick_step(work) ? 0 : idle + 1;
  }
  reclaim.shed(0);
  state.arena->set_budget(target);
  return {};
}

Stats CacheCore::stats() const {
  Stats s;
  s.entries = state.entries.load(std::memory_order_relaxed);
  s.groups = state.counted(Counter::groups);
  s.hits = state.counted(Counter::hits);
  s.misses = state.counted(Counter::misses);
  s.inserts = state.counted(Counter::inserts);
  for (std::size_t i = 0; i < k_removal_causes; ++i)
    s.removals[i] = state.counted(State::removed(static_cast<RemovalCause>(i)));
  s.evicted_unread = state.counted(Counter::evicted_unread);
  s.removal_events_lost = ring.lost();
  s.memory_limit = state.memory_limit.load(std::memory_order_relaxed);
  const arena::ArenaBytes bytes = state.arena->bytes();
  s.charged_bytes = bytes.charged();
  s.live_page_bytes = bytes.pages;
  s.payload_bytes = state.counted(Counter::payload_bytes);
  s.headroom_bytes = s.memory_limit > s.charged_bytes ? s.memory_limit - s.charged_bytes : 0;
  s.loads = state.counted(Counter::loads);
  s.load_failures = state.counted(Counter::load_failures);
  s.negative_hits = state.counted(Counter::negative_hits);
  s.read_retries = state.counted(Counter::read_retries);
  s.read_locks = state.counted(Counter::read_locks);
  s.slabs_emptied = state.counted(Counter::slabs_emptied);
  s.pages_moved = state.counted(Counter::pages_moved);
  s.work_max = {state.work.entries_moved.load(std::memory_order_relaxed),
                state.work.pages_freed.load(std::memory_order_relaxed),
                state.work.candidates_ranked.load(std::memory_order_relaxed),
                state.work.reclaim_steps.load(std::memory_order_relaxed)};
  return s;
}

}  // namespace ullage::engine
