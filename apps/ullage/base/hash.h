// A fast hash that is the same on every machine and in every run: for generated sizes and for the
// ids of the simulators. Not keyed: traces are files of the user's own. The cache itself is.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ullage::app {

/// The finalizer of SplitMix64: a bijection in which every input bit moves every output bit.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept {
  std::uint64_t hash = mix64(seed ^ (bytes.size() * 0x9e3779b97f4a7c15));
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    hash = mix64(hash ^ word) + 0x9e3779b97f4a7c15;
  }
  if (left != 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = mix64(hash ^ word) + 0x9e3779b97f4a7c15;
  }
  return hash;
}

/// One id per entry. Two entries share one with a chance of 2^-64 per pair: 3e-8 in a million.
inline std::uint64_t entry_id(std::string_view group, std::string_view field) noexcept {
  return hash64(field, hash64(group, 0x756c6c616765));
}

/// SplitMix64: small, quick, and good enough to draw workloads from.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept { return mix64(state_ += 0x9e3779b97f4a7c15); }
  /// Uniform in [0, 1).
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace ullage::app
