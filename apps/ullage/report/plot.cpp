#include "report/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include <fmt/core.h>

namespace ullage::app {
namespace {

// Colours that stay apart for the colour-blind and on dark and light grounds.
constexpr std::array<std::string_view, 3> k_colors = {"\x1b[36m", "\x1b[33m", "\x1b[35m"};
constexpr std::string_view k_plain = "\x1b[0m";
constexpr std::array<char, 3> k_letters = {'*', 'o', '+'};

std::string encode_utf8(std::uint32_t code) {  // of U+0800 to U+FFFF
  return {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

// One character of the plot area.
struct Cell {
  std::uint8_t dots = 0;  // a mask of eight: two columns of four
  bool rule = false;
  std::uint8_t series = 0;  // of the topmost line here
};

class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows, bool utf8)
      : columns_(columns),
        rows_(rows),
        across_(utf8 ? 2 : 1),
        down_(utf8 ? 4 : 1),
        cells_(columns * rows) {}

  [[nodiscard]] std::size_t dots_across() const { return columns_ * across_; }
  [[nodiscard]] std::size_t dots_down() const { return rows_ * down_; }
  Cell& cell(std::size_t column, std::size_t row) { return cells_[row * columns_ + column]; }

  // The dot in column x and row y, counted from the bottom.
  void set(std::size_t x, std::size_t y, std::size_t series) {
    static constexpr std::uint8_t k_masks[2][4] = {{0x01, 0x02, 0x04, 0x40},
                                                   {0x08, 0x10, 0x20, 0x80}};
    const std::size_t from_top = dots_down() - 1 - y;
    Cell& at = cell(x / across_, from_top / down_);
    at.dots = static_cast<std::uint8_t>(at.dots | k_masks[x % across_][from_top % down_]);
    at.series = static_cast<std::uint8_t>(series);
  }

 private:
  const std::size_t columns_;
  const std::size_t rows_;
  const std::size_t across_;
  const std::size_t down_;
  std::vector<Cell> cells_;
};

bool is_level(const Series& series) {
  return std::all_of(series.points.begin(), series.points.end(),
                     [&](const Point& point) { return point.y == series.points.front().y; });
}

double x_end(const std::vector<Series>& series) {
  double end = 0;
  for (const auto& one : series)
    end = std::max(end, one.points.empty() ? 0 : one.points.back().x);
  return end;
}

// 0 at the bottom, 1 at the top.
double share_of(double y, const PlotOptions& options) {
  const double span = options.y_max - options.y_min;
  return span > 0 ? std::clamp((y - options.y_min) / span, 0.0, 1.0) : 0;
}

// The dot, counted from the bottom, and the row, counted from the top, at which a value is drawn.
std::size_t dot_of(double y, std::size_t dots, const PlotOptions& options) {
  return static_cast<std::size_t>(
      std::lround(share_of(y, options) * static_cast<double>(dots - 1)));
}
std::size_t row_of(double y, std::size_t rows, const PlotOptions& options) {
  const std::size_t dots = rows * (options.utf8 ? 4 : 1);
  return (dots - 1 - dot_of(y, dots, options)) * rows / dots;
}

void draw_line(Canvas& canvas, const Series& series, std::size_t index, double end,
               const PlotOptions& options) {
  const double first = series.points.front().x;
  const double last = series.points.back().x;
  std::size_t previous = 0;
  bool begun = false;
  for (std::size_t x = 0; x < canvas.dots_across(); ++x) {
    const double at =
        end * (static_cast<double>(x) + 0.5) / static_cast<double>(canvas.dots_across());
    // A line has no dots where it has no data, but a short one shows in one column at least.
    if (begun && at > last) break;
    if (at < first &&
        end * (static_cast<double>(x) + 1.5) / static_cast<double>(canvas.dots_across()) < first)
      continue;
    const std::size_t y = dot_of(value_at(series, at), canvas.dots_down(), options);
    const std::size_t from = begun ? std::min(y, previous) : y;
    const std::size_t to = begun ? std::max(y, previous) : y;
    for (std::size_t dot = from; dot <= to; ++dot) {
      if (dot != previous || dot == y || !begun) canvas.set(x, dot, index);
    }
    previous = y;
    begun = true;
  }
}

std::string glyph(const Cell& cell, const PlotOptions& options) {
  if (cell.dots == 0 && !cell.rule) return " ";
  std::string text;
  if (cell.dots == 0) {
    text = options.utf8 ? "\u2500" : "-";
  } else if (options.utf8) {
    text = encode_utf8(0x2800u + cell.dots);
  } else {
    text = std::string(1, k_letters[cell.series % k_letters.size()]);
  }
  if (!options.color || cell.dots == 0) return text;
  return fmt::format("{}{}{}", k_colors[cell.series % k_colors.size()], text, k_plain);
}

// The names at the right end, one a row, moved off each other.
std::vector<std::string> end_labels(const std::vector<Series>& series, std::size_t rows,
                                    const PlotOptions& options) {
  std::vector<std::string> labels(rows);
  for (std::size_t index = 0; index < series.size(); ++index) {
    if (series[index].points.empty()) continue;
    const std::size_t wanted = row_of(series[index].points.back().y, rows, options);
    for (std::size_t away = 0; away < rows; ++away) {
      const bool below = wanted + away < rows && labels[wanted + away].empty();
      const bool above = away <= wanted && labels[wanted - away].empty();
      if (!below && !above) continue;
      labels[above ? wanted - away : wanted + away] =
          fmt::format("{} {}", series[index].name, options.y_label(series[index].points.back().y));
      break;
    }
  }
  return labels;
}

}  // namespace

std::string draw_plot(const std::string& title, const std::vector<Series>& series,
                      const PlotOptions& options) {
  const std::size_t rows = std::max<std::size_t>(options.height, 3);
  const auto labels = end_labels(series, rows, options);
  std::size_t right = 0;
  for (const auto& label : labels)
    right = std::max(right, label.size());
  std::size_t left = 0;
  for (const double y : {options.y_min, options.y_max, (options.y_min + options.y_max) / 2}) {
    left = std::max(left, options.y_label(y).size());
  }
  const std::size_t around = left + 2 + 1 + right;
  const std::size_t columns = options.width > around + 10 ? options.width - around : 10;

  Canvas canvas(columns, rows, options.utf8);
  const double end = x_end(series);
  for (std::size_t index = 0; index < series.size(); ++index) {
    const Series& one = series[index];
    if (one.points.empty() || end <= 0) continue;
    if (index != 0 && is_level(one)) {
      for (std::size_t x = 0; x < columns; ++x)
        canvas.cell(x, row_of(one.points.front().y, rows, options)).rule = true;
    } else {
      draw_line(canvas, one, index, end, options);
    }
  }

  std::string text = fmt::format("{}\n", title);
  for (std::size_t row = 0; row < rows; ++row) {
    std::string label;
    if (row == 0) label = options.y_label(options.y_max);
    if (row == rows - 1) label = options.y_label(options.y_min);
    text += fmt::format("{:>{}} {}", label, left, options.utf8 ? "\u2502" : "|");
    std::string line;
    for (std::size_t column = 0; column < columns; ++column)
      line += glyph(canvas.cell(column, row), options);
    text += line;
    if (!labels[row].empty()) text += fmt::format(" {}", labels[row]);
    text += "\n";
  }
  text += fmt::format("{:>{}} {}", "", left, options.utf8 ? "\u2514" : "+");
  for (std::size_t column = 0; column < columns; ++column)
    text += options.utf8 ? "\u2500" : "-";
  text += fmt::format("\n{:>{}}  0{:>{}}\n", "", left, options.x_label, columns - 1);
  return text;
}

}  // namespace ullage::app
