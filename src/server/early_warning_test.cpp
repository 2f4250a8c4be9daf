#include "server/early_warning.h"

#include "server/census_task.h"
#include "server/log_testing.h"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

using namespace ullage::literals;

class EarlyWarnings : public ::testing::Test {
 protected:
  std::vector<nlohmann::json> lines() { return lines_.all(); }
  /// A second later.
  void look_at(std::vector<observe::CensusResult::Group> prefixes,
               std::uint64_t outside_bytes = 50'000, std::uint64_t cache_bytes = 500'000,
               const std::map<std::string, std::uint64_t>& classes = {}) {
    observe::CensusResult seen;
    seen.prefixes = std::move(prefixes);
    seen.groups = groups_;
    for (const auto& [pattern, bytes] : classes)
      seen.classes[pattern].bytes = bytes;
    now_ms_ += 1000;
    warning_->look_at({.now_ms = now_ms_,
                       .resident_bytes = cache_bytes + outside_bytes,
                       .limit_bytes = 1'000'000,
                       .cache_bytes = cache_bytes,
                       .cache_limit_bytes = 800'000},
                      seen, heap_);
  }

  LogLines lines_;
  command::ByteBudget held_{16_MiB};
  std::unique_ptr<EarlyWarning> warning_ = std::make_unique<EarlyWarning>(lines_.log(), held_);
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::vector<observe::HeapOwner> heap_;
  std::vector<observe::CensusResult::Group> groups_;
};

TEST_F(EarlyWarnings, SayWhatGrowsHowFastAndUntilWhen) {
  for (int second = 0; second < 400; ++second)
    look_at({{.name = "a:", .bytes = 300'000},
             {.name = "b:", .bytes = 10'000U + 100U * static_cast<unsigned>(second)}});
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["event.action"], "grows");
  EXPECT_EQ(told[0]["ullage.owner"], "prefix");
  EXPECT_EQ(told[0]["ullage.prefix"], "b:");
  EXPECT_NEAR(told[0]["ullage.slope_per_minute"].get<double>(), 6000, 100);
  EXPECT_NEAR(told[0]["ullage.at_limit_in_s"].get<double>(), 3000, 150);
  EXPECT_LE(told[0]["ullage.at_limit_earliest_s"], told[0]["ullage.at_limit_in_s"]);
  EXPECT_GE(told[0]["ullage.at_limit_latest_s"], told[0]["ullage.at_limit_in_s"]);
  const auto findings = warning_->findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].name, "b:");
  EXPECT_EQ(findings[0].trend.verdict, observe::Verdict::leak);
}

TEST_F(EarlyWarnings, OfTheProcessAsWell) {
  for (int second = 0; second < 400; ++second)
    look_at({}, 20'000 + 200U * static_cast<unsigned>(second));
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.owner"], "process");
  EXPECT_FALSE(told[0].contains("ullage.group"));
}

TEST_F(EarlyWarnings, AClassIsNamedInPlaceOfItsPrefix) {
  for (int second = 0; second < 400; ++second) {
    const std::uint64_t grows = 10'000U + 100U * static_cast<unsigned>(second);
    look_at({{.name = "a:", .bytes = 300'000}, {.name = "b:", .bytes = grows}}, 50'000, 500'000,
            {{"", 100'000}, {"b:*", grows}, {"c:*", 50'000}});
  }
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.owner"], "class");
  EXPECT_EQ(told[0]["ullage.class"], "b:*");
  EXPECT_FALSE(told[0].contains("ullage.prefix"));
}

TEST_F(EarlyWarnings, KeepSilentOnWhatIsSmallOrStays) {
  std::mt19937 random(3);
  for (int second = 0; second < 3000; ++second) {
    look_at({{.name = "a:", .bytes = 300'000 + random() % 30'000},
             {.name = "tiny:", .bytes = 10U + static_cast<unsigned>(second)}},
            40'000 + random() % 1000);
  }
  EXPECT_TRUE(lines().empty());
  EXPECT_TRUE(warning_->findings().empty());
}

TEST_F(EarlyWarnings, NameTheGroupThatGrows) {
  for (unsigned second = 0; second < 400; ++second) {
    groups_ = {{.name = "user:1", .bytes = 90'000, .fields = 900},
               {.name = "user:2", .bytes = 10'000 + 100 * second, .fields = 100 + second}};
    look_at({{.name = "user:", .bytes = 400'000}});
  }
  const auto findings = warning_->findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].kind, EarlyWarning::Kind::group);
  EXPECT_EQ(findings[0].name, "user:2");
  EXPECT_GT(findings[0].fields, 400U);
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_EQ(lines()[0]["ullage.group"], "user:2");
}

TEST_F(EarlyWarnings, NameTheCodeThatAllocates) {
  for (unsigned second = 0; second < 400; ++second) {
    heap_ = {{.name = "cache_reply < serve", .live_bytes = 60'000},
             {.name = "remember < serve", .live_bytes = 5000 + 100 * second}};
    look_at({}, 65'000 + 100 * second);
  }
  const auto findings = warning_->findings();
  ASSERT_EQ(findings.size(), 2U);
  const bool process_first = findings[0].kind == EarlyWarning::Kind::process;
  const auto& stack = findings[process_first ? 1 : 0];
  EXPECT_EQ(stack.kind, EarlyWarning::Kind::stack);
  EXPECT_EQ(stack.name, "remember < serve");
  // Both until what is free outside of the cache is used up.
  EXPECT_NEAR(stack.trend.at_limit->expected_s,
              findings[process_first ? 0 : 1].trend.at_limit->expected_s, 60);
  bool is_told = false;
  for (const auto& line : lines())
    is_told =
        is_told || (line["ullage.owner"] == "stack" && line["ullage.stack"] == "remember < serve");
  EXPECT_TRUE(is_told);
}

TEST_F(EarlyWarnings, WhoIsGoneGrowsNoMore) {
  for (unsigned second = 0; second < 400; ++second)
    look_at({{.name = "a:", .bytes = 300'000}, {.name = "b:", .bytes = 10'000 + 100 * second}});
  ASSERT_EQ(warning_->findings().size(), 1U);
  // What was seen is told until all are looked at again.
  for (unsigned second = 0; second < 12; ++second)
    look_at({{.name = "a:", .bytes = 300'000}});
  EXPECT_TRUE(warning_->findings().empty());
  for (unsigned second = 0; second < 300; ++second)
    look_at({{.name = "a:", .bytes = 300'000}});
  EXPECT_TRUE(warning_->findings().empty());
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(EarlyWarnings, KnowWhetherAnythingEndsWhatGrows) {
  for (unsigned second = 0; second < 400; ++second)
    look_at({{.name = "b:",
              .bytes = 10'000 + 100 * second,
              .fields = 100 + second,
              .endless_fields = 90 + second}});
  const auto findings = warning_->findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_GT(findings[0].fields, 400U);
  EXPECT_EQ(findings[0].endless_fields, findings[0].fields - 10);
}

// All grow until it is full, and nobody more than the others.
TEST_F(EarlyWarnings, KeepSilentOnACacheThatFills) {
  for (unsigned second = 0; second < 3000; ++second) {
    const std::uint64_t cache_bytes = 100'000 + 200 * second;
    look_at({{.name = "a:", .bytes = cache_bytes / 2}, {.name = "b:", .bytes = cache_bytes / 3}},
            50'000, cache_bytes);
  }
  EXPECT_TRUE(lines().empty());
}

TEST_F(EarlyWarnings, HoldWhatTheyMayAndForgetWhoWentForNewOnes) {
  command::ByteBudget little(64_KiB);
  warning_ = std::make_unique<EarlyWarning>(lines_.log(), little);
  EXPECT_LE(little.used_bytes(), 64_KiB / 2);
  EXPECT_EQ(warning_->owners_max(), EarlyWarning::k_owners_least);
  for (int i = 0; i < 100; ++i) {
    now_ms_ += 10'000;
    look_at({{.name = "p" + std::to_string(i) + ":", .bytes = 1000}});
  }
  EXPECT_LE(warning_->owners(), EarlyWarning::k_owners_least);
  warning_.reset();  // before what it has taken from
}

// One without TTL among five hundred with one, each as large as the others; by the clock of the
// test.
TEST_F(EarlyWarnings, APlantedLeakIsNamedWithinSixMinutes) {
  const auto time = std::make_shared<ManualClock>(now_ms_);
  command::CommandClock clock(time);
  Options options;
  options.memory_limit = 32_MiB;
  options.maintenance = Maintenance::manual;
  options.clock = time;
  Cache cache = Cache::open(std::move(options)).value();
  CensusTask census(cache, held_, clock);
  constexpr Millis k_ttl{1'800'000};
  const auto word = [](int i) {
    return std::string{static_cast<char>('a' + i / 26), static_cast<char>('a' + i % 26), ':'};
  };
  for (int prefix = 0; prefix < 500; ++prefix) {
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(
          cache.set(word(prefix) + std::to_string(i), "f", std::string(250, 'v'), {.ttl = k_ttl}));
  }
  std::mt19937 random(7);
  int made = 0;
  std::int64_t named_ms = 0;
  for (int second = 0; second < 700 && named_ms == 0; ++second) {
    // All are written all the time, and one grows.
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(cache.set(word(static_cast<int>(random() % 500)) + std::to_string(random() % 10),
                            "f", std::string(200 + random() % 100, 'v'), {.ttl = k_ttl}));
    }
    if (second >= 100) {
      for (int i = 0; i < 15; ++i)
        ASSERT_TRUE(cache.set("leak:" + std::to_string(made++), "f", std::string(250, 'v')));
    }
    while (second % 10 == 0 && census.wait_ms() == 0)
      census.step();
    const Stats stats = cache.stats();
    warning_->look_at({.now_ms = clock.running_ms(),
                       .resident_bytes = 90_MiB,
                       .limit_bytes = 100_MiB,
                       .cache_bytes = stats.charged_bytes,
                       .cache_limit_bytes = stats.memory_limit},
                      census.census().last());
    time->advance(Millis(1000));
    for (const auto& one : warning_->findings()) {
      EXPECT_EQ(one.name, "leak:") << to_string(one.kind);
      EXPECT_EQ(one.endless_fields, one.fields);
      if (one.name == "leak:") named_ms = (second - 100) * 1000;
    }
  }
  constexpr std::int64_t k_floor_ms =
      (observe::Trend::k_samples_least - 1) * observe::Trend::k_sample_ms;
  EXPECT_GE(named_ms, k_floor_ms);
  EXPECT_LE(named_ms, 360'000);
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["ullage.prefix"], "leak:");
}

}  // namespace
}  // namespace ullage::server
