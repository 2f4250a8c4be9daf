// Runs a scenario in a child process and reads what the cache adds to it. A child, so that neither
// the memory that an earlier test left to malloc nor its peak counts.
#pragma once

#include <ullage/cache.h>

#include "support/build.h"
#include "support/resident.h"
#include "support/scenarios.h"

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::test {

/// Far above what any scenario takes, in any build.
inline constexpr unsigned k_child_seconds_max = 240;

/// What a child reports.
struct Report {
  std::uint64_t resident_peak = 0;  ///< bytes added to the process, at the highest
  std::uint64_t resident_end = 0;   ///< bytes added at the end
  std::uint64_t charged_peak = 0;
  std::uint64_t operations = 0;
  std::uint64_t failures = 0;  ///< calls that answered with an error
  double live_share_end = 0;   ///< live_page_bytes / memory_limit at the end
  double live_share_mean = 0;  ///< the mean since the cache was full for the first time
  double live_share_min = 1;   ///< the lowest since then
  bool balanced = false;
};

/// The sink of the scenarios: a cache, watched.
class WatchedCache {
 public:
  WatchedCache(Options options, ResidentMeter& meter, Report& report)
      : limit_(options.memory_limit),
        clock_(std::make_shared<ManualClock>()),
        manual_(options.maintenance == Maintenance::manual),
        meter_(meter),
        report_(report),
        cache_(open(std::move(options))) {}

  void set(std::string_view group, std::string_view field, std::string_view value,
           std::int64_t ttl_ms = 0) {
    SetOptions options;
    if (ttl_ms > 0) options.ttl = Millis(ttl_ms);
    if (!cache_.set(group, field, value, options)) ++report_.failures;
    step();
  }
  void erase(std::string_view group, std::string_view field) {
    cache_.erase(group, field);
    step();
  }
  void erase_group(std::string_view group) {
    cache_.erase_group(group);
    step();
  }
  void advance(std::int64_t ms) {
    if (!manual_) return;
    clock_->advance(Millis(ms));
    cache_.tick(50);
  }
  Cache& cache() { return cache_; }

  void finish() {
    look();
    if (manual_) {
      while (cache_.tick(10'000) == 10'000) {
      }
    }
    const Stats stats = cache_.stats();
    report_.resident_end = meter_.sample();
    report_.resident_peak = meter_.peak();
    report_.live_share_end = share(stats);
    report_.live_share_mean = samples_ == 0 ? 0 : shares_ / static_cast<double>(samples_);
    // The walk comes after the readings: its own memory is not the cache's.
    const Validation found = cache_.validate();
    report_.balanced = found.ok;
    for (const std::string& finding : found.findings)
      std::printf("  %s\n", finding.c_str());
    std::fflush(stdout);
  }

 private:
  static constexpr std::uint64_t k_operations_per_look = 1000;

  Cache open(Options options) {
    if (manual_) options.clock = clock_;
    return Cache::open(std::move(options)).value();
  }
  [[nodiscard]] double share(const Stats& stats) const {
    return static_cast<double>(stats.live_page_bytes) / static_cast<double>(limit_);
  }
  void step() {
    if (++report_.operations % k_operations_per_look == 0) look();
  }
  void look() {
    meter_.sample();
    const Stats stats = cache_.stats();
    report_.charged_peak = std::max(report_.charged_peak, stats.charged_bytes);
    full_ = full_ || share(stats) >= 0.92;
    if (!full_) return;
    ++samples_;
    shares_ += share(stats);
    report_.live_share_min = std::min(report_.live_share_min, share(stats));
  }

  std::uint64_t limit_;
  std::shared_ptr<ManualClock> clock_;
  bool manual_;
  ResidentMeter& meter_;
  Report& report_;
  Cache cache_;
  bool full_ = false;
  std::uint64_t samples_ = 0;
  double shares_ = 0;
};

/// Runs `scenario(sink, tools)` on a fresh cache in a child; none if the child died.
inline std::optional<Report> in_child(
    const Options& options, const std::function<void(WatchedCache&, ScenarioTools&)>& scenario) {
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::alarm(k_child_seconds_max);  // a call that never ends fails the test instead of hanging it
    Report report;
    {
      ScenarioTools tools;
      ResidentMeter meter;
      WatchedCache sink(options, meter, report);
      scenario(sink, tools);
      sink.finish();
    }
    const ssize_t written = ::write(ends[1], &report, sizeof report);
    ::_exit(written == static_cast<ssize_t>(sizeof report) ? 0 : 1);
  }
  ::close(ends[1]);
  Report report;
  const bool read = ::read(ends[0], &report, sizeof report) == static_cast<ssize_t>(sizeof report);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!read || status != 0) return std::nullopt;
  return report;
}

inline void expect_bounded(const Report& report, std::size_t limit) {
  const auto kib = [](std::uint64_t bytes) {
    return static_cast<unsigned long long>(bytes / 1024);
  };
  std::printf(
      "  %llu operations; KiB: limit %llu, resident peak %llu, at the end %llu, charged %llu; "
      "live share: end %.3f, mean since full %.3f, min %.3f\n",
      static_cast<unsigned long long>(report.operations), kib(limit), kib(report.resident_peak),
      kib(report.resident_end), kib(report.charged_peak), report.live_share_end,
      report.live_share_mean, report.live_share_min);
  EXPECT_EQ(0U, report.failures) << "calls were refused";
  EXPECT_TRUE(report.balanced);
  EXPECT_LE(report.charged_peak, limit);
  if (!k_sanitized) {
    EXPECT_LE(report.resident_peak, limit);
  }
}

}  // namespace ullage::test
