#include "report/rows.h"

#include "base/units.h"

#include <functional>

#include <fmt/core.h>

namespace ullage::app {
namespace {

std::string bytes(std::uint64_t value) {
  return format_bytes(static_cast<double>(value));
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? ""
                    : fmt::format("{:.1f} % of the limit",
                                  100 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::vector<ReportRow> report_rows(const ReplayResult& result, const ReplayResult* naive) {
  std::vector<ReportRow> rows;
  using Cell = std::function<std::string(const ReplayResult&)>;
  const auto add = [&](std::string name, const Cell& cell, std::string note = "") {
    rows.push_back(
        {std::move(name), cell(result), naive ? cell(*naive) : std::string(), std::move(note)});
  };
  if (naive != nullptr) rows.push_back({"", "ullage", "naive map of maps", ""});
  const bool simulated = result.policy.starts_with("sim:");

  add("requests", [](const auto& r) { return format_count(r.requests); });
  if (result.operations != result.requests) {
    add(
        "operations", [](const auto& r) { return format_count(r.operations); },
        "with the trace's own writes");
  }
  add("hits", [](const auto& r) { return format_count(r.hits); });
  add("misses", [](const auto& r) { return format_count(r.misses); });
  add("hit ratio", [](const auto& r) { return format_percent(r.hit_ratio()); });
  add("miss ratio", [](const auto& r) { return fmt::format("{:.4f}", r.miss_ratio()); });
  add("byte miss ratio", [](const auto& r) { return fmt::format("{:.4f}", r.byte_miss_ratio()); });
  if (result.bypassed != 0) {
    add(
        "bypassed", [](const auto& r) { return format_count(r.bypassed); },
        "values above the maximum, not stored");
  }
  if (result.skipped != 0) {
    add("skipped", [](const auto& r) { return format_count(r.skipped); }, "malformed lines");
  }
  add("seconds", [](const auto& r) { return fmt::format("{:.2f}", r.seconds); });
  add(
      "requests per second", [](const auto& r) { return format_short(r.requests_per_second()); },
      "inside the cache's calls");
  add("entries", [](const auto& r) { return format_count(r.entries); });
  if (!simulated) {
    add("groups", [](const auto& r) { return format_count(r.groups); });
    add(
        "resident, added peak", [](const auto& r) { return bytes(r.added_peak_bytes()); },
        percent_of(result.added_peak_bytes(), result.memory_limit));
    add(
        "resident, process peak", [](const auto& r) { return bytes(r.resident_peak_bytes); },
        fmt::format("{} before the cache was opened", bytes(result.resident_baseline_bytes)));
  }
  if (result.charged_bytes != 0) {
    add(
        "charged",
        [](const auto& r) { return r.charged_bytes == 0 ? "-" : bytes(r.charged_bytes); },
        percent_of(result.charged_bytes, result.memory_limit));
  }
  return rows;
}

}  // namespace ullage::app
