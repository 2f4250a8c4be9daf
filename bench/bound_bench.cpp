// The bound: a cache with a limit of 64 MiB is offered ten times as much, in eight ways that have
// made caches outgrow theirs. What it adds to the process stays under the limit at every moment,
// and once full nearly all of the limit holds live pages.
#include "common/caches.h"
#include "common/child.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/rounds.h"
#include "common/scenarios.h"
#include "common/text.h"

#include <algorithm>

namespace ullage::bench {
namespace {

constexpr double k_live_share_bar = 0.92;

/// Looks at the cache from time to time.
struct Watcher {
  Cache* cache = nullptr;
  ResidentMeter* meter = nullptr;
  double limit = 0;
  std::uint64_t looks = 0;
  double live_max = 0;
  double live_min_since_full = 1;

  [[nodiscard]] double live_share() const {
    return static_cast<double>(cache->stats().live_page_bytes) / limit;
  }
  static void look(void* self) {
    auto& watcher = *static_cast<Watcher*>(self);
    watcher.meter->sample();
    if (++watcher.looks % 16 != 0) return;  // stats() adds counters up: not for every look
    const double share = watcher.live_share();
    watcher.live_max = std::max(watcher.live_max, share);
    if (watcher.live_max >= k_live_share_bar) {
      watcher.live_min_since_full = std::min(watcher.live_min_since_full, share);
    }
  }
};

/// Answers how many calls were refused.
double bound(Report& report, const Scenario& scenario, std::size_t limit, std::uint64_t bytes) {
  const auto numbers = in_child([&] {
    std::vector<char> values(Sink::k_value_max, 'v');  // before the meter: not the cache's
    ResidentMeter meter;
    Cache cache = open_cache(limit);
    Watcher watcher{.cache = &cache, .meter = &meter, .limit = static_cast<double>(limit)};
    Sink sink(cache, values, &Watcher::look, &watcher);
    const double seconds = seconds_of([&] { scenario.run(sink, bytes); });
    return std::vector<double>{
        static_cast<double>(meter.peak()), watcher.live_share(),
        watcher.live_min_since_full,       static_cast<double>(sink.refused()),
        static_cast<double>(sink.calls()), seconds};
  });
  const std::string workload =
      text("memory_limit %zu MiB, %.0f MiB offered in %.1fM calls, %.0f s", limit / k_mib,
           static_cast<double>(bytes) / 0x1p20, numbers[4] / 1e6, numbers[5]);
  report.add({.figure = text("resident peak added: %s", scenario.name),
              .bar = text("<= %zu MiB", limit / k_mib),
              .result = text("%.2f MiB (%.0f calls refused)", numbers[0] / 0x1p20, numbers[3]),
              .met = numbers[0] <= static_cast<double>(limit),
              .peer = "",
              .workload = workload});
  report.add({.figure = text("share of the limit in live pages: %s", scenario.name),
              .bar = text(">= %.2f", k_live_share_bar),
              .result = text("%.3f at the end, %.3f the lowest since full", numbers[1], numbers[2]),
              .met = std::min(numbers[1], numbers[2]) >= k_live_share_bar,
              .peer = "",
              .workload = workload});
  return numbers[3];
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("bound", arguments);
  const auto limit = arguments.scaled<std::size_t>(64 * ullage::k_mib, 8 * ullage::k_mib);
  const std::uint64_t bytes = arguments.tiny ? limit + limit / 4 : 10 * limit;
  double refused = 0;
  for (const Scenario& scenario : scenarios())
    refused += bound(report, scenario, limit, bytes);
  report.add({.figure = "writes refused for want of room, in all eight",
              .bar = "0",
              .result = text("%.0f", refused),
              .met = refused == 0,
              .peer = "",
              .workload = "a bound that is kept by refusing writes would be no cache's"});
  return report.finish();
}
