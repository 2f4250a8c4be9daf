// One word that is a writer's lock and the readers' version at once.
//
//   | version 29 | waiters 1 | held 1 | unstable 1 |
//
// held      a writer, or a reader that records a tick, owns the shard
// unstable  the shard's bytes are being changed: readers must not trust them
// version   grows with each change
//
// Readers (no stores): v = begin_read(); look; if (validate(v)) it was true at one moment.
// Writers: lock(); ... begin_change(); stores; end_change(); unlock().
// Tick: try_tick(v) succeeds only if nothing changed since v and nobody holds the lock. It makes
// neither readers retry nor writers wait for longer than the one store that follows. It never waits
// itself.
//
// Words live in the shard table, which is never recycled: a page's bytes may be an attacker's
// value, and a version in them could be forged.
#pragma once

#include "base/touch.h"

#include <atomic>
#include <cstdint>
#include <thread>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace ullage::base {

inline void cpu_pause() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

class VersionLock {
 public:
  using Version = std::uint32_t;

  /// Spins while a writer changes bytes, a bounded while; answers a version for validate(). An odd
  /// answer (unstable) will fail validate().
  [[nodiscard]] Version begin_read() const noexcept {
    touch(this, sizeof *this);
    Version v = word_.load(std::memory_order_acquire);  // acquire; pairs with end_change()
    for (int spin = 0; (v & k_unstable) != 0 && spin < k_read_spins; ++spin) {
      cpu_pause();
      v = word_.load(std::memory_order_acquire);  // acquire; pairs with end_change()
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return v;
  }
  /// The loads in between were acquire loads, so this one comes after them.
  [[nodiscard]] bool validate(Version v) const noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler's: see load_unaligned()
    const Version now = word_.load(std::memory_order_acquire);
    return (v & k_unstable) == 0 && ((now ^ v) & ~(k_held | k_waiters)) == 0;
  }

  void lock() noexcept {
    count_lock();
    for (int spin = 0; spin < k_lock_spins; ++spin) {
      if (try_lock_quietly()) return;
      cpu_pause();
    }
    lock_slow();
  }
  [[nodiscard]] bool try_lock() noexcept {
    count_lock();
    return try_lock_quietly();
  }
  void unlock() noexcept {
    const Version before =
        word_.fetch_and(~(k_held | k_waiters), std::memory_order_release);  // pairs with lock()
    if ((before & k_waiters) != 0) word_.notify_all();
  }

  /// Between these the holder stores. Nesting is not allowed.
  void begin_change() noexcept { word_.fetch_or(k_unstable, std::memory_order_acq_rel); }
  void end_change() noexcept {
    // release; pairs with begin_read(): the new bytes are visible to who sees the new version
    word_.fetch_add(k_version_step - k_unstable, std::memory_order_release);
  }

  /// Takes the lock only if nothing changed since `v`; see above. On success the caller stores its
  /// tick and calls unlock().
  [[nodiscard]] bool try_tick(Version v) noexcept {
    Version expected = v & ~(k_held | k_waiters);
    return word_.compare_exchange_strong(expected, expected | k_held, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  [[nodiscard]] bool is_held() const noexcept {
    return (word_.load(std::memory_order_relaxed) & k_held) != 0;
  }

 private:
  static constexpr Version k_unstable = 1;
  static constexpr Version k_held = 2;
  static constexpr Version k_waiters = 4;
  static constexpr Version k_version_step = 8;
  static constexpr int k_read_spins = 64;
  static constexpr int k_lock_spins = 40;

  bool try_lock_quietly() noexcept {
    Version v = word_.load(std::memory_order_relaxed);
    return (v & k_held) == 0 &&
           word_.compare_exchange_weak(v, v | k_held, std::memory_order_acquire,
                                       std::memory_order_relaxed);  // pairs with unlock()
  }
  void lock_slow() noexcept {
    for (;;) {
      Version v = word_.load(std::memory_order_relaxed);
      if ((v & k_held) == 0) {
        // A thread that has waited keeps the waiters bit: others may still sleep.
        if (word_.compare_exchange_weak(v, v | k_held | k_waiters, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
          return;
        }
        continue;
      }
      if ((v & k_waiters) == 0 &&
          !word_.compare_exchange_weak(v, v | k_waiters, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
        continue;
      }
      word_.wait(v | k_waiters, std::memory_order_relaxed);
    }
  }

  std::atomic<Version> word_{0};
};

static_assert(sizeof(VersionLock) == 4);

}  // namespace ullage::base
