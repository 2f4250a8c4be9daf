#include "base/units.h"

#include "base/escape.h"
#include "base/failure.h"
#include "server/sizes.h"

#include <array>
#include <cmath>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::array<server::Unit, 4> k_count_units = {
    {{"", 1}, {"k", 1000}, {"m", 1'000'000}, {"g", 1'000'000'000}}};

}  // namespace

std::uint64_t parse_bytes(std::string_view what, std::string_view text) {
  if (const auto bytes = server::parse_size(text)) return *bytes;
  throw Failure(
      fmt::format("{}: \"{}\" is not a size: a number with b, kb, mb, gb or tb (powers of 1024), "
                  "such as 64mb or 1.5gb",
                  what, escape_excerpt(text)),
      k_exit_usage);
}

std::uint64_t parse_count(std::string_view what, std::string_view text) {
  if (const auto count = server::parse_scaled(text, k_count_units)) return *count;
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
