// A line plot in a terminal: braille dots where it shows Unicode, letters where it does not.
#pragma once

#include "report/series.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace ullage::app {

struct PlotOptions {
  std::size_t width = 80;  ///< of the whole plot with its labels
  std::size_t height = 8;  ///< rows of the plot area
  bool utf8 = true;
  bool color = false;
  double y_min = 0;
  double y_max = 1;
  std::function<std::string(double)> y_label;  ///< text of a value; ASCII
  std::string x_label;                         ///< under the right end, as in "5M requests"
};

/// Each series is named at its right end. A series of one y throughout is a level (a limit) and
/// drawn as a rule. Lines end in \n and are at most options.width columns wide.
std::string draw_plot(const std::string& title, const std::vector<Series>& series,
                      const PlotOptions& options);

}  // namespace ullage::app
