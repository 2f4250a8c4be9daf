#include "observe/profile_view.h"

#include "base/escape.h"
#include "base/failure.h"
#include "base/units.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/core.h>

namespace ullage::app {

namespace {
/// Values of strangers: a sum is right as long as it is within what a number holds.
std::int64_t sum_of(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t minus(std::int64_t value) {
  return static_cast<std::int64_t>(-static_cast<std::uint64_t>(value));
}
std::uint64_t size_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value < 0 ? minus(value) : value);
}

std::int64_t total_of(const observe::ParsedProfile& profile, std::size_t type) {
  std::int64_t total = 0;
  for (const auto& sample : profile.samples)
    total = sum_of(total, sample.values[type]);
  return total;
}

double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}
}  // namespace

std::string format_value(std::int64_t value, const std::string& unit) {
  const std::string sign = value < 0 ? "-" : "";
  const std::uint64_t size = size_of(value);
  if (unit == "bytes") return sign + format_bytes(static_cast<double>(size));
  if (unit == "nanoseconds") return sign + format_seconds(static_cast<double>(size) / 1e9);
  return sign + format_count(size);
}

std::vector<ProfileRow> profile_rows(const observe::ParsedProfile& profile, std::size_t type) {
  std::vector<ProfileRow> rows(profile.functions.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i].name = profile.functions[i];
  std::vector<std::size_t> seen_in(rows.size(), profile.samples.size());
  for (std::size_t s = 0; s < profile.samples.size(); ++s) {
    const auto& sample = profile.samples[s];
    const std::int64_t value = sample.values[type];
    const auto add = [&](std::int64_t& to) { to = sum_of(to, value); };
    if (!sample.frames.empty()) add(rows[sample.frames.front()].flat);
    for (const std::uint32_t frame : sample.frames) {
      if (std::exchange(seen_in[frame], s) != s) add(rows[frame].cumulative);
    }
  }
  std::erase_if(rows, [](const auto& row) { return row.flat == 0 && row.cumulative == 0; });
  std::ranges::sort(rows, [](const ProfileRow& a, const ProfileRow& b) {
    const auto by_size = [](const ProfileRow& row) {
      return std::pair(~size_of(row.flat), ~size_of(row.cumulative));  // the largest first
    };
    return std::tuple(by_size(a), std::string_view(a.name)) <
           std::tuple(by_size(b), std::string_view(b.name));
  });
  return rows;
}

std::string profile_table(const observe::ParsedProfile& profile, std::size_t type,
                          std::size_t most) {
  const std::string& unit = profile.types[type].unit;
  const std::int64_t total = total_of(profile, type);
  const std::vector<ProfileRow> rows = profile_rows(profile, type);
  std::string text = fmt::format("{} of {} in {} samples\n", format_value(total, unit),
                                 escape_excerpt(profile.types[type].type), profile.samples.size());
  for (const std::string& comment : profile.comments)
    text += escape_excerpt(comment, 400) + "\n";
  text += fmt::format("{:>12} {:>7} {:>7} {:>12} {:>7}\n", "flat", "flat%", "sum%", "cum", "cum%");
  std::int64_t sum = 0;
  for (const ProfileRow& row : std::span(rows).first(std::min(most, rows.size()))) {
    sum = sum_of(sum, row.flat);
    text += fmt::format("{:>12} {:>6.2f}% {:>6.2f}% {:>12} {:>6.2f}%  {}\n",
                        format_value(row.flat, unit), percent(row.flat, total), percent(sum, total),
                        format_value(row.cumulative, unit), percent(row.cumulative, total),
                        escape_excerpt(row.name, 200));
  }
  if (rows.size() > most) text += fmt::format("... and {} more\n", rows.size() - most);
  return text;
}

namespace {

/// Stacks put together from the root: equal beginnings are one box.
struct Box {
  std::int64_t value = 0;
  std::map<std::uint32_t, std::unique_ptr<Box>> above;
};

class Flames {
 public:
  Flames(const observe::ParsedProfile& profile, std::size_t type)
      : profile_(profile), unit_(profile.types[type].unit) {
    for (const auto& sample : profile.samples) {
      const std::int64_t value = sample.values[type];
      if (value <= 0) continue;  // of a difference, what went has no width
      Box* box = &root_;
      box->value = sum_of(box->value, value);
      std::size_t depth = 0;
      for (auto frame = sample.frames.rbegin();
           frame != sample.frames.rend() && depth < k_depth_max; ++frame, ++depth) {
        auto& next = box->above[*frame];
        if (!next) next = std::make_unique<Box>();
        box = next.get();
        box->value = sum_of(box->value, value);
      }
      deepest_ = std::max(deepest_, depth);
    }
  }

  std::string svg(const std::string& title) {
    const double height = static_cast<double>(deepest_ + 3) * k_row;
    std::string text = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="monospace" font-size="11">
<style>rect{{stroke:#fff;stroke-width:.5}}text{{pointer-events:none}}g:hover rect{{stroke:#000}}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="14" font-size="13">{}</text>
)",
        k_width, height, escape_html(title));
    draw(text, root_, "all", 0, k_width, height - k_row, 0);
    return text + "</svg>\n";
  }

 private:
  static constexpr double k_width = 1200;
  static constexpr double k_row = 17;
  static constexpr double k_narrowest = 0.4;
  static constexpr std::size_t k_depth_max = 256;

  void draw(std::string& text, const Box& box, const std::string& name, double x, double width,
            double y, std::size_t depth) {
    if (width < k_narrowest) return;
    const std::string shown = escape_html(escape_excerpt(name, 400));
    // A colour that a function keeps from one drawing to the next.
    const std::size_t hash = std::hash<std::string>()(name);
    text += fmt::format(
        R"svg(<g><title>{} ({}, {:.2f}%)</title><rect x="{:.2f}" y="{:.1f}" width="{:.2f}" height="{}" fill="hsl({},{}%,{}%)"/>)svg",
        shown, format_value(box.value, unit_), percent(box.value, root_.value), x, y, width, k_row,
        20 + hash % 35, 60 + hash / 35 % 30, 62 + hash / 1050 % 14);
    constexpr double k_character = 6.7;
    const auto fits = static_cast<std::size_t>(std::max(0.0, (width - 6) / k_character));
    if (fits >= 3) {
      text += fmt::format(R"(<text x="{:.2f}" y="{:.1f}">{}</text>)", x + 3, y + 12.5,
                          escape_html(escape_excerpt(name, fits)));
    }
    text += "</g>\n";
    double at = x;
    for (const auto& [frame, above] : box.above) {
      const double share = width * static_cast<double>(above->value) /
                           static_cast<double>(std::max<std::int64_t>(box.value, 1));
      draw(text, *above, profile_.functions[frame], at, share, y - k_row, depth + 1);
      at += share;
    }
  }

  const observe::ParsedProfile& profile_;
  std::string unit_;
  Box root_;
  std::size_t deepest_ = 0;
};

}  // namespace

std::string flame_graph(const observe::ParsedProfile& profile, std::size_t type,
                        const std::string& title) {
  return Flames(profile, type).svg(title);
}

}  // namespace ullage::app
