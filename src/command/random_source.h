// Random numbers for commands that choose; not for secrets.
#pragma once

#include <atomic>
#include <cstdint>

namespace ullage::command {

/// Thread-safe.
class RandomSource {
 public:
  explicit RandomSource(std::uint64_t seed = 0x9e3779b97f4a7c15ULL) noexcept : state_(seed) {}
  std::uint64_t operator()() noexcept {
    // SplitMix64 (Steele, Lea and Flood 2014).
    std::uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15ULL, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace ullage::command
