// What maintenance does between calls, one step at a time with the test's clock: every kind of work
// has its turn, a sweep ends, and what it works on may change under it.
#include "contract.h"

namespace ullage::test {
namespace {

struct Stepped {
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  std::shared_ptr<std::uint64_t> delivered = std::make_shared<std::uint64_t>(0);

  Cache open(std::size_t memory_limit = 64_MiB, GroupLimits group = {}) const {
    Options options;
    options.memory_limit = memory_limit;
    options.group = group;
    options.maintenance = Maintenance::manual;
    options.clock = clock;
    options.on_removal = [count = delivered](const Removal&) { ++*count; };
    return Cache::open(std::move(options)).value();
  }
};

TEST(MaintenanceInSteps, WhatFallsDueBehindAScanUnderWayComesBackToo) {
  const Stepped stepped;
  Cache cache = stepped.open();
  // One step reads a part of the due times only.
  ASSERT_EQ(1U, cache.tick(1));
  for (std::uint64_t i = 0; i < 400; ++i)
    put(cache, numbered("g", i), "f", "v", {.ttl = 10ms});
  stepped.clock->advance(10ms + 1000ms);
  settle(cache);
  EXPECT_EQ(400U, cache.stats().removed(RemovalCause::expired));
}

TEST(MaintenanceInSteps, AGroupThatAlwaysHasSomethingDueLeavesTheOthersTheirTurn) {
  const Stepped stepped;
  Cache cache = stepped.open();
  constexpr std::uint64_t k_fields = 20'000;
  for (std::uint64_t i = 0; i < k_fields; ++i)
    put(cache, "large", numbered("f", i), "value", {.ttl = Millis(10 + i)});
  for (std::uint64_t i = 0; i < 100; ++i)
    put(cache, numbered("small", i), "f", "v", {.ttl = 10ms});
  stepped.clock->advance(10ms);
  // A millisecond a step: in each pass over the large group some of its fields fall due.
  for (int step = 0; step < 5000; ++step) {
    stepped.clock->advance(1ms);
    cache.tick(1);
  }
  EXPECT_EQ(1U, cache.group_count());
  EXPECT_GT(cache.size(), k_fields / 2);
}

TEST(MaintenanceInSteps, RemovalsAreDeliveredWhileMuchExpires) {
  const Stepped stepped;
  Cache cache = stepped.open();
  for (std::uint64_t i = 0; i < 20'000; ++i)
    put(cache, numbered("g", i), "f", "v", {.ttl = 10ms});
  stepped.clock->advance(1000ms);
  EXPECT_EQ(1000U, cache.tick(1000));
  EXPECT_GT(*stepped.delivered, 0U) << "expiry took the whole budget";
  EXPECT_GT(cache.size(), 0U);
}

TEST(MaintenanceInSteps, AGroupWhoseLastFieldsExpireWhileItsLimitIsEnforcedGoes) {
  const Stepped stepped;
  Cache cache = stepped.open();
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::string group = numbered("g", i);
    for (std::uint64_t f = 0; f < (i % 3 == 0 ? 100U : 2U); ++f) {
      put(cache, group, numbered("f", f), std::string(20, 'v'),
          i % 3 == 0 ? SetOptions{.ttl = 1s} : SetOptions{});
    }
  }
  stepped.clock->advance(2s);
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({.max_fields = 10})));
  settle(cache);
  EXPECT_EQ(200U, cache.group_count());
  EXPECT_EQ(400U, cache.size());
  EXPECT_EQ(10'000U, cache.stats().removed(RemovalCause::expired));
  EXPECT_EQ("", imbalance(cache));
}

TEST(MaintenanceInSteps, WhatReserveMadeResidentStays) {
  const Stepped stepped;
  Cache cache = stepped.open();
  ASSERT_TRUE(succeeded(cache.reserve(32_MiB)));
  const std::uint64_t reserved = cache.stats().charged_bytes;
  EXPECT_GE(reserved, 32_MiB);
  settle(cache);
  EXPECT_EQ(reserved, cache.stats().charged_bytes);
  // What comes on top of it goes again.
  for (std::uint64_t i = 0; i < 50'000; ++i)
    put(cache, numbered("g", i), "f", std::string(1000, 'v'));
  EXPECT_GT(cache.stats().charged_bytes, reserved + 16_MiB);
  cache.clear();
  settle(cache);
  EXPECT_GE(cache.stats().charged_bytes, reserved);
  EXPECT_LE(cache.stats().charged_bytes, reserved + 1_MiB);
}

TEST(IdleTimes, CountFromWhenTheLimitWasSwitchedOnAgain) {
  const Stepped stepped;
  Cache cache = stepped.open(64_MiB, {.idle_ttl = 30min});
  put(cache, "g", "f", "v");
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({})));
  stepped.clock->advance(60min);
  EXPECT_TRUE(cache.contains("g", "f"));  // nobody notes a use meanwhile
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({.idle_ttl = 30min})));
  settle(cache);
  EXPECT_EQ("v", fetch(cache, "g", "f"));
  stepped.clock->advance(60min);
  EXPECT_EQ(std::nullopt, fetch(cache, "g", "f"));
}

TEST(IdleTimes, WritesCountInGroupsFromBeforeTheLimit) {
  const Stepped stepped;
  Cache cache = stepped.open();
  put(cache, "small", "f", "v0");
  for (std::uint64_t i = 0; i < 500; ++i)
    put(cache, "large", numbered("f", i), "v0");
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({.idle_ttl = 30min})));
  for (int i = 0; i < 6; ++i) {
    stepped.clock->advance(10min);
    put(cache, "small", "f", "v1");  // of the same size: written where it is
    put(cache, "large", "f7", "v1");
    settle(cache);
  }
  EXPECT_EQ("v1", fetch(cache, "small", "f"));
  EXPECT_EQ(500U, cache.group_size("large"));
}

}  // namespace
}  // namespace ullage::test
