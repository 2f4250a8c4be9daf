#include "server/growth_profile.h"

#include <ullage/observe/parsed_profile.h>

#include "server/log_testing.h"
#include "server/profile_pages.h"

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

using namespace ullage::literals;

class GrowthProfiles : public ::testing::Test {
 protected:
  GrowthProfiles() {
    Options options;
    options.memory_limit = 64_MiB;
    options.maintenance = Maintenance::manual;
    options.clock = time_;
    cache_ = std::make_unique<Cache>(Cache::open(std::move(options)).value());
    growth_ = std::make_unique<GrowthProfile>(*cache_, held_, clock_, lines_.log());
    leak_.kind = EarlyWarning::Kind::prefix;
    leak_.name = "session:";
  }
  void fill(const std::string& stem, int from, int to) {
    for (int i = from; i < to; ++i)
      ASSERT_TRUE(cache_->set(stem + std::to_string(i), "token", std::string(500, 'v')));
  }
  /// So many seconds, in each of which all that is due is done; with somebody who grows or without.
  void pass(std::int64_t seconds, bool grows) {
    for (std::int64_t second = 0; second < seconds; ++second) {
      const std::vector<EarlyWarning::Finding> found(grows ? 1 : 0, leak_);
      growth_->look_at(found);
      for (int steps = 0; growth_->wait_ms() == 0; ++steps) {
        ASSERT_LE(steps, static_cast<int>(GrowthProfile::k_slabs_a_tick) + 3);
        growth_->step();
      }
      time_->advance(Millis(1000));
    }
  }

  LogLines lines_;
  std::shared_ptr<ManualClock> time_ = std::make_shared<ManualClock>(1'700'000'000'000);
  command::CommandClock clock_{time_};
  command::ByteBudget held_{16_MiB};
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<GrowthProfile> growth_;
  EarlyWarning::Finding leak_;
};

