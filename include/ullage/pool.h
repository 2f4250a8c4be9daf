// Pools of objects: what a request needs and gives back is kept for the next one, instead of being
// made and freed each time.
//
//   ullage::Pool<std::string> buffers({.name = "buffers"}, {.capacity = 4096});
//   {
//     auto buffer = buffers.lease();     // empty, with room for 4096 bytes
//     render(*buffer);
//   }                                    // cleared, and back
//
// WHAT IS BOUNDED is what waits to be used again: PoolOptions::max_idle objects and max_idle_bytes,
// what threads keep for themselves included. An object that would go beyond is dropped, and so is
// one that has grown above max_object_bytes. How many are out at once nobody bounds: a lease never
// fails but for what making an object throws.
//
// THREAD SAFETY. All members but moving and the destructor, from any thread. A lease may be given
// back on another thread than it was taken on. COST. Each thread keeps up to thread_cache objects:
// a lease that finds one there, and its return, take no lock, touch nothing shared and allocate
// nothing. Others take the pool's mutex for moving half a thread's cache. This is the one place
// where the library keeps something for a thread: it goes with the thread, or with the pool.
//
// LEASES NEVER RETURNED show as `outstanding`, and with track_leases by the line that took them:
// overdue(). A pool that ends before its leases tells PoolOptions::on_leak; what comes back later
// is destroyed then.
#pragma once

#include <ullage/options.h>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ullage {

/// The most objects that a thread keeps for itself.
inline constexpr std::size_t k_pool_thread_cache_max = 32;

/// A lease that is out, as overdue() and on_leak tell it.
struct OutstandingLease {
  std::source_location where;
  Millis age{0};
};

/// What became of a pool whose leases were not all given back.
struct PoolLeak {
  std::string_view name;
  std::uint64_t outstanding = 0;
  std::vector<OutstandingLease> leases;  ///< with track_leases, the oldest first
};

struct PoolOptions {
  std::string name = "pool";                  ///< in statistics and reports
  std::size_t max_idle = 1024;                ///< objects that wait to be used again
  std::size_t max_idle_bytes = 16 * k_mib;    ///< of these
  std::size_t max_object_bytes = 64 * k_kib;  ///< one that has grown larger is not kept
  std::size_t thread_cache = 16;              ///< up to k_pool_thread_cache_max; 0: none
  /// Notes who takes each lease: costs a lock and an allocation a lease. For finding leaks.
  bool track_leases = false;
  std::shared_ptr<const Clock> clock{};            ///< of tracked leases; none: the system's
  std::function<void(const PoolLeak&)> on_leak{};  ///< none: a line on stderr
};

/// What a pool did. Counters of its threads are summed as they are at that moment.
struct PoolStats {
  std::string name;
  std::uint64_t leases = 0;       ///< taken
  std::uint64_t reuses = 0;       ///< of these, objects that had been used before
  std::uint64_t misses = 0;       ///< of these, objects that were made: leases - reuses
  std::uint64_t returns = 0;      ///< given back
  std::uint64_t drops = 0;        ///< of these, destroyed: too large, or no room
  std::uint64_t outstanding = 0;  ///< out now
  /// The most that were out, as seen whenever a thread's cache was filled, emptied or passed by,
  /// and by stats(): exact but for what threads' own caches hide.
  std::uint64_t high_water = 0;
  std::uint64_t trimmed = 0;     ///< destroyed by trim() and tick()
  std::uint64_t idle = 0;        ///< waiting to be used again
  std::uint64_t idle_bytes = 0;  ///< of these; those in threads' caches at max_object_bytes each
};

/// How objects of a pool are made, looked after and measured. Give a Pool one of your own for types
/// that need more.
template <class T>
struct PoolCare {
  std::size_t capacity = 0;  ///< reserve()d by a new object, if T has that

  [[nodiscard]] T* make() const {
    auto made = std::make_unique<T>();
    if constexpr (requires { made->reserve(capacity); }) {
      if (capacity != 0) made->reserve(capacity);
    }
    return made.release();
  }
  /// Before an object waits for its next use. Called by whoever gives it back; must not throw.
  void reset(T& object) const noexcept {
    if constexpr (requires { object.clear(); }) object.clear();
  }
  /// What it holds, itself included.
  [[nodiscard]] std::size_t bytes(const T& object) const noexcept {
    if constexpr (requires { object.footprint_bytes(); }) {
      return sizeof(T) + object.footprint_bytes();
    } else if constexpr (requires { object.capacity() * sizeof(typename T::value_type); }) {
      return sizeof(T) + object.capacity() * sizeof(typename T::value_type);
    } else {
      return sizeof(T);
    }
  }
};

