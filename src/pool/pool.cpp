#include <ullage/pool.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <limits>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

namespace ullage::pool_detail {

constinit thread_local MagazineSlot t_slots[k_slots];

namespace {

// Set once the thread's magazines are gone, while other thread-locals may still hold leases.
constinit thread_local bool t_is_ending = false;

std::int64_t now_ms(const Clock* clock) {
  if (clock != nullptr) return clock->now_ms();
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Pools that are made one after the other look in different slots.
std::size_t next_slot() {
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed) % k_slots;
}

}  // namespace

// All but the constants is guarded by `mutex`.
struct PoolCore::Shared {
  struct Idle {
    void* object;
    std::size_t bytes;
  };
  struct Tracked {
    std::source_location where;
    std::int64_t since_ms;
  };

  explicit Shared(PoolOptions options_in) : options(std::move(options_in)) {}

  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return idle.size() + granted < options.max_idle && bytes <= options.max_object_bytes &&
           idle_bytes + granted * options.max_object_bytes + bytes <= options.max_idle_bytes;
  }
  [[nodiscard]] std::uint64_t leases() const {
    std::uint64_t sum = slow_leases;
    for (const Magazine* magazine : magazines)
      sum += magazine->leases.get();
    return sum;
  }
  [[nodiscard]] std::uint64_t returns() const {
    std::uint64_t sum = slow_returns;
    for (const Magazine* magazine : magazines)
      sum += magazine->returns.get();
    return sum;
  }
  // Returns first: what is leased meanwhile counts as out, and nothing is counted below nothing.
  std::uint64_t note_outstanding() {
    const std::uint64_t back = returns();
    const std::uint64_t taken = leases();
    const std::uint64_t outstanding = taken > back ? taken - back : 0;
    high_water = std::max(high_water, outstanding);
    return outstanding;
  }
  Idle pop() {
    const Idle last = idle.back();
    idle.pop_back();
    idle_bytes -= last.bytes;
    lowest = std::min(lowest, idle.size());
    return last;
  }

  const PoolOptions options;
  mutable std::mutex mutex;
  std::vector<Idle> idle;
  std::size_t idle_bytes = 0;
  std::size_t granted = 0;  // objects that magazines may keep, all together
  std::size_t lowest = 0;   // of idle.size(), since the last tick
  std::vector<Magazine*> magazines;
  std::unordered_map<const void*, Tracked> tracked;
  std::uint64_t slow_leases = 0;
  std::uint64_t slow_returns = 0;
  std::uint64_t misses = 0;
  std::uint64_t drops = 0;
  std::uint64_t trimmed = 0;
  std::uint64_t high_water = 0;
  std::atomic<bool> is_closed{false};  // written with the mutex held
  std::shared_ptr<PoolCore> self;      // while closed, for as long as leases are out
};

/// The magazines of one thread, of all pools. Keeps a pool's core alive, so that no other pool's
/// can lie where slots still look for it.
class ThreadMagazines {
 public:
  ThreadMagazines() = default;
  ThreadMagazines(const ThreadMagazines&) = delete;
  ThreadMagazines& operator=(const ThreadMagazines&) = delete;
  ~ThreadMagazines() {
    t_is_ending = true;
    std::fill(std::begin(t_slots), std::end(t_slots), MagazineSlot{});
    for (Entry& entry : entries_)
      entry.core->retire(*entry.magazine);
  }

  Magazine* find(const PoolCore& core) noexcept {
    for (Entry& entry : entries_) {
      if (entry.core.get() == &core) return entry.magazine.get();
    }
    return nullptr;
  }
  // Throws std::bad_alloc.
  Magazine* add(std::shared_ptr<PoolCore> core) {
    forget_closed();
    entries_.push_back({std::move(core), std::make_unique<Magazine>()});
    return entries_.back().magazine.get();
  }

 private:
  struct Entry {
    std::shared_ptr<PoolCore> core;
    std::unique_ptr<Magazine> magazine;
  };

  void forget_closed() noexcept {
    std::erase_if(entries_, [](const Entry& entry) {
      if (!entry.core->shared_->is_closed.load(std::memory_order_acquire)) return false;
      for (MagazineSlot& slot : t_slots) {
        if (slot.core == entry.core.get()) slot = {};
      }
      return true;
    });
  }

  std::vector<Entry> entries_;
};

namespace {

ThreadMagazines& magazines_of_this_thread() {
  thread_local ThreadMagazines magazines;
  return magazines;
}

}  // namespace

