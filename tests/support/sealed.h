// A repeatable random source, and values that prove themselves: each byte of a sealed value follows
// from its id and its size, so that a reader tells a whole value from a torn one without asking
// anyone. Depends on the standard library alone; fuzz targets use it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::test {

/// SplitMix64: small, fast, and the same everywhere.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// A number below `bound`; 0 if that is 0.
  std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// Sealed values hold their id in their first bytes and are at least this long.
inline constexpr std::size_t k_sealed_min_bytes = 16;

/// Writes the sealed value of `id` and `size` to `to`: | id 8 | stream of (id, size) |.
inline void seal_into(char* to, std::uint64_t id, std::size_t size) noexcept {
  std::memcpy(to, &id, sizeof id);
  Rng stream(id * 0x2545f4914f6cdd1dULL + size);
  std::size_t at = sizeof id;
  for (; at + 8 <= size; at += 8) {
    const std::uint64_t word = stream.next();
    std::memcpy(to + at, &word, 8);
  }
  const std::uint64_t word = stream.next();
  std::memcpy(to + at, &word, size - at);
}

inline std::string sealed(std::uint64_t id, std::size_t size) {
  std::string value(size < k_sealed_min_bytes ? k_sealed_min_bytes : size, '\0');
  seal_into(value.data(), id, value.size());
  return value;
}

/// The id of a whole sealed value; none if it is torn, cut, or of another making. Allocates
/// nothing.
inline std::optional<std::uint64_t> unseal(std::string_view value) noexcept {
  if (value.size() < k_sealed_min_bytes) return std::nullopt;
  std::uint64_t id = 0;
  std::memcpy(&id, value.data(), sizeof id);
  Rng stream(id * 0x2545f4914f6cdd1dULL + value.size());
  std::size_t at = sizeof id;
  for (; at + 8 <= value.size(); at += 8) {
    const std::uint64_t word = stream.next();
    if (std::memcmp(value.data() + at, &word, 8) != 0) return std::nullopt;
  }
  const std::uint64_t word = stream.next();
  if (std::memcmp(value.data() + at, &word, value.size() - at) != 0) return std::nullopt;
  return id;
}

}  // namespace ullage::test
