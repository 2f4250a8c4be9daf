#include "trace/zipf.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace ullage::app {
namespace {

// (e^t - 1) / t and log(1 + t) / t, which stay exact near 0 where exponents near 1 lead.
double expm1_over(double t) {
  return std::abs(t) > 1e-8 ? std::expm1(t) / t : 1 + t / 2;
}
double log1p_over(double t) {
  return std::abs(t) > 1e-8 ? std::log1p(t) / t : 1 - t / 2;
}

template <std::size_t N, class... Args>
std::string_view print(char (&to)[N], fmt::format_string<Args...> format, Args&&... args) {
  const auto result = fmt::format_to_n(to, N, format, std::forward<Args>(args)...);
  return {to, std::min(N, result.size)};
}

}  // namespace

ZipfRanks::ZipfRanks(std::uint64_t count, double exponent)
    : count_(static_cast<double>(count)),
      exponent_(exponent),
      area_first_(integral(1.5) - 1),
      area_last_(integral(count_ + 0.5)),
      shortcut_(2 - inverse(integral(2.5) - std::pow(2.0, -exponent))) {}

double ZipfRanks::integral(double x) const {
  const double log_x = std::log(x);
  return expm1_over((1 - exponent_) * log_x) * log_x;
}

double ZipfRanks::inverse(double area) const {
  const double t = std::max(-1.0, area * (1 - exponent_));
  return std::exp(log1p_over(t) * area);
}

std::uint64_t ZipfRanks::draw(Random& random) const {
  for (;;) {
    const double area = area_last_ + random.uniform() * (area_first_ - area_last_);
    const double x = inverse(area);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
    if (rank - x <= shortcut_ || area >= integral(rank + 0.5) - std::pow(rank, -exponent_)) {
      return static_cast<std::uint64_t>(rank);
    }
  }
}

ZipfSource::ZipfSource(const ZipfOptions& options)
    : options_(options), random_(options.seed), groups_(options.groups, options.group_exponent) {}

bool ZipfSource::next(Request& request) {
  if (done_ == options_.requests) return false;
  ++done_;
  const std::uint64_t group = groups_.draw(random_);
  // What belongs to a group or an entry follows from its number, so that it is the same at each
  // visit.
  Random of_group(mix64(options_.seed + group));
  const auto fields = static_cast<std::uint64_t>(
      std::pow(static_cast<double>(options_.fields_max), of_group.uniform()));
  const std::uint64_t field =
      ZipfRanks(std::max<std::uint64_t>(fields, 1), options_.field_exponent).draw(random_);
  Random of_entry(mix64(mix64(options_.seed + group) + field));
  // Box and Muller's normal variate.
  const double normal = std::sqrt(-2 * std::log(1 - of_entry.uniform())) *
                        std::cos(6.283185307179586 * of_entry.uniform());
  const double size = options_.size_median * std::exp(options_.size_sigma * normal);

  request = {};
  request.group = print(group_, "user:{}", group);
  request.field = print(field_, "key.{}", field);
  request.size =
      static_cast<std::uint64_t>(std::clamp(size, 1.0, static_cast<double>(options_.size_max)));
  return true;
}

double ZipfSource::progress() const {
  return options_.requests == 0
             ? 1
             : static_cast<double>(done_) / static_cast<double>(options_.requests);
}

}  // namespace ullage::app
