#include "report/svg.h"

#include "base/escape.h"
#include "base/units.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {
namespace {

// One coordinate system for all charts, in units of the view box.
constexpr double k_width = 760;
constexpr double k_height = 300;
constexpr double k_left = 84;
constexpr double k_right = k_width - 128;  // room for the names at the lines' ends
constexpr double k_top = 14;
constexpr double k_bottom = k_height - 48;
constexpr double k_label_distance = 16;  // between two names, so that they do not touch

class Frame {
 public:
  Frame(double x_max, const ChartAxes& axes)
      : x_max_(x_max > 0 ? x_max : 1), y_min_(axes.y_ticks.front()), y_max_(axes.y_ticks.back()) {}

  [[nodiscard]] double x(double value) const {
    return k_left + (k_right - k_left) * value / x_max_;
  }
  [[nodiscard]] double y(double value) const {
    const double share = y_max_ > y_min_ ? (value - y_min_) / (y_max_ - y_min_) : 0;
    return k_bottom - (k_bottom - k_top) * std::clamp(share, 0.0, 1.0);
  }
  [[nodiscard]] double x_max() const { return x_max_; }

 private:
  const double x_max_;
  const double y_min_;
  const double y_max_;
};

double last_x(const std::vector<ChartLine>& lines) {
  double end = 0;
  for (const auto& line : lines)
    end = std::max(end, line.series.points.empty() ? 0 : line.series.points.back().x);
  return end;
}

std::string open_svg(double height = k_height) {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\">\n", k_width, height);
}

std::string draw_axes(const Frame& frame, const ChartAxes& axes) {
  std::string svg;
  for (const double tick : axes.y_ticks) {
    const double y = frame.y(tick);
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", k_left,
        k_right, y, y);
    svg += fmt::format(
        "<text class=\"tick\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        k_left - 8, y + 4, escape_html(axes.y_label(tick)));
  }
  auto ticks = axis_ticks(frame.x_max(), 5);
  for (const double tick : ticks) {
    if (tick > frame.x_max() * 1.0001) continue;
    const double x = frame.x(tick);
    svg += fmt::format(
        "<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>", x,
        k_bottom, k_bottom + 5);
    svg += fmt::format(
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x,
        k_bottom + 19, format_short(tick));
  }
  svg += fmt::format(
      "<line class=\"axis\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", k_left,
      k_right, k_bottom, k_bottom);
  svg += fmt::format(
      "<text class=\"title\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
      (k_left + k_right) / 2, k_height - 8, escape_html(axes.x_title));
  svg += fmt::format(
      "<text class=\"title\" text-anchor=\"middle\" transform=\"translate(14 {:.1f}) "
      "rotate(-90)\">{}</text>\n",
      (k_top + k_bottom) / 2, escape_html(axes.y_title));
  return svg;
}

std::string path_of(const Series& series, const Frame& frame) {
  std::string path;
  for (const Point& point : series.points) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", frame.x(point.x),
                        frame.y(point.y));
  }
  return path;
}

// Names at the right, from top to bottom, pushed apart where they would touch.
std::string draw_names(std::vector<std::pair<double, const ChartLine*>> places) {
  std::sort(places.begin(), places.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  double lowest = k_bottom + 4;
  std::vector<double> at(places.size());
  double above = k_top - k_label_distance;
  for (std::size_t i = 0; i < places.size(); ++i)
    above = at[i] = std::max(places[i].first, above + k_label_distance);
  for (std::size_t i = places.size(); i-- > 0;) {
    at[i] = std::min(at[i], lowest);
    lowest = at[i] - k_label_distance;
  }
  std::string svg;
  for (std::size_t i = 0; i < places.size(); ++i) {
    svg += fmt::format(
        "<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\"><tspan class=\"key {}\">\u25A0</tspan> "
        "{}</text>\n",
        k_right + 8, at[i] + 4, places[i].second->css_class,
        escape_html(places[i].second->series.name));
  }
  return svg;
}

// What the page's script shows under the pointer: [x, y] pairs by name.
std::string readout(const std::vector<ChartLine>& lines, const Frame& frame,
                    const ChartAxes& axes) {
  std::string json;
  for (const auto& line : lines) {
    std::string points;
    for (const Point& point : line.series.points) {
      points += fmt::format("{}[{:.0f},{:.6g}]", points.empty() ? "" : ",", point.x, point.y);
    }
    json += fmt::format("{}{{\"name\":\"{}\",\"points\":[{}]}}", json.empty() ? "" : ",",
                        escape_html(line.series.name), points);
  }
  return fmt::format(
      "<script "
      "type=\"application/"
      "json\">{{\"left\":{},\"right\":{},\"top\":{},\"bottom\":{},\"max\":{:.0f},"
      "\"bytes\":{},\"lines\":[{}]}}</script>\n",
      k_left, k_right, k_top, k_bottom, frame.x_max(), axes.y_is_bytes, json);
}

}  // namespace

