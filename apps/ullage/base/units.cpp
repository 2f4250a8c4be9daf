#include "base/units.h"

#include "base/escape.h"
#include "base/failure.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array<Unit, 14> k_byte_units = {{{"", 1},
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
constexpr std::array<Unit, 4> k_count_units = {
    {{"", 1}, {"k", 1000}, {"m", 1'000'000}, {"g", 1'000'000'000}}};

// Above this a double no longer holds every integer, and nothing we count gets there.
constexpr double k_number_max = 9007199254740992.0;

template <class Units>
std::optional<std::uint64_t> parse(std::string_view text, const Units& units) {
  double number = 0;
  const char* const begin = text.data();  // from_chars() wants no terminator
  const char* const end = begin + text.size();
  const auto [rest, error] = std::from_chars(begin, end, number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string suffix;
  for (const char* c = rest; c != end; ++c) {
    if (*c == ' ' && suffix.empty()) continue;
    suffix += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
  }
  for (const Unit& unit : units) {
    if (unit.suffix != suffix) continue;
    const double scaled = number * static_cast<double>(unit.factor);
    if (scaled > k_number_max) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(scaled));
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t parse_bytes(std::string_view what, std::string_view text) {
  if (const auto bytes = parse(text, k_byte_units)) return *bytes;
  throw Failure(
      fmt::format("{}: \"{}\" is not a size: a number with b, kb, mb, gb or tb (powers of 1024), "
                  "such as 64mb or 1.5gb",
                  what, escape_excerpt(text)),
      k_exit_usage);
}

std::uint64_t parse_count(std::string_view what, std::string_view text) {
  if (const auto count = parse(text, k_count_units)) return *count;
  throw Failure(
      fmt::format("{}: \"{}\" is not a count: a number, with k, m or g for thousands, such as 250k",
                  what, escape_excerpt(text)),
      k_exit_usage);
}

std::string format_bytes(double bytes) {
  static constexpr std::array<std::string_view, 5> k_names = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::abs(bytes) >= 1023.5 && unit + 1 < k_names.size()) {
    bytes /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{:.0f} B", bytes);
  const int decimals = std::abs(bytes) < 9.995 ? 2 : std::abs(bytes) < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", bytes, decimals, k_names[unit]);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string format_short(double number) {
  static constexpr std::array<std::string_view, 5> k_names = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (std::abs(number) >= 999.5 && unit + 1 < k_names.size()) {
    number /= 1000;
    ++unit;
  }
  const bool whole = std::abs(number - std::round(number)) < 0.005 || std::abs(number) >= 99.95;
  return fmt::format("{:.{}f}{}", number,
                     whole                      ? 0
                     : std::abs(number) < 9.995 ? 2
                                                : 1,
                     k_names[unit]);
}

std::string format_percent(double ratio) {
  return fmt::format("{:.2f} %", 100 * ratio);
}

std::string format_seconds(double seconds) {
  if (seconds < 0.0995) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace ullage::app