namespace pool_detail {

class PoolCore;

/// A counter of one writer.
class OwnCounter {
 public:
  void add_one() noexcept { value_.store(get() + 1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);  // statistic; orders nothing
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// What one thread keeps of one pool. Belongs to the thread but for `limit`.
struct alignas(64) Magazine {
  std::uint32_t count = 0;
  /// Objects to keep. Set to 0 by others to call the thread into the slow path; relaxed, since the
  /// pool's mutex, which is taken there, orders the rest.
  std::atomic<std::uint32_t> limit{0};
  std::uint32_t granted = 0;  ///< guarded by the pool's mutex: what `limit` is when all is well
  bool must_drop = false;     ///< guarded by the pool's mutex: what is kept is to be destroyed
  OwnCounter leases;
  OwnCounter returns;
  void* objects[k_pool_thread_cache_max];
};

/// Where a thread finds its magazine of a pool; another pool may have taken the place.
struct MagazineSlot {
  const PoolCore* core = nullptr;
  Magazine* magazine = nullptr;
};
inline constexpr std::size_t k_slots = 32;
extern constinit thread_local MagazineSlot t_slots[k_slots];

/// What is the same for all types. Objects are void*; what is particular is behind `Care`.
class PoolCore {
 public:
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;
  virtual ~PoolCore();

  /// An object from the thread's cache, or null.
  void* lease_fast() const noexcept {
    const MagazineSlot& slot = t_slots[slot_];
    if (slot.core != this) return nullptr;
    Magazine& magazine = *slot.magazine;
    if (magazine.count == 0) return nullptr;
    magazine.leases.add_one();
    return magazine.objects[--magazine.count];
  }
  bool return_fast(void* object) const noexcept {
    const MagazineSlot& slot = t_slots[slot_];
    if (slot.core != this) return false;
    Magazine& magazine = *slot.magazine;
    if (magazine.count >= magazine.limit.load(std::memory_order_relaxed)) return false;
    magazine.objects[magazine.count++] = object;
    magazine.returns.add_one();
    return true;
  }
  [[nodiscard]] std::size_t max_object_bytes() const noexcept { return max_object_bytes_; }

  /// An object from the shared list, or null for who has to make one; refills the thread's cache.
  void* lease_slow(const std::source_location& where);
  /// Notes a lease of an object that was made.
  void made(void* object, const std::source_location& where);
  void return_slow(void* object, std::size_t bytes) noexcept;

  std::size_t trim(std::size_t keep) noexcept;
  std::size_t tick() noexcept;
  [[nodiscard]] PoolStats stats() const;
  [[nodiscard]] std::vector<OutstandingLease> overdue(Millis older_than) const;

 protected:
  PoolCore(PoolOptions options, std::size_t fixed_object_bytes);
  /// The pool is gone; leases may be left.
  void close(const std::shared_ptr<PoolCore>& self) noexcept;

 private:
  friend class ThreadMagazines;
  struct Shared;
  virtual void destroy(void* object) noexcept = 0;
  virtual std::shared_ptr<PoolCore> shared_core() noexcept = 0;
  [[nodiscard]] virtual std::size_t bytes_of(const void* object) const noexcept = 0;

  struct Doomed;
  Magazine* own_magazine() noexcept;
  void grant(Magazine& magazine) noexcept;
  bool park(void* object, std::size_t bytes) noexcept;
  void flush(Magazine& magazine, std::uint32_t keep) noexcept;
  void take_back(Magazine& magazine, Doomed& doomed) noexcept;
  void drop_all(Magazine& magazine, Doomed& doomed) noexcept;
  std::size_t trim_shared(std::size_t most, std::size_t keep) noexcept;
  void track(const void* object, const std::source_location& where) noexcept;
  void retire(Magazine& magazine) noexcept;
  bool close_one(const std::shared_ptr<PoolCore>& self, std::uint64_t& outstanding) noexcept;

  std::size_t slot_;
  std::size_t max_object_bytes_;
  std::unique_ptr<Shared> shared_;
};

/// One pool of one type; what its leases refer to.
template <class T, class Care>
class PoolOf final : public PoolCore, public std::enable_shared_from_this<PoolOf<T, Care>> {
 public:
  /// Objects that never change their size need not be measured.
  static constexpr bool k_is_fixed =
      std::is_trivially_copyable_v<T> && std::is_same_v<Care, PoolCare<T>>;

  PoolOf(PoolOptions options, Care care)
      : PoolCore(std::move(options), k_is_fixed ? sizeof(T) : 0), care_(std::move(care)) {}

  T* lease(const std::source_location& where) {
    if (void* object = lease_fast()) return static_cast<T*>(object);
    if (void* object = lease_slow(where)) return static_cast<T*>(object);
    T* object = care_.make();
    made(object, where);
    return object;
  }
  void give_back(T* object) noexcept {
    care_.reset(*object);
    std::size_t bytes = sizeof(T);
    if constexpr (!k_is_fixed) {
      bytes = care_.bytes(*object);
      if (bytes > max_object_bytes()) return return_slow(object, bytes);
    }
    if (!return_fast(object)) return_slow(object, bytes);
  }
  void close() noexcept { PoolCore::close(this->shared_from_this()); }

 private:
  void destroy(void* object) noexcept override { delete static_cast<T*>(object); }
  std::shared_ptr<PoolCore> shared_core() noexcept override { return this->shared_from_this(); }
  [[nodiscard]] std::size_t bytes_of(const void* object) const noexcept override {
    return care_.bytes(*static_cast<const T*>(object));
  }
  Care care_;
};

}  // namespace pool_detail

template <class T, class Care = PoolCare<T>>
class Pool;

/// An object of a pool, for as long as this lives; then it goes back.
template <class T, class Care = PoolCare<T>>
class [[nodiscard]] Lease {
 public:
  Lease() noexcept = default;
  Lease(Lease&& other) noexcept
      : pool_(other.pool_), object_(std::exchange(other.object_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = other.pool_;
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { reset(); }

  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// Gives the object back now.
  void reset() noexcept {
    if (object_ != nullptr) pool_->give_back(std::exchange(object_, nullptr));
  }

 private:
  friend class Pool<T, Care>;
  using State = pool_detail::PoolOf<T, Care>;
  Lease(State* pool, T* object) noexcept : pool_(pool), object_(object) {}

  State* pool_ = nullptr;
  T* object_ = nullptr;
};

template <class T, class Care>
class Pool {
 public:
  /// Throws std::bad_alloc.
  explicit Pool(PoolOptions options = {}, Care care = {})
      : state_(std::make_shared<State>(std::move(options), std::move(care))) {}
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&& other) noexcept {
    if (this != &other) {
      if (state_) state_->close();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// Destroys what is idle. No call may be under way, the return of a lease neither; leases that
  /// are out tell on_leak.
  ~Pool() {
    if (state_) state_->close();
  }

  /// An object, as Care::reset() or Care::make() left it.
  Lease<T, Care> lease(const std::source_location& where = std::source_location::current()) {
    return {state_.get(), state_->lease(where)};
  }

  /// Destroys idle objects until `keep` are left; answers how many. What other threads keep for
  /// themselves goes when they next give something back, or end. For memory pressure: the governor
  /// of the server calls it, and in a service its own (observe/governor.h).
  std::size_t trim(std::size_t keep = 0) noexcept { return state_->trim(keep); }

  /// Destroys what nobody needed since the last tick; answers how many. Called every few seconds,
  /// it takes the pool back to what the load needs after a burst.
  std::size_t tick() noexcept { return state_->tick(); }

  [[nodiscard]] PoolStats stats() const { return state_->stats(); }

  /// With track_leases: those that are out for longer, the oldest first.
  [[nodiscard]] std::vector<OutstandingLease> overdue(Millis older_than) const {
    return state_->overdue(older_than);
  }

 private:
  using State = pool_detail::PoolOf<T, Care>;
  std::shared_ptr<State> state_;
};

}  // namespace ullage
