#include "report/text.h"

#include "base/escape.h"
#include "base/units.h"
#include "report/curves.h"
#include "report/plot.h"
#include "report/rows.h"

#include <algorithm>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::size_t k_plot_rows = 9;
constexpr std::size_t k_hit_windows = 100;

std::string table(const std::vector<ReportRow>& rows, bool compare) {
  std::size_t name = 0;
  std::size_t ours = 0;
  std::size_t theirs = 0;
  for (const auto& row : rows) {
    name = std::max(name, row.name.size());
    ours = std::max(ours, row.ours.size());
    theirs = std::max(theirs, row.naive.size());
  }
  std::string text;
  for (const auto& row : rows) {
    text += fmt::format("  {:<{}}  {:>{}}", row.name, name, row.ours, ours);
    if (compare) text += fmt::format("  {:>{}}", row.naive, theirs);
    if (!row.note.empty()) text += fmt::format("  {}", row.note);
    text += "\n";
  }
  return text;
}

std::string memory_plot(const ReplayResult& result, const ReplayResult* naive,
                        PlotOptions options) {
  std::vector<Series> series = {
      memory_curve(result, result.policy == "naive" ? "naive" : "ullage")};
  double top = static_cast<double>(result.added_peak_bytes());
  if (result.memory_limit != 0) {
    series.push_back(level_curve(result, "limit", static_cast<double>(result.memory_limit)));
    top = std::max(top, static_cast<double>(result.memory_limit));
  }
  if (naive != nullptr) {
    series.push_back(memory_curve(*naive, "naive"));
    top = std::max(top, static_cast<double>(naive->added_peak_bytes()));
  }
  options.y_max = byte_ticks(top, 4).back();
  options.y_label = [](double bytes) { return format_bytes(bytes); };
  return draw_plot("resident memory added to the process", series, options);
}

std::string hit_plot(const ReplayResult& result, PlotOptions options) {
  const std::vector<Series> series = {windowed_hit_curve(result, "window", k_hit_windows),
                                      cumulative_hit_curve(result, "all")};
  double low = 1;
  double high = 0;
  for (const auto& one : series) {
    for (const Point& point : one.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  if (low > high) low = high;
  const auto ticks = range_ticks(100 * low, 100 * high, 4);
  options.y_min = std::max(0.0, ticks.front() / 100);
  options.y_max = std::min(1.0, ticks.back() / 100);
  options.y_label = [](double ratio) { return fmt::format("{:.1f} %", 100 * ratio); };
  return draw_plot("hit ratio, of the last requests (window) and of all so far", series, options);
}

}  // namespace

std::string describe_limit(const ReplayResult& result) {
  std::string text;
  if (result.memory_limit != 0) {
    text = fmt::format("limit {}", format_bytes(static_cast<double>(result.memory_limit)));
  }
  if (result.max_entries != 0) {
    text += fmt::format("{}{} entries", text.empty() ? "limit " : ", ",
                        format_count(result.max_entries));
  }
  return text.empty() ? "no limit" : text;
}

std::string role_line(const ReplayResult& result) {
  std::string text;
  std::uint64_t sum = 0;
  for (std::size_t role = 0; role < k_roles; ++role) {
    text += fmt::format("{}{} {}", role == 0 ? "" : " + ", k_role_names[role],
                        format_count(result.roles[role]));
    sum += result.roles[role];
  }
  return fmt::format("{} = charged {} bytes", text, format_count(sum));
}

std::string text_report(const ReplayResult& result, const ReplayResult* naive,
                        const std::string& why, const Terminal& terminal) {
  // Standard input has no format until it is read.
  const std::string format = result.format.empty() ? "" : fmt::format(" ({})", result.format);
  std::string text =
      fmt::format("ullage replay: {}{}, policy {}, {}\n", escape_excerpt(result.trace, 200), format,
                  result.policy, describe_limit(result));
  if (!why.empty()) text += fmt::format("  {}\n", why);
  if (!result.unsized_rule.empty()) {
    text += fmt::format("  {} of {} requests have no size in the trace and got {}\n",
                        format_count(result.unsized_requests), format_count(result.operations),
                        result.unsized_rule);
  }
  text += fmt::format("\n{}", table(report_rows(result, naive), naive != nullptr));

  PlotOptions options;
  options.width = terminal.width - 2;
  options.height = k_plot_rows;
  options.utf8 = terminal.utf8;
  options.color = terminal.color;
  options.x_label = fmt::format("{} requests", format_short(static_cast<double>(result.requests)));
  if (!result.policy.starts_with("sim:"))
    text += fmt::format("\n{}", memory_plot(result, naive, options));
  text += fmt::format("\n{}", hit_plot(result, options));

  if (result.has_roles) text += fmt::format("\nbytes by role\n  {}\n", role_line(result));
  text += "\nremoved entries by cause\n ";
  for (std::size_t cause = 0; cause < k_causes; ++cause) {
    text += fmt::format("{} {} {}", cause == 0 ? "" : ",", k_cause_names[cause],
                        format_count(result.removals[cause]));
  }
  text += "\n";
  if (result.refused != 0) {
    text += fmt::format("\n{} writes were refused, the first with {}\n",
                        format_count(result.refused), result.refusal);
  }
  for (const auto& finding : result.findings)
    text += fmt::format("\nTHE BOOKS DO NOT BALANCE: {}\n", finding);
  return text;
}

}  // namespace ullage::app
