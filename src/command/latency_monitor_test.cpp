#include "command/latency_monitor.h"

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

TEST(LatencyMonitor, IsOffUntilThereIsAThreshold) {
  LatencyMonitor monitor;
  EXPECT_FALSE(monitor.is_slow(1'000'000'000));
  monitor.set_threshold_ms(100);
  EXPECT_FALSE(monitor.is_slow(99'999));
  EXPECT_TRUE(monitor.is_slow(100'000));
  monitor.set_threshold_ms(0);
  EXPECT_FALSE(monitor.is_slow(100'000));
}

TEST(LatencyMonitor, KeepsTheWorstOfEachSecond) {
  LatencyMonitor monitor;
  monitor.add("command", 5000, 120'000);
  monitor.add("command", 5900, 300'000);
  monitor.add("command", 5999, 110'000);
  monitor.add("command", 6000, 130'900);
  const auto events = monitor.events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].name, "command");
  EXPECT_EQ(events[0].worst_ms, 300);
  ASSERT_EQ(events[0].samples.size(), 2U);
  EXPECT_EQ(events[0].samples[0].at_s, 5);
  EXPECT_EQ(events[0].samples[0].took_ms, 300);
  EXPECT_EQ(events[0].samples[1].at_s, 6);
  EXPECT_EQ(events[0].samples[1].took_ms, 130);
}

TEST(LatencyMonitor, ForgetsTheOldestAndKeepsTheWorst) {
  LatencyMonitor monitor;
  monitor.add("command", 0, 9'000'000);
  const auto seconds = static_cast<std::int64_t>(LatencyMonitor::k_samples_max);
  for (std::int64_t second = 1; second <= seconds; ++second)
    monitor.add("command", 1000 * second, 100'000);
  const auto samples = monitor.history("command");
  ASSERT_EQ(samples.size(), LatencyMonitor::k_samples_max);
  EXPECT_EQ(samples.front().at_s, 1);
  EXPECT_EQ(samples.back().at_s, seconds);
  EXPECT_EQ(monitor.events()[0].worst_ms, 9000);
}

TEST(LatencyMonitor, ForgetsOneOrAll) {
  LatencyMonitor monitor;
  monitor.add("a", 0, 1);
  monitor.add("b", 0, 1);
  EXPECT_FALSE(monitor.forget("c"));
  EXPECT_TRUE(monitor.forget("a"));
  EXPECT_TRUE(monitor.history("a").empty());
  EXPECT_EQ(monitor.clear(), 1U);
  EXPECT_TRUE(monitor.events().empty());
}

}  // namespace
}  // namespace ullage::command
