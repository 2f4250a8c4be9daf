#include "replay/options.h"

#include <ullage/limits.h>

#include "base/escape.h"
#include "base/failure.h"
#include "base/hash.h"
#include "base/units.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace ullage::app {

std::uint64_t SizeRule::size_of(std::uint64_t entry_id) const noexcept {
  if (min >= max) return max;
  const double low = std::log(static_cast<double>(std::max<std::uint64_t>(min, 1)));
  const double high = std::log(static_cast<double>(max) + 1);
  Random of_entry(entry_id);
  const auto size = static_cast<std::uint64_t>(std::exp(low + (high - low) * of_entry.uniform()));
  return std::clamp(size, min, max);
}

double SizeRule::mean() const noexcept {
  if (min >= max) return static_cast<double>(max);
  const double low = static_cast<double>(std::max<std::uint64_t>(min, 1));
  const double high = static_cast<double>(max);
  return (high - low) / std::log(high / low);
}

std::string SizeRule::describe() const {
  if (max == 0) return "empty values";
  if (min >= max) return fmt::format("values of {}", format_bytes(static_cast<double>(max)));
  return fmt::format("values of {} to {}", format_bytes(static_cast<double>(min)),
                     format_bytes(static_cast<double>(max)));
}

SizeRule SizeRule::parse(std::string_view text) {
  const std::size_t dash = text.find('-', 1);
  SizeRule rule;
  rule.min = parse_bytes("--unsized", text.substr(0, dash));
  rule.max =
      dash == std::string_view::npos ? rule.min : parse_bytes("--unsized", text.substr(dash + 1));
  if (rule.max > k_value_max_bytes) {
    throw Failure(fmt::format("--unsized: {} is above the largest value, {} bytes", rule.max,
                              k_value_max_bytes),
                  k_exit_usage);
  }
  if (rule.min > rule.max) {
    throw Failure(fmt::format("--unsized: \"{}\" has its larger size first", escape_excerpt(text)),
                  k_exit_usage);
  }
  return rule;
}

}  // namespace ullage::app