TEST_F(GrowthProfiles, CostNothingWhileNobodyGrows) {
  fill("session:", 0, 10'000);
  pass(1000, false);
  EXPECT_EQ(growth_->change(), nullptr);
  EXPECT_EQ(growth_->problem(),
            "nobody in the cache grows without an end: there is nothing to compare");
  EXPECT_EQ(held_.used_bytes(), 0U);
  // What grows outside of the cache is of no concern here.
  leak_.kind = EarlyWarning::Kind::process;
  pass(10, true);
  EXPECT_EQ(held_.used_bytes(), 0U);
}

TEST_F(GrowthProfiles, SayWhatHasComeSinceSomebodyGrows) {
  fill("user:", 0, 20'000);
  fill("session:", 0, 5000);
  pass(100, true);
  EXPECT_EQ(growth_->change(), nullptr);
  EXPECT_EQ(growth_->problem(),
            "it is not known yet what has come: the second profile is made 5 minutes after the "
            "first");
  fill("session:", 5000, 9000);
  fill("user:", 20'000, 20'100);
  pass(300, true);
  const GrowthProfile::Change* change = growth_->change();
  ASSERT_NE(change, nullptr);
  EXPECT_LE(change->since_unix_ms, 1'700'000'000'000) << "when the first was made";
  EXPECT_GE(change->took_ms, 300'000);
  ASSERT_FALSE(change->parts.empty());
  EXPECT_EQ(change->parts[0].group, "session:<n>");
  EXPECT_EQ(change->parts[0].field, "token");
  EXPECT_EQ(change->parts[0].class_pattern, "default");
  EXPECT_GT(change->parts[0].bytes, 4000 * 500);
  EXPECT_LT(change->parts[0].bytes, 4000 * 600);
  for (const auto& part : GrowthProfile::parts_of(leak_, change->parts))
    EXPECT_EQ(part.group, "session:<n>");
  const auto profile = observe::parse_profile(change->gzipped);
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->types[profile->default_type].type, "resident");
  EXPECT_GT(profile->duration_ns, 299'000'000'000);
  // The page of that name.
  ProfilePages pages(*cache_, held_, clock_, *growth_);
  const std::size_t held = held_.used_bytes();
  auto answer = pages.open("growth", {});
  ASSERT_TRUE(answer);
  auto& page = std::get<std::unique_ptr<AdminPage>>(*answer);
  EXPECT_EQ(held_.used_bytes(), held + change->gzipped.size()) << "while a client takes it";
  EXPECT_TRUE(page->step());
  EXPECT_EQ(page->response().body, change->gzipped);
  page.reset();
  EXPECT_EQ(held_.used_bytes(), held);
  const auto told = lines_.all();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["event.action"], "growth_profile");
  EXPECT_EQ(told[0]["ullage.group_pattern"], "session:<n>");
  EXPECT_EQ(told[0]["ullage.value"], change->parts[0].bytes);
  // From then on every five minutes, against the first.
  fill("session:", 9000, 13'000);
  pass(310, true);
  EXPECT_GT(growth_->change()->parts[0].bytes, 8000 * 500);
  EXPECT_EQ(lines_.all().size(), 1U) << "told once";
}

// What was in one place of many in the first walk, and is not any more, has not come.
TEST_F(GrowthProfiles, AreNotOfWhatIsToldApartOtherwise) {
  const auto fill_static = [&] {
    for (int prefix = 0; prefix < 90; ++prefix) {
      std::string name = "s";
      name += static_cast<char>('a' + prefix / 26);
      name += static_cast<char>('a' + prefix % 26);
      fill(name + ":", 0, 500);
    }
  };
  fill_static();
  fill("session:", 0, 300);
  pass(100, true);
  fill("session:", 300, 7000);
  pass(310, true);
  ASSERT_NE(growth_->change(), nullptr);
  const auto& parts = growth_->change()->parts;
  ASSERT_FALSE(parts.empty());
  EXPECT_EQ(parts[0].group, "session:<n>");
  std::int64_t others = 0;
  for (const auto& part : parts) {
    if (part.group != "session:<n>") others += part.bytes;
  }
  EXPECT_LT(others, parts[0].bytes / 20);
}

// There are more names than are told apart, before and behind.
TEST_F(GrowthProfiles, OfMoreThanIsToldApartAreNotOfThoseThatWereThere) {
  for (int prefix = 0; prefix < 1000; ++prefix) {
    std::string name = "s";
    for (int n = prefix; n != 0 || name.size() == 1; n /= 26)
      name += static_cast<char>('a' + n % 26);
    fill(name + ":", 0, 20);
  }
  pass(100, true);
  fill("sa:", 20, 4000);
  fill("other:", 0, 2000);
  pass(310, true);
  ASSERT_NE(growth_->change(), nullptr);
  std::map<std::string, std::int64_t> by_group;
  for (const auto& part : growth_->change()->parts)
    by_group[part.group] += part.bytes;
  ASSERT_LE(by_group.size(), 2U);
  EXPECT_GT(by_group["<other>"], 2000 * 500);
}

TEST_F(GrowthProfiles, OfOneGroupAreThoseOfAllLikeIt) {
  const std::vector<GrowthProfile::Part> parts{{.group = "session:<n>", .bytes = 10},
                                               {.group = "session:all", .bytes = 9}};
  EarlyWarning::Finding group;
  group.kind = EarlyWarning::Kind::group;
  group.name = "session:42";
  ASSERT_EQ(GrowthProfile::parts_of(group, parts).size(), 1U);
  EXPECT_EQ(GrowthProfile::parts_of(group, parts)[0].bytes, 10);
  group.name = "session:all";
  EXPECT_EQ(GrowthProfile::parts_of(group, parts).at(0).bytes, 9);
}

TEST_F(GrowthProfiles, AreForgottenWhenNobodyHasGrownForAnHour) {
  fill("session:", 0, 5000);
  pass(10, true);
  fill("session:", 5000, 9000);
  pass(400, true);
  ASSERT_NE(growth_->change(), nullptr);
  EXPECT_GT(held_.used_bytes(), 0U);
  EXPECT_LT(held_.used_bytes(), 2_MiB);
  pass(3000, false);
  EXPECT_NE(growth_->change(), nullptr) << "who looks later than it stopped still sees it";
  pass(700, false);
  EXPECT_EQ(growth_->change(), nullptr);
  EXPECT_EQ(held_.used_bytes(), 0U);
}

TEST_F(GrowthProfiles, SayWhenThereIsNoRoomForThem) {
  ASSERT_TRUE(held_.take(held_.limit_bytes() - 10'000));
  pass(10, true);
  EXPECT_EQ(growth_->change(), nullptr);
  EXPECT_EQ(growth_->problem(),
            "there was no memory for a profile of what grows: clients hold what there is");
  held_.give(held_.limit_bytes() - 10'000);
  pass(310, true);
  EXPECT_NE(growth_->problem().find("it is not known yet"), std::string::npos);
}

}  // namespace
}  // namespace ullage::server
