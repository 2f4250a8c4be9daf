// Lines to draw, and the numbers along an axis.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ullage::app {

struct Point {
  double x = 0;
  double y = 0;
};

struct Series {
  std::string name;
  std::vector<Point> points;  ///< x never goes back
};

/// The value at `x` on the line through the points; the first or last beyond them. REQUIRES: not
/// empty.
double value_at(const Series& series, double x);

/// Round numbers from 0 to at least `max`, about `count` of them: 0, 2, 4, 6, 8.
std::vector<double> axis_ticks(double max, std::size_t count);

/// The same for bytes: round in the unit in which they will be printed.
std::vector<double> byte_ticks(double max, std::size_t count);

/// Round numbers that enclose a part of an axis which does not begin at 0, for ratios.
std::vector<double> range_ticks(double min, double max, std::size_t count);

}  // namespace ullage::app
