// Integers as the protocol and the commands write them: one form for each number.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ullage::resp {

/// The longest decimal form of a 64-bit integer.
inline constexpr std::size_t k_integer_chars_max = 20;

/// A decimal 64-bit integer in the only form that the protocol's peers accept everywhere: no sign
/// but '-', no leading zeroes, no blanks, no "-0".
inline std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  if (text.empty() || text.size() > k_integer_chars_max) return std::nullopt;
  const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  if (digits[0] == '0' && text.size() > 1) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// An integer's characters, without an allocation.
class IntegerText {
 public:
  explicit IntegerText(std::int64_t value) noexcept
      : end_(std::to_chars(text_, text_ + sizeof text_, value).ptr) {}
  [[nodiscard]] std::string_view view() const noexcept {
    return {text_, static_cast<std::size_t>(end_ - text_)};
  }

 private:
  char text_[k_integer_chars_max];
  const char* end_;
};

}  // namespace ullage::resp
