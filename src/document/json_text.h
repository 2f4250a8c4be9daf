// Characters of JSON strings: escaped as little as may be, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ullage::document {

/// Whether any byte must be escaped in a string: below a blank, a quote, a backslash. Eight at a
/// time.
inline bool needs_escape(std::string_view raw) noexcept {
  constexpr std::uint64_t k_ones = 0x0101010101010101ULL;
  constexpr std::uint64_t k_tops = k_ones << 7;
  const auto has_any = [](std::uint64_t x) {
    const auto zero_in = [](std::uint64_t y) { return (y - k_ones) & ~y; };
    const std::uint64_t below_blank = (x - k_ones * 0x20) & ~x;
    return ((below_blank | zero_in(x ^ (k_ones * '"')) | zero_in(x ^ (k_ones * '\\'))) & k_tops) !=
           0;
  };
  const char* at = raw.data();
  std::size_t left = raw.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    if (has_any(word)) return true;
  }
  if (left == 0) return false;
  std::uint64_t word = k_ones * ' ';
  std::memcpy(&word, at, left);
  return has_any(word);
}

/// Adds the characters of a string, without quotes.
void append_escaped(std::string& to, std::string_view raw);

/// The other way: of what append_escaped() or any JSON text has between its quotes. REQUIRES:
/// valid.
std::string unescaped_json(std::string_view escaped);

/// Whether it is a number as JSON writes them.
bool is_json_number(std::string_view text) noexcept;

/// Whether two numbers are equal: exactly where both are integers, else as doubles.
bool equal_numbers(std::string_view a, std::string_view b) noexcept;

}  // namespace ullage::document
