#include "report/page.h"

#include "base/escape.h"
#include "base/units.h"
#include "report/curves.h"
#include "report/page_style.h"
#include "report/rows.h"
#include "report/svg.h"
#include "report/text.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::size_t k_hit_windows = 160;
constexpr std::string_view k_x_title = "requests";

std::string figure(const std::string& title, const std::string& caption, const std::string& svg) {
  return fmt::format("<h2>{}</h2>\n<figure>\n<figcaption>{}</figcaption>\n{}</figure>\n",
                     escape_html(title), escape_html(caption), svg);
}

ChartAxes byte_axes(double top, std::string title) {
  ChartAxes axes;
  axes.x_title = k_x_title;
  axes.y_title = std::move(title);
  axes.y_ticks = byte_ticks(top, 5);
  // One unit for the whole axis: that of its largest tick.
  const double mib = 1024.0 * 1024;
  const double largest = axes.y_ticks.back();
  const double unit = largest >= 1024 * mib ? 1024 * mib : largest >= mib ? mib : 1024;
  axes.y_title += unit == mib ? ", MiB" : unit > mib ? ", GiB" : ", KiB";
  axes.y_label = [unit](double bytes) { return fmt::format("{:.4g}", bytes / unit); };
  axes.y_is_bytes = true;
  return axes;
}

std::string memory_figure(const ReplayResult& result, const ReplayResult* naive) {
  std::vector<ChartLine> lines;
  double top = static_cast<double>(result.added_peak_bytes());
  if (naive != nullptr) {
    lines.push_back({memory_curve(*naive, "naive maps"), "s1"});
    top = std::max(top, static_cast<double>(naive->added_peak_bytes()));
  }
  if (result.memory_limit != 0) {
    lines.push_back(
        {level_curve(result, "limit", static_cast<double>(result.memory_limit)), "level"});
    top = std::max(top, static_cast<double>(result.memory_limit));
  }
  lines.push_back({memory_curve(result, result.policy == "naive" ? "naive" : "Ullage"), "s0"});
  return figure("Resident memory against the limit",
                "What the cache added to the process, as the kernel counts it (Rss over its value "
                "before opening).",
                svg_lines(lines, byte_axes(top, "added resident memory")));
}

std::string hit_figure(const ReplayResult& result) {
  const std::vector<ChartLine> lines = {
      {windowed_hit_curve(result, "window", k_hit_windows), "s2 thin"},
      {cumulative_hit_curve(result, "all so far"), "s0"}};
  double low = 1;
  double high = 0;
  for (const auto& line : lines) {
    for (const Point& point : line.series.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  ChartAxes axes;
  axes.x_title = k_x_title;
  axes.y_title = "hit ratio, %";
  for (const double tick : range_ticks(100 * std::min(low, high), 100 * high, 5))
    axes.y_ticks.push_back(tick / 100);
  axes.y_label = [](double ratio) { return fmt::format("{:.4g}", 100 * ratio); };
  return figure("Hit ratio over time", "Of each window of requests, and of all requests so far.",
                svg_lines(lines, axes));
}

std::string role_figure(const ReplayResult& result) {
  std::vector<ChartLine> layers;
  double top = static_cast<double>(result.memory_limit);
  for (const auto& sample : result.role_samples) {
    double sum = 0;
    for (const auto bytes : sample.bytes)
      sum += static_cast<double>(bytes);
    top = std::max(top, sum);
  }
  for (std::size_t role = 0; role < k_roles; ++role) {
    Series series{std::string(k_role_names[role]), {}};
    for (const auto& sample : result.role_samples) {
      series.points.push_back(
          {static_cast<double>(sample.requests), static_cast<double>(sample.bytes[role])});
    }
    layers.push_back({std::move(series), fmt::format("s{}", role)});
  }
  return figure(
      "Bytes by role",
      fmt::format("Every byte charged to the arena, by what it is for. {}.", role_line(result)),
      svg_stack(layers, byte_axes(top, "charged bytes")));
}

std::string cause_figure(const ReplayResult& result) {
  std::vector<ChartBar> bars;
  for (std::size_t cause = 0; cause < k_causes; ++cause) {
    const std::uint64_t count = result.removals[cause];
    bars.push_back({std::string(k_cause_names[cause]), static_cast<double>(count),
                    format_count(count), fmt::format("s{}", cause)});
  }
  return figure("Removed entries by cause", "Each entry that is gone has exactly one cause.",
                svg_bars(bars, "entries"));
}

std::string numbers(const ReplayResult& result, const ReplayResult* naive) {
  std::string html = "<h2>Numbers</h2>\n<div class=\"scroll\"><table>\n";
  for (const auto& row : report_rows(result, naive)) {
    const char* cell = row.name.empty() ? "th" : "td";
    html += fmt::format("<tr><{0}>{1}</{0}><{0}>{2}</{0}>", cell, escape_html(row.name),
                        escape_html(row.ours));
    if (naive != nullptr) html += fmt::format("<{0}>{1}</{0}>", cell, escape_html(row.naive));
    html += fmt::format("<{0} class=\"note\">{1}</{0}></tr>\n", cell, escape_html(row.note));
  }
  html += "</table></div>\n";
  return html;
}

std::string tile(const std::string& number, const std::string& what) {
  return fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escape_html(number),
                     escape_html(what));
}

std::string tiles(const ReplayResult& result, const ReplayResult* naive) {
  std::string html = "<div class=\"tiles\">\n";
  html += tile(format_percent(result.hit_ratio()), "hit ratio");
  if (!result.policy.starts_with("sim:")) {
    html += tile(format_bytes(static_cast<double>(result.added_peak_bytes())),
                 fmt::format("peak resident, {}", describe_limit(result)));
  }
  if (naive != nullptr) {
    html += tile(format_bytes(static_cast<double>(naive->added_peak_bytes())),
                 "peak resident, naive map of maps");
  }
  html +=
      tile(format_short(result.requests_per_second()) + "/s", "requests inside the cache's calls");
  html += "</div>\n";
  return html;
}

}  // namespace

std::string html_page(const ReplayResult& result, const ReplayResult* naive,
                      const PageContext& context) {
  const std::string title = fmt::format("Ullage: replay of {}", result.trace);
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<h1>{}</h1>\n",
      escape_html(title), k_page_style, escape_html(title));
  html += fmt::format("<p class=\"soft\">{} requests, policy {}, {}. {}</p>\n",
                      format_count(result.requests), escape_html(result.policy),
                      escape_html(describe_limit(result)),
                      escape_html(context.why.empty() ? context.why : context.why + "."));
  if (!result.unsized_rule.empty()) {
    html += fmt::format("<p class=\"soft\">{} requests have no size in the trace and got {}.</p>\n",
                        format_count(result.unsized_requests), escape_html(result.unsized_rule));
  }
  for (const auto& finding : result.findings) {
    html +=
        fmt::format("<p class=\"bad\">The books do not balance: {}</p>\n", escape_html(finding));
  }
  html += tiles(result, naive);
  if (!result.policy.starts_with("sim:")) html += memory_figure(result, naive);
  html += hit_figure(result);
  if (result.has_roles && !result.role_samples.empty()) html += role_figure(result);
  html += cause_figure(result);
  html += numbers(result, naive);
  html += fmt::format(
      "<p class=\"soft\">Made by ullage {} with "
      "<code>{}</code></p>\n<script>{}</script>\n</body>\n</html>\n",
      escape_html(context.version), escape_html(context.command), k_page_script);
  return html;
}

}  // namespace ullage::app
