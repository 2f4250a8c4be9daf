#include "server/lookout.h"

#include "server/log_testing.h"

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

using namespace ullage::literals;

// All parts are asked, and hand on to each other what they have seen.
TEST(Lookouts, SeeALeakAndSayWhatItIsMadeOf) {
  const auto time = std::make_shared<ManualClock>(1'700'000'000'000);
  command::CommandClock clock(time);
  Options options;
  options.memory_limit = 8_MiB;
  options.maintenance = Maintenance::manual;
  options.clock = time;
  Cache cache = Cache::open(std::move(options)).value();
  ASSERT_TRUE(cache.define_class("user:*", {}));
  LogLines lines;
  command::ByteBudget held{16_MiB};
  Settings settings;
  settings.thresholds = {.process_use_percent = 50};
  int asked = 0;
  Lookout lookout(
      {.cache = cache, .held = held, .clock = clock, .log = lines.log(), .readings = [&] {
         ++asked;
         const Stats stats = cache.stats();
         return Readings{.now_ms = clock.running_ms(),
                         .resident_bytes = 60_MiB,
                         .limit_bytes = 100_MiB,
                         .cache_bytes = stats.charged_bytes,
                         .cache_limit_bytes = stats.memory_limit};
       }});
  lookout.set(settings);
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(cache.set("user:" + std::to_string(i), "f", std::string(1000, 'v')));
  int made = 0;
  int walks = 0;
  for (int second = 0; second < 1000; ++second) {
    // Not each second: only what changes is walked over, and the counting build is slow.
    for (int i = 0; second % 20 == 0 && i < 20; ++i)
      ASSERT_TRUE(cache.set("leak:" + std::to_string(made++), "f", std::string(400, 'v')));
    if (second == 900) {
      for (int i = 0; i < 2000; ++i)
        ASSERT_TRUE(cache.get("user:1", "f"));
    }
    do
      walks += lookout.step() ? 1 : 0;
    while (lookout.wait_ms() == 0);
    time->advance(Millis(1000));
  }
  EXPECT_EQ(asked, 1000) << "once a second";
  EXPECT_GT(walks, 20);
  EXPECT_EQ(lookout.census().last().walks, static_cast<std::uint64_t>(walks));
  const auto findings = lookout.early_warning().findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].name, "leak:");
  EXPECT_GT(findings[0].fields, 900U);
  EXPECT_EQ(findings[0].endless_fields, findings[0].fields);
  EXPECT_EQ(lookout.early_warning().owners(EarlyWarning::Kind::class_), 1U);
  ASSERT_NE(lookout.growth().change(), nullptr) << lookout.growth().problem();
  EXPECT_EQ(lookout.growth().change()->parts.at(0).group, "leak:<n>");
  EXPECT_EQ(lookout.recent().of(cache.stats()).hits, 2000U);
  EXPECT_LE(lookout.recent().of(cache.stats()).inserts, 700U);
  std::map<std::string, int> told;
  for (const auto& line : lines.all())
    ++told[line.value("event.action", line.value("message", ""))];
  EXPECT_EQ(told["grows"], 1);
  EXPECT_EQ(told["growth_profile"], 1);
  EXPECT_GE(told["process_use"], 1);
}

}  // namespace
}  // namespace ullage::server
