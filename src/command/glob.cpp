#include "command/glob.h"

#include "command/words.h"

#include <cstddef>
#include <utility>

namespace ullage::command {

namespace {
/// One element of the pattern against one character: moves `p` behind the element.
template <bool NoCase>
bool element_matches(std::string_view pattern, std::size_t& p, char c) noexcept {
  const auto fold = [](char letter) { return NoCase ? to_lower(letter) : letter; };
  if (pattern[p] == '?') {
    ++p;
    return true;
  }
  if (pattern[p] == '\\' && p + 1 < pattern.size()) {
    p += 2;
    return fold(pattern[p - 1]) == fold(c);
  }
  if (pattern[p] != '[') {
    ++p;
    return fold(pattern[p - 1]) == fold(c);
  }
  ++p;
  const bool negated = p < pattern.size() && pattern[p] == '^';
  if (negated) ++p;
  bool matches = false;
  while (p < pattern.size() && pattern[p] != ']') {
    if (pattern[p] == '\\' && p + 1 < pattern.size()) {
      ++p;
      matches |= fold(pattern[p]) == fold(c);
    } else if (p + 2 < pattern.size() && pattern[p + 1] == '-') {
      auto low = static_cast<unsigned char>(fold(pattern[p]));
      auto high = static_cast<unsigned char>(fold(pattern[p + 2]));
      if (low > high) std::swap(low, high);
      const auto at = static_cast<unsigned char>(fold(c));
      matches |= low <= at && at <= high;
      p += 2;
    } else {
      matches |= fold(pattern[p]) == fold(c);
    }
    ++p;
  }
  if (p < pattern.size()) ++p;  // the bracket; without one the class ends with the pattern
  return matches != negated;
}

template <bool NoCase>
bool matches(std::string_view pattern, std::string_view text) noexcept {
  constexpr std::size_t k_none = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = k_none;  // behind the last '*' met ...
  std::size_t taken = 0;      // ... and where what it takes ends
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      taken = t;
      continue;
    }
    std::size_t next = p;
    if (p < pattern.size() && element_matches<NoCase>(pattern, next, text[t])) {
      p = next;
      ++t;
      continue;
    }
    if (star == k_none) return false;
    p = star;
    t = ++taken;
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}
}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  return matches<false>(pattern, text);
}
bool glob_matches_nocase(std::string_view pattern, std::string_view text) noexcept {
  return matches<true>(pattern, text);
}

}  // namespace ullage::command