std::string svg_lines(const std::vector<ChartLine>& lines, const ChartAxes& axes) {
  const Frame frame(last_x(lines), axes);
  std::string svg = open_svg() + draw_axes(frame, axes);
  std::vector<std::pair<double, const ChartLine*>> places;
  for (const auto& line : lines) {
    if (line.series.points.empty()) continue;
    svg += fmt::format("<path class=\"line {}\" d=\"{}\"/>\n", line.css_class,
                       path_of(line.series, frame));
    places.emplace_back(frame.y(line.series.points.back().y), &line);
  }
  return svg + draw_names(std::move(places)) + "</svg>\n" + readout(lines, frame, axes);
}

std::string svg_stack(const std::vector<ChartLine>& layers, const ChartAxes& axes) {
  const Frame frame(last_x(layers), axes);
  std::string svg = open_svg() + draw_axes(frame, axes);
  std::vector<std::pair<double, const ChartLine*>> places;
  std::vector<double> floor(layers.front().series.points.size(), 0.0);
  for (const auto& layer : layers) {
    const auto& points = layer.series.points;
    std::string top;
    std::string bottom;
    double middle = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double x = frame.x(points[i].x);
      bottom.insert(0, fmt::format("L{:.1f} {:.1f}", x, frame.y(floor[i])));
      middle = floor[i] + points[i].y / 2;
      floor[i] += points[i].y;
      top += fmt::format("{}{:.1f} {:.1f}", top.empty() ? "M" : "L", x, frame.y(floor[i]));
    }
    svg += fmt::format("<path class=\"area {}\" d=\"{}{}Z\"/>\n", layer.css_class, top, bottom);
    places.emplace_back(frame.y(middle), &layer);
  }
  return svg + draw_names(std::move(places)) + "</svg>\n" + readout(layers, frame, axes);
}

std::string svg_bars(const std::vector<ChartBar>& bars, const std::string& x_title) {
  constexpr double k_bar = 18;
  constexpr double k_step = 32;
  const double height = k_step * static_cast<double>(bars.size()) + 40;
  double max = 0;
  for (const auto& bar : bars)
    max = std::max(max, bar.value);
  std::string svg = open_svg(height);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = 8 + k_step * static_cast<double>(i);
    const double length = max > 0 ? (k_right - k_left) * bars[i].value / max : 0;
    svg +=
        fmt::format("<text class=\"name\" text-anchor=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                    k_left - 8, y + 13, escape_html(bars[i].name));
    // A value above zero always shows, however small beside the largest.
    svg += fmt::format(
        "<rect class=\"bar {}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
        "rx=\"2\"/>",
        bars[i].css_class, k_left, y, bars[i].value > 0 ? std::max(length, 2.0) : 0.0, k_bar);
    svg += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                       k_left + length + 8, y + 13, escape_html(bars[i].label));
  }
  svg += fmt::format(
      "<text class=\"title\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
      (k_left + k_right) / 2, height - 10, escape_html(x_title));
  return svg + "</svg>\n";
}

}  // namespace ullage::app
