#include "report/series.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ullage::app {
namespace {

// 1, 2, 2.5 or 5 times a power of ten, at least `rough`.
double nice_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

double value_at(const Series& series, double x) {
  const auto& points = series.points;
  const auto after = std::lower_bound(points.begin(), points.end(), x,
                                      [](const Point& point, double at) { return point.x < at; });
  if (after == points.begin()) return points.front().y;
  if (after == points.end()) return points.back().y;
  const Point& a = *std::prev(after);
  const Point& b = *after;
  return b.x > a.x ? a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x) : b.y;
}

std::vector<double> axis_ticks(double max, std::size_t count) {
  return range_ticks(0, max, count);
}

std::vector<double> byte_ticks(double max, std::size_t count) {
  double unit = 1;
  while (max / unit >= 1024)
    unit *= 1024;
  auto ticks = axis_ticks(max / unit, count);
  for (double& tick : ticks)
    tick *= unit;
  return ticks;
}

std::vector<double> range_ticks(double min, double max, std::size_t count) {
  if (!(max > min)) max = min + 1;
  const double step = nice_step((max - min) / static_cast<double>(std::max<std::size_t>(count, 1)));
  std::vector<double> ticks;
  const auto first = static_cast<std::int64_t>(std::floor(min / step + 1e-9));
  const auto last = static_cast<std::int64_t>(std::ceil(max / step - 1e-9));
  for (std::int64_t at = first; at <= last; ++at)
    ticks.push_back(static_cast<double>(at) * step);
  return ticks;
}

}  // namespace ullage::app
