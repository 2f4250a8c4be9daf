// How long the rounds of an I/O thread took: what its clients waited for one another, at most.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace ullage::server {

/// One thread adds, any may read. By a clock that steps each millisecond or four, and costs next to
/// nothing: it is the long rounds that matter.
class RoundTimes {
 public:
  static constexpr std::array<double, 9> k_bounds_s{0.005, 0.01, 0.025, 0.05, 0.1,
                                                    0.25,  0.5,  1,     2.5};

  [[nodiscard]] static std::int64_t now_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
  void add(std::int64_t took_ns) noexcept {
    std::size_t bucket = 0;
    if (took_ns != 0) [[unlikely]] {
      while (bucket < k_bounds_s.size() && static_cast<double>(took_ns) > k_bounds_s[bucket] * 1e9)
        ++bucket;
      more(sum_ns_, static_cast<std::uint64_t>(took_ns));
      const auto took = static_cast<std::uint64_t>(took_ns);
      if (took > longest_ns_.load(std::memory_order_relaxed))
        longest_ns_.store(took, std::memory_order_relaxed);
    }
    more(counts_[bucket], 1);
  }

  /// The longest since this was last called; a round that ends at the same moment may be missed.
  std::uint64_t take_longest_ns() noexcept {
    return longest_ns_.exchange(0, std::memory_order_relaxed);
  }

  struct Sum {
    std::array<std::uint64_t, k_bounds_s.size() + 1> counts{};  ///< each bucket alone
    std::uint64_t sum_ns = 0;
  };
  void add_to(Sum& sum) const noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      sum.counts[i] += counts_[i].load(std::memory_order_relaxed);
    sum.sum_ns += sum_ns_.load(std::memory_order_relaxed);
  }

 private:
  static void more(std::atomic<std::uint64_t>& count, std::uint64_t by) noexcept {
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, k_bounds_s.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_ns_{0};
  std::atomic<std::uint64_t> longest_ns_{0};
};

}  // namespace ullage::server
