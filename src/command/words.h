// The case of ASCII letters, which is all that commands and their options know of case: no locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace ullage::command {

constexpr char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether a word in any case is the one that is given in upper case.
constexpr bool same_word(std::string_view any_case, std::string_view upper_case) noexcept {
  return any_case.size() == upper_case.size() &&
         std::equal(any_case.begin(), any_case.end(), upper_case.begin(),
                    [](char a, char b) { return to_upper(a) == b; });
}

inline std::string lowered(std::string_view word) {
  std::string text(word);
  for (char& c : text)
    c = to_lower(c);
  return text;
}

/// Whether a name can stand in a line of CLIENT LIST: no blanks, no control bytes.
constexpr bool is_printable_word(std::string_view name) noexcept {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace ullage::command
