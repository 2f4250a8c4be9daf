// Statistics that many threads add to without meeting on one line.
//
// A thread adds to the stripe that its stack's address picks; a reader sums all stripes. Exact:
// additions are atomic. Orders nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ullage::base {

/// `N` counters in k_stripes stripes of whole cache lines. Lives in zeroed memory of its owner's.
template <std::size_t N>
class StripedCounters {
 public:
  static constexpr std::size_t k_stripes = 32;

  void add(std::size_t counter, std::uint64_t n = 1) noexcept {
    stripes_[stripe()].counts[counter].fetch_add(n, std::memory_order_relaxed);
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
  static std::size_t stripe() noexcept {
    static thread_local const char marker = 0;
    const auto address = reinterpret_cast<std::uintptr_t>(&marker);
    return static_cast<std::size_t>((address >> 12) * 0x9e3779b97f4a7c15ULL >> 59);
  }
  static_assert(k_stripes == 32, "stripe() answers five bits");
  Stripe stripes_[k_stripes];
};

/// Raises an atomic to at least `value`.
inline void raise_to(std::atomic<std::uint64_t>& high, std::uint64_t value) noexcept {
  std::uint64_t seen = high.load(std::memory_order_relaxed);
  while (seen < value && !high.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace ullage::base