// Objects to be destroyed once the mutex is free: their destructors are others' code.
struct PoolCore::Doomed {
  explicit Doomed(PoolCore& core_in) noexcept : core(core_in) {}
  Doomed(const Doomed&) = delete;
  Doomed& operator=(const Doomed&) = delete;
  ~Doomed() {
    for (std::size_t i = 0; i < count; ++i)
      core.destroy(objects[i]);
  }
  void add(void* object) noexcept { objects[count++] = object; }

  PoolCore& core;
  std::size_t count = 0;
  std::array<void*, k_pool_thread_cache_max + 1> objects;
};

PoolCore::PoolCore(PoolOptions options, std::size_t fixed_object_bytes) : slot_(next_slot()) {
  options.thread_cache = std::min(options.thread_cache, k_pool_thread_cache_max);
  if (fixed_object_bytes != 0) options.max_object_bytes = fixed_object_bytes;
  // Who takes which lease is seen where the lock is.
  if (options.track_leases) options.thread_cache = 0;
  max_object_bytes_ = options.max_object_bytes;
  shared_ = std::make_unique<Shared>(std::move(options));
}

PoolCore::~PoolCore() = default;

// Without the mutex. Null where threads keep nothing.
Magazine* PoolCore::own_magazine() noexcept {
  Shared& shared = *shared_;
  if (shared.options.thread_cache == 0 || t_is_ending || shared.is_closed) return nullptr;
  try {
    ThreadMagazines& all = magazines_of_this_thread();
    Magazine* magazine = all.find(*this);
    if (magazine == nullptr) {
      magazine = all.add(this->shared_core());
      const std::scoped_lock lock(shared.mutex);
      shared.magazines.push_back(magazine);
    }
    t_slots[slot_] = {this, magazine};
    return magazine;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// With the mutex held. Lets a thread keep up to thread_cache objects, all threads together half of
// max_idle: where there is room, or in the place of an object of the shared list.
void PoolCore::grant(Magazine& magazine) noexcept {
  Shared& shared = *shared_;
  const PoolOptions& options = shared.options;
  while (magazine.granted < options.thread_cache && 2 * (shared.granted + 1) <= options.max_idle) {
    const std::size_t with_one_more = (shared.granted + 1) * options.max_object_bytes;
    if (shared.idle.size() + shared.granted < options.max_idle &&
        shared.idle_bytes + with_one_more <= options.max_idle_bytes) {
      // There is room.
    } else if (!shared.idle.empty() && magazine.count <= magazine.granted &&
               shared.idle_bytes - shared.idle.back().bytes + with_one_more <=
                   options.max_idle_bytes) {
      magazine.objects[magazine.count++] = shared.pop().object;
    } else {
      break;
    }
    ++magazine.granted;
    ++shared.granted;
  }
  magazine.limit.store(magazine.granted, std::memory_order_relaxed);
}

// With the mutex held. False: there is no room for it.
bool PoolCore::park(void* object, std::size_t bytes) noexcept {
  Shared& shared = *shared_;
  if (!shared.has_room(bytes)) return false;
  try {
    shared.idle.push_back({object, bytes});
  } catch (const std::bad_alloc&) {
    return false;
  }
  shared.idle_bytes += bytes;
  return true;
}

// With the mutex held. What is beyond `keep` goes to the shared list as long as there is room.
void PoolCore::flush(Magazine& magazine, std::uint32_t keep) noexcept {
  while (magazine.count > keep) {
    void* const last = magazine.objects[magazine.count - 1];
    if (!park(last, bytes_of(last))) break;
    --magazine.count;
  }
}

// With the mutex held. The thread keeps nothing until it is granted something again.
void PoolCore::take_back(Magazine& magazine, Doomed& doomed) noexcept {
  shared_->granted -= std::exchange(magazine.granted, 0);
  magazine.limit.store(0, std::memory_order_relaxed);
  flush(magazine, 0);
  shared_->drops += magazine.count;
  while (magazine.count > 0)
    doomed.add(magazine.objects[--magazine.count]);
}

// With the mutex held.
void PoolCore::drop_all(Magazine& magazine, Doomed& doomed) noexcept {
  shared_->trimmed += magazine.count;
  while (magazine.count > 0)
    doomed.add(magazine.objects[--magazine.count]);
}

// With the mutex held.
void PoolCore::track(const void* object, const std::source_location& where) noexcept {
  Shared& shared = *shared_;
  if (!shared.options.track_leases) return;
  try {
    shared.tracked.insert_or_assign(object,
                                    Shared::Tracked{where, now_ms(shared.options.clock.get())});
  } catch (const std::bad_alloc&) {
    return;  // one lease less is known of
  }
}

void* PoolCore::lease_slow(const std::source_location& where) {
  Shared& shared = *shared_;
  Magazine* const magazine = own_magazine();
  const std::scoped_lock lock(shared.mutex);
  if (magazine != nullptr) {
    if (magazine->count == 0) magazine->must_drop = false;  // there is nothing to be dropped
    if (magazine->granted < shared.options.thread_cache) grant(*magazine);
  }
  void* object = nullptr;
  if (magazine != nullptr && magazine->count != 0) {
    object = magazine->objects[--magazine->count];
  } else if (!shared.idle.empty()) {
    object = shared.pop().object;
    while (magazine != nullptr && magazine->count < magazine->granted / 2 && !shared.idle.empty())
      magazine->objects[magazine->count++] = shared.pop().object;
  }
  if (object == nullptr) return nullptr;
  track(object, where);
  ++shared.slow_leases;
  shared.note_outstanding();
  return object;
}

void PoolCore::made(void* object, const std::source_location& where) {
  Shared& shared = *shared_;
  const std::scoped_lock lock(shared.mutex);
  ++shared.slow_leases;
  ++shared.misses;
  track(object, where);
  shared.note_outstanding();
}

void PoolCore::return_slow(void* object, std::size_t bytes) noexcept {
  Shared& shared = *shared_;
  Magazine* const magazine = own_magazine();
  std::shared_ptr<PoolCore> last;  // of a closed pool: gone behind the lock and what is doomed
  Doomed doomed(*this);
  const std::scoped_lock lock(shared.mutex);
  // Now, so that what comes back is not missing from the most that were out.
  shared.note_outstanding();
  ++shared.slow_returns;
  if (shared.options.track_leases) shared.tracked.erase(object);
  bool is_kept = !shared.is_closed && bytes <= shared.options.max_object_bytes;
  if (magazine != nullptr && !shared.is_closed) {
    // Less than granted: trim() or tick() has called.
    if (magazine->limit.load(std::memory_order_relaxed) < magazine->granted) {
      if (std::exchange(magazine->must_drop, false)) drop_all(*magazine, doomed);
      take_back(*magazine, doomed);
    }
    grant(*magazine);
    if (is_kept && magazine->count >= magazine->granted) flush(*magazine, magazine->granted / 2);
  }
  if (is_kept) {
    if (magazine != nullptr && magazine->count < magazine->granted) {
      magazine->objects[magazine->count++] = object;
    } else {
      is_kept = park(object, bytes);
    }
  }
  if (is_kept) return;
  doomed.add(object);
  ++shared.drops;
  if (shared.is_closed) {
    // Until what is doomed is destroyed, though another lease be the last.
    last = shared.self;
    if (shared.leases() == shared.returns()) shared.self.reset();
  }
}

// One hold of the mutex: destroys up to `most` of the shared list, as long as more than `keep` are
// left; answers how many.
std::size_t PoolCore::trim_shared(std::size_t most, std::size_t keep) noexcept {
  Shared& shared = *shared_;
  Doomed doomed(*this);
  const std::scoped_lock lock(shared.mutex);
  while (doomed.count < most && doomed.count < k_pool_thread_cache_max &&
         shared.idle.size() > keep) {
    doomed.add(shared.pop().object);
    ++shared.trimmed;
  }
  return doomed.count;
}

std::size_t PoolCore::trim(std::size_t keep) noexcept {
  Shared& shared = *shared_;
  Magazine* const own = own_magazine();
  std::size_t before = 0;
  {
    Doomed doomed(*this);
    const std::scoped_lock lock(shared.mutex);
    before = shared.trimmed;
    // Other threads hear of it at their next return.
    for (Magazine* const magazine : shared.magazines) {
      magazine->must_drop = true;
      magazine->limit.store(0, std::memory_order_relaxed);
    }
    if (own != nullptr) {
      own->must_drop = false;
      take_back(*own, doomed);
    }
  }
  while (trim_shared(k_pool_thread_cache_max, keep) == k_pool_thread_cache_max) {
  }
  const std::scoped_lock lock(shared.mutex);
  return shared.trimmed - before;
}

std::size_t PoolCore::tick() noexcept {
  Shared& shared = *shared_;
  std::size_t spare = 0;
  {
    const std::scoped_lock lock(shared.mutex);
    spare = std::min(shared.lowest, shared.idle.size());
  }
  std::size_t done = 0;
  while (done < spare) {
    const std::size_t now = trim_shared(spare - done, 0);
    if (now == 0) break;
    done += now;
  }
  const std::scoped_lock lock(shared.mutex);
  shared.lowest = shared.idle.size();
  // What threads keep and do not need shows once it is in the shared list.
  for (Magazine* const magazine : shared.magazines)
    magazine->limit.store(0, std::memory_order_relaxed);
  return done;
}

PoolStats PoolCore::stats() const {
  Shared& shared = *shared_;
  const std::scoped_lock lock(shared.mutex);
  PoolStats stats;
  stats.name = shared.options.name;
  stats.outstanding = shared.note_outstanding();
  stats.returns = shared.returns();
  stats.leases = std::max(shared.leases(), stats.returns);
  stats.misses = shared.misses;
  stats.reuses = stats.leases - std::min(stats.leases, stats.misses);
  stats.drops = shared.drops;
  stats.high_water = shared.high_water;
  stats.trimmed = shared.trimmed;
  // What is neither out nor destroyed.
  const std::uint64_t gone = stats.drops + stats.trimmed + stats.outstanding;
  stats.idle = stats.misses > gone ? stats.misses - gone : 0;
  stats.idle_bytes =
      shared.idle_bytes + (stats.idle - std::min<std::uint64_t>(stats.idle, shared.idle.size())) *
                              shared.options.max_object_bytes;
  return stats;
}

std::vector<OutstandingLease> PoolCore::overdue(Millis older_than) const {
  const Shared& shared = *shared_;
  std::vector<OutstandingLease> found;
  const std::scoped_lock lock(shared.mutex);
  const std::int64_t now = now_ms(shared.options.clock.get());
  for (const auto& [object, lease] : shared.tracked) {
    const Millis age(now - lease.since_ms);
    if (age >= older_than) found.push_back({lease.where, age});
  }
  std::sort(found.begin(), found.end(),
            [](const OutstandingLease& a, const OutstandingLease& b) { return a.age > b.age; });
  return found;
}

// The thread ends: what it kept is others'. A pool that ends has emptied its magazines itself.
void PoolCore::retire(Magazine& magazine) noexcept {
  Shared& shared = *shared_;
  Doomed doomed(*this);
  const std::scoped_lock lock(shared.mutex);
  if (std::erase(shared.magazines, &magazine) == 0) return;
  take_back(magazine, doomed);
  shared.slow_leases += magazine.leases.get();
  shared.slow_returns += magazine.returns.get();
}

// With the pool's end: empties one magazine. False: there is none left, and the pool is closed.
bool PoolCore::close_one(const std::shared_ptr<PoolCore>& self,
                         std::uint64_t& outstanding) noexcept {
  Shared& shared = *shared_;
  Doomed doomed(*this);
  const std::scoped_lock lock(shared.mutex);
  if (shared.magazines.empty()) {
    outstanding = shared.note_outstanding();
    if (outstanding != 0) shared.self = self;
    // Last: from then on a thread may forget its magazine of this pool.
    shared.is_closed.store(true, std::memory_order_release);
    return false;
  }
  Magazine& magazine = *shared.magazines.back();
  shared.magazines.pop_back();
  shared.granted -= std::exchange(magazine.granted, 0);
  magazine.limit.store(0, std::memory_order_relaxed);
  drop_all(magazine, doomed);
  shared.slow_leases += magazine.leases.get();
  shared.slow_returns += magazine.returns.get();
  return true;
}

// `self` lives until this returns, whoever gives the last lease back meanwhile.
void PoolCore::close(const std::shared_ptr<PoolCore>& self) noexcept {
  Shared& shared = *shared_;
  PoolLeak leak;
  while (close_one(self, leak.outstanding)) {
  }
  while (trim_shared(k_pool_thread_cache_max, 0) != 0) {
  }
  if (leak.outstanding == 0) return;
  try {
    leak.name = shared.options.name;
    leak.leases = overdue(Millis(std::numeric_limits<std::int64_t>::min()));
    if (shared.options.on_leak) return shared.options.on_leak(leak);
    std::fprintf(stderr, "ullage: pool '%s' ends while %llu of its objects are out\n",
                 shared.options.name.c_str(), static_cast<unsigned long long>(leak.outstanding));
    for (const OutstandingLease& lease : leak.leases) {
      std::fprintf(stderr, "  leased %lld ms ago at %s:%u\n",
                   static_cast<long long>(lease.age.count()), lease.where.file_name(),
                   static_cast<unsigned>(lease.where.line()));
    }
  } catch (...) {
    return;  // a report that cannot be made does no harm
  }
}

}  // namespace ullage::pool_detail
