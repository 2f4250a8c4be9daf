// Statistics that many threads add to without meeting on one line.
//
// A thread adds to a stripe of its own, or beyond so many threads to one that it shares; a reader
// sums all stripes. Exact: nothing is lost when a stripe changes hands. Orders nothing.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ullage::base {

/// Which stripe a thread adds to, in all counters of the process: one of its own, so that it needs
/// no locked instruction, or where there are more threads than those one that it shares. A locked
/// instruction keeps the processor from going on to the next read while this one waits for memory.
///
/// After fork() the child keeps the stripes of threads that it does not have: its threads may have
/// to share. Two copies of this library in one process must not add to one cache: each would think
/// a stripe its own.
class Stripes {
 public:
  static constexpr unsigned k_owned = 64;
  static constexpr unsigned k_shared = 16;
  static constexpr unsigned k_all = k_owned + k_shared;

  [[nodiscard]] static unsigned mine() noexcept { return t_mine != k_none ? t_mine : claim(); }

 private:
  static constexpr unsigned k_none = k_all;
  // Taken stripes of the process, a bit each. It holds nobody's data: only who may add where.
  inline static std::atomic<std::uint64_t> taken_{0};
  inline static thread_local unsigned t_mine = k_none;

  struct Lease {
    ~Lease() {
      const unsigned mine = t_mine;
      t_mine = shared();  // what the thread still counts, in other destructors
      // release; pairs with the acquire in claim(): the next owner adds to what this one has added
      if (mine < k_owned) taken_.fetch_and(~(std::uint64_t{1} << mine), std::memory_order_release);
    }
  };
  static unsigned shared() noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(&t_mine);
    return k_owned + static_cast<unsigned>((address >> 12) * 0x9e3779b97f4a7c15ULL >> 60);
  }
  [[gnu::noinline]] static unsigned claim() noexcept {
    static thread_local const Lease lease;
    static_cast<void>(lease);
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    while (~taken != 0) {
      const unsigned free = static_cast<unsigned>(std::countr_one(taken));
      if (taken_.compare_exchange_weak(taken, taken | std::uint64_t{1} << free,
                                       std::memory_order_acquire, std::memory_order_relaxed))
        return t_mine = free;
    }
    return t_mine = shared();
  }
  static_assert(k_owned == 64, "a bit of a word each");
  static_assert(k_shared == 16, "shared() answers four bits");
};

/// `N` counters in stripes of whole cache lines. Lives in zeroed memory of its owner's.
template <std::size_t N>
class StripedCounters {
 public:
  void add(std::size_t counter, std::uint64_t n = 1) noexcept {
    add_in(Stripes::mine(), counter, n);
  }
  /// The same for who counts more than once: `stripe` is Stripes::mine().
  void add_in(unsigned stripe, std::size_t counter, std::uint64_t n = 1) noexcept {
    std::atomic<std::uint64_t>& count = stripes_[stripe].counts[counter];
    if (stripe < Stripes::k_owned) {
      count.store(count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    } else {
      count.fetch_add(n, std::memory_order_relaxed);
    }
  }
  void sub(std::size_t counter, std::uint64_t n) noexcept { add(counter, ~n + 1); }
  /// Wraps like the additions did, so that a gauge's sum is right whatever stripe it rose and fell
  /// in.
  [[nodiscard]] std::uint64_t sum(std::size_t counter) const noexcept {
    std::uint64_t total = 0;
    for (const Stripe& s : stripes_)
      total += s.counts[counter].load(std::memory_order_relaxed);
    return total;
  }

 private:
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> counts[N];
  };
  Stripe stripes_[Stripes::k_all];
};

/// Raises an atomic to at least `value`.
inline void raise_to(std::atomic<std::uint64_t>& high, std::uint64_t value) noexcept {
  std::uint64_t seen = high.load(std::memory_order_relaxed);
  while (seen < value && !high.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace ullage::base
