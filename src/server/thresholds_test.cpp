#include "server/thresholds.h"

#include "server/log_testing.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

class ThresholdLines : public ::testing::Test {
 protected:
  ThresholdLines() { thresholds_.set(settings_); }

  void set(const ThresholdLimits& limits) {
    settings_.thresholds = limits;
    thresholds_.set(settings_);
  }
  void see(std::vector<observe::CensusResult::Group> groups, std::int64_t at_ms) {
    observe::CensusResult seen;
    seen.groups = std::move(groups);
    thresholds_.look_at(seen, at_ms);
  }
  /// The lines since the last call.
  std::vector<nlohmann::json> lines() { return lines_.since(); }

  LogLines lines_;
  Settings settings_;
  Thresholds thresholds_{lines_.log()};
};

constexpr std::int64_t k_begin_ms = 1'700'000'000'000;

TEST_F(ThresholdLines, SayWhichGroupHowLargeAndHowFast) {
  see({{.name = "user:1", .bytes = 900, .fields = 9000}}, k_begin_ms);
  EXPECT_TRUE(lines().empty());
  see({{.name = "user:1", .bytes = 900, .fields = 12'000}}, k_begin_ms + 30'000);
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["log.level"], "warning");
  EXPECT_EQ(told[0]["event.kind"], "alert");
  EXPECT_EQ(told[0]["event.action"], "group_fields");
  EXPECT_EQ(told[0]["ullage.group"], "user:1");
  EXPECT_EQ(told[0]["ullage.value"], 12'000);
  EXPECT_EQ(told[0]["ullage.limit"], 10'000);
  EXPECT_EQ(told[0]["ullage.slope_per_minute"], 6000);
  EXPECT_EQ(told[0]["ullage.left_out"], 0);
}

TEST_F(ThresholdLines, ComeOnceInAWhileForEachOwner) {
  const auto both = [&](std::int64_t at_ms) {
    see({{.name = "a", .fields = 20'000}, {.name = "b", .fields = 15'000}}, at_ms);
  };
  both(k_begin_ms);
  EXPECT_EQ(lines().size(), 2U);
  both(k_begin_ms + 1000);
  both(k_begin_ms + Thresholds::k_again_ms - 1);
  EXPECT_TRUE(lines().empty());
  both(k_begin_ms + Thresholds::k_again_ms);
  const auto told = lines();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0]["ullage.left_out"], 2);
}

TEST_F(ThresholdLines, ShrinkingHasANegativeSlope) {
  set({.group_fields = 0, .group_bytes = 1000});
  see({{.name = "a", .bytes = 5000, .fields = 1'000'000}}, k_begin_ms);
  const auto first = lines();
  ASSERT_EQ(first.size(), 1U) << "of fields nothing is said";
  EXPECT_FALSE(first[0].contains("ullage.slope_per_minute")) << "nobody can know yet";
  see({{.name = "a", .bytes = 2000}}, k_begin_ms + Thresholds::k_again_ms);
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.slope_per_minute"], -300);
}

TEST_F(ThresholdLines, OfAPercentItIsNotTheStepThatIsTakenForTheSlope) {
  set({.process_use_percent = 50});
  Readings readings{.now_ms = k_begin_ms, .resident_bytes = 400'000, .limit_bytes = 1'000'000};
  for (int second = 0; second <= 300; ++second) {  // a fifth of a percent each second, then none
    readings.now_ms = k_begin_ms + second * 1000;
    readings.resident_bytes = 400'000 + 2000 * static_cast<std::uint64_t>(second);
    thresholds_.look_at(readings);
    if (readings.resident_bytes >= 500'000) break;
  }
  auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.slope_per_minute"], 12);
  const std::int64_t then_ms = readings.now_ms;
  for (int second = 1; second <= 600; ++second) {
    readings.now_ms = then_ms + second * 1000;
    thresholds_.look_at(readings);
  }
  told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.slope_per_minute"], 0);
}

TEST_F(ThresholdLines, WhatFellBelowHalfIsFollowedAnew) {
  see({{.name = "a", .fields = 9000}}, k_begin_ms);
  see({{.name = "a", .fields = 100}}, k_begin_ms + 60'000);
  see({{.name = "a", .fields = 20'000}}, k_begin_ms + 6'000'000);
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_FALSE(told[0].contains("ullage.slope_per_minute"));
}

TEST_F(ThresholdLines, TheServerHasItsOwn) {
  set({.cache_use_percent = 90,
       .process_use_percent = 95,
       .evictions_a_minute = 100,
       .pause_ms = 50});
  Readings readings{.now_ms = k_begin_ms,
                    .resident_bytes = 96,
                    .limit_bytes = 100,
                    .cache_bytes = 91,
                    .cache_limit_bytes = 100,
                    .evictions = 1000,
                    .longest_round_ns = 60'000'000};
  thresholds_.look_at(readings);
  std::vector<std::string> rules;
  for (const auto& line : lines())
    rules.push_back(line["event.action"]);
  EXPECT_EQ(rules, (std::vector<std::string>{"process_use", "cache_use", "pause"}));
  readings.longest_round_ns = 0;
  for (int second = 1; second <= 60; ++second) {
    readings.now_ms = k_begin_ms + second * 1000;
    readings.evictions += 2;
    thresholds_.look_at(readings);
  }
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["event.action"], "evictions");
  EXPECT_EQ(told[0]["ullage.value"], 120);
}

TEST_F(ThresholdLines, ThatAreSwitchedOffSayNothing) {
  set({.group_fields = 0, .process_use_percent = 0, .pause_ms = 0});
  see({{.name = "a", .bytes = 1 << 30, .fields = 1 << 30}}, k_begin_ms);
  thresholds_.look_at({.now_ms = k_begin_ms,
                       .resident_bytes = 200,
                       .limit_bytes = 100,
                       .longest_round_ns = 1'000'000'000'000});
  EXPECT_TRUE(lines().empty());
}

TEST_F(ThresholdLines, RememberAsManyOwnersAsTheyMay) {
  for (int i = 0; i < 1000; ++i)
    see({{.name = "g" + std::to_string(i), .fields = 20'000}}, k_begin_ms + i);
  EXPECT_EQ(lines().size(), 1000U);
  EXPECT_EQ(thresholds_.owners(), Thresholds::k_owners_max);
}

}  // namespace
}  // namespace ullage::server
