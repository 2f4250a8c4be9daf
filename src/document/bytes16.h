// Sixteen bytes at once: where they differ from others, and which of them are some character.
//
// A mask has a bit for each byte, the lowest for the first. Two words do it by arithmetic anywhere;
// x86-64 has instructions for it, which every machine of that kind knows.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ullage::document {

using Mask16 = std::uint32_t;
inline constexpr std::size_t k_bytes16 = 16;

/// The lowest that a mask has; k_bytes16: none.
inline std::size_t first_of(Mask16 mask) noexcept {
  return static_cast<std::size_t>(std::countr_zero(mask | Mask16{1} << k_bytes16));
}

class Bytes16Words {
 public:
  /// The bytes from `at` on, all of which must be readable.
  explicit Bytes16Words(const char* at) noexcept { std::memcpy(words_, at, sizeof words_); }
  void store(char* at) const noexcept { std::memcpy(at, words_, sizeof words_); }

  [[nodiscard]] Mask16 differs(const Bytes16Words& other) const noexcept {
    return ~mask([&](int i) { return zeros(words_[i] ^ other.words_[i]); }) & k_all;
  }
  [[nodiscard]] Mask16 is(char c) const noexcept {
    return mask([&](int i) { return zeros(words_[i] ^ k_ones * static_cast<std::uint8_t>(c)); });
  }
  /// Those that are not themselves in a string of JSON, and ~, which is not itself in a pointer.
  [[nodiscard]] Mask16 is_special() const noexcept {
    const Mask16 controls = mask([&](int i) { return zeros(words_[i] & k_ones * 0xe0); });
    return controls | is('"') | is('\\') | is('~');
  }

 private:
  static constexpr std::uint64_t k_ones = 0x0101010101010101ULL;
  static constexpr Mask16 k_all = (Mask16{1} << k_bytes16) - 1;

  /// A bit for each byte that is zero.
  static Mask16 zeros(std::uint64_t x) noexcept {
    constexpr std::uint64_t k_sevens = k_ones * 0x7f;
    const std::uint64_t tops = ~(((x & k_sevens) + k_sevens) | x | k_sevens);
    // Bit 8 i of the first comes to bit 56 + i: by the one of the other that is at 56 - 7 i.
    return static_cast<Mask16>(((tops >> 7) * 0x0102040810204080ULL) >> 56);
  }
  template <class OfWord>
  static Mask16 mask(OfWord of_word) noexcept {
    return of_word(0) | of_word(1) << 8;
  }

  std::uint64_t words_[2];
};

#if defined(__SSE2__)
/// The same; see Bytes16Words.
class Bytes16Sse2 {
 public:
  explicit Bytes16Sse2(const char* at) noexcept
      : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))) {}
  void store(char* at) const noexcept { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), bytes_); }

  [[nodiscard]] Mask16 differs(const Bytes16Sse2& other) const noexcept {
    return mask(_mm_cmpeq_epi8(bytes_, other.bytes_)) ^ 0xffff;
  }
  [[nodiscard]] Mask16 is(char c) const noexcept { return mask(equal(c)); }
  [[nodiscard]] Mask16 is_special() const noexcept {
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes_, _mm_set1_epi8(0x1f)), bytes_);
    return mask(
        _mm_or_si128(_mm_or_si128(controls, equal('"')), _mm_or_si128(equal('\\'), equal('~'))));
  }

 private:
  [[nodiscard]] __m128i equal(char c) const noexcept {
    return _mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c));
  }
  static Mask16 mask(__m128i bytes) noexcept {
    return static_cast<Mask16>(_mm_movemask_epi8(bytes));
  }

  __m128i bytes_;
};
using Bytes16 = Bytes16Sse2;
#else
using Bytes16 = Bytes16Words;
#endif

}  // namespace ullage::document
