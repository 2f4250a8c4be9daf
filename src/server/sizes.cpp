#include "server/sizes.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace ullage::server {

namespace {
constexpr std::array<std::pair<std::string_view, std::size_t>, 11> k_units{{
    {"", 1},
    {"b", 1},
    {"k", std::size_t{1} << 10},
    {"kb", std::size_t{1} << 10},
    {"kib", std::size_t{1} << 10},
    {"m", std::size_t{1} << 20},
    {"mb", std::size_t{1} << 20},
    {"mib", std::size_t{1} << 20},
    {"g", std::size_t{1} << 30},
    {"gb", std::size_t{1} << 30},
    {"gib", std::size_t{1} << 30},
}};
constexpr double k_largest = 0x1p62;
}  // namespace

std::optional<std::size_t> parse_size(std::string_view text) noexcept {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || number < 0) return std::nullopt;
  std::string unit;
  for (const char c : text.substr(static_cast<std::size_t>(end - text.data())))
    unit += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const auto& [name, bytes] : k_units) {
    if (unit != name) continue;
    const double product = number * static_cast<double>(bytes);
    if (product > k_largest) return std::nullopt;
    return static_cast<std::size_t>(std::llround(product));
  }
  return std::nullopt;
}

std::string size_text(std::size_t bytes) {
  constexpr std::array<std::string_view, 3> k_names{"gb", "mb", "kb"};
  std::size_t unit = std::size_t{1} << 30;
  for (const std::string_view name : k_names) {
    if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + std::string(name);
    unit >>= 10;
  }
  return std::to_string(bytes);
}

}  // namespace ullage::server
