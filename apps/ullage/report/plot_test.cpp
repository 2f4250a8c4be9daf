#include "report/plot.h"

#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace ullage::app {
namespace {

// Columns of a line: continuation bytes of UTF-8 take none.
std::size_t columns(const std::string& line) {
  std::size_t count = 0;
  for (const char c : line)
    count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

PlotOptions plain(std::size_t width, bool utf8) {
  PlotOptions options;
  options.width = width;
  options.height = 5;
  options.utf8 = utf8;
  options.y_max = 4;
  options.y_label = [](double y) { return fmt::format("{:.0f}", y); };
  options.x_label = "end";
  return options;
}

TEST(Plot, DrawsARisingLineAndALevelInAscii) {
  const Series rising{"up", {{0, 0}, {4, 4}}};
  const Series level{"top", {{0, 4}, {4, 4}}};
  EXPECT_EQ(draw_plot("t", {rising, level}, plain(20, false)),
            "t\n"
            "4 |----------* up 4\n"
            "  |       ***  top 4\n"
            "  |    ***    \n"
            "  | ***       \n"
            "0 |*          \n"
            "  +-----------\n"
            "   0       end\n");
}

TEST(Plot, FitsItsWidthInEitherAlphabet) {
  Series wave{"wave", {}};
  for (int i = 0; i < 1000; ++i)
    wave.points.push_back({static_cast<double>(i), static_cast<double>(i % 5)});
  for (const bool utf8 : {true, false}) {
    for (const std::size_t width : {40u, 80u, 120u}) {
      std::istringstream lines(draw_plot("t", {wave}, plain(width, utf8)));
      for (std::string line; std::getline(lines, line);)
        EXPECT_LE(columns(line), width) << line;
    }
  }
}

TEST(Plot, AsciiMeansAscii) {
  const std::string text = draw_plot("t", {{"a", {{0, 1}, {1, 2}}}}, plain(60, false));
  for (const char c : text)
    EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

TEST(Plot, HasNothingToDrawWithoutPoints) {
  EXPECT_NE(draw_plot("t", {{"empty", {}}}, plain(40, true)), "");
  EXPECT_NE(draw_plot("t", {{"dot", {{0, 1}}}}, plain(40, true)), "");
}

}  // namespace
}  // namespace ullage::app
