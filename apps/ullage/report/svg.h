// Charts as inline SVG. Colours come from the page's style sheet (classes s0 to s4), so that one
// drawing serves light and dark.
#pragma once

#include "report/series.h"

#include <functional>
#include <string>
#include <vector>

namespace ullage::app {

struct ChartAxes {
  std::string x_title;
  std::string y_title;
  std::vector<double> y_ticks;  ///< ascending; the first and last are the ends of the axis
  std::function<std::string(double)> y_label;
  bool y_is_bytes = false;  ///< how the readout under the pointer prints values
};

struct ChartLine {
  Series series;
  std::string css_class;  ///< "s0" to "s4", or "level" for a limit (dashed)
};

/// Lines with their names at the right end.
std::string svg_lines(const std::vector<ChartLine>& lines, const ChartAxes& axes);

/// Areas on top of each other, the first at the bottom. REQUIRES: all series have the same x
/// values.
std::string svg_stack(const std::vector<ChartLine>& layers, const ChartAxes& axes);

struct ChartBar {
  std::string name;
  double value = 0;
  std::string label;
  std::string css_class;
};

/// Horizontal bars, each with its value written out.
std::string svg_bars(const std::vector<ChartBar>& bars, const std::string& x_title);

}  // namespace ullage::app
