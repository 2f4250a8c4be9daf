#include "server/sizes.h"

#include <array>
#include <charconv>
#include <cmath>

namespace ullage::server {

namespace {
constexpr std::array<Unit, 14> k_units = {{{"", 1},
                                           {"b", 1},
                                           {"k", 1ULL << 10},
                                           {"kb", 1ULL << 10},
                                           {"kib", 1ULL << 10},
                                           {"m", 1ULL << 20},
                                           {"mb", 1ULL << 20},
                                           {"mib", 1ULL << 20},
                                           {"g", 1ULL << 30},
                                           {"gb", 1ULL << 30},
                                           {"gib", 1ULL << 30},
                                           {"t", 1ULL << 40},
                                           {"tb", 1ULL << 40},
                                           {"tib", 1ULL << 40}}};

// Above this a double no longer holds every integer, and nothing we count gets there.
constexpr double k_number_max = 9007199254740992.0;
}  // namespace

std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  const char* const begin = text.data();  // from_chars() wants no terminator
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string suffix;
  for (const char* c = rest; c != end; ++c) {
    if (*c == ' ' && suffix.empty()) continue;
    suffix += *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c - 'A' + 'a') : *c;
  }
  for (const Unit& unit : units) {
    if (unit.suffix != suffix) continue;
    const double scaled = number * static_cast<double>(unit.factor);
    if (scaled > k_number_max) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(scaled));
  }
  return std::nullopt;
}

std::optional<std::size_t> parse_size(std::string_view text) {
  return parse_scaled(text, k_units);
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
