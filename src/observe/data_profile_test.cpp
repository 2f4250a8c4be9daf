#include <ullage/observe/data_profile.h>

#include "observe/read_profile_testing.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

constexpr std::size_t k_entries = 0;
constexpr std::size_t k_payload = 1;
constexpr std::size_t k_resident = 2;

class DataProfiled : public testing::Test {
 protected:
  static Cache open() {
    Options options;
    options.memory_limit = 32 * k_mib;
    options.maintenance = Maintenance::manual;
    options.clock = std::make_shared<ManualClock>();
    return Cache::open(std::move(options)).value();
  }
  void put(const std::string& group, const std::string& field, std::size_t bytes) {
    ASSERT_TRUE(cache_.set(group, field, std::string(bytes, 'v')));
  }
  ReadProfile read(const DataProfileOptions& options = {}) {
    auto made = data_profile(cache_, options);
    EXPECT_TRUE(made.has_value());
    told_ = std::move(*made);
    return ReadProfile(gunzip(told_.gzipped));
  }
  /// The sum of a type over samples that have all these frames.
  static std::int64_t sum(const ReadProfile& profile, std::size_t type,
                          const std::set<std::string>& frames) {
    std::int64_t total = 0;
    for (const auto& sample : profile.samples) {
      std::size_t found = 0;
      for (const auto& frame : sample.frames)
        found += frames.count(frame);
      if (found >= frames.size()) total += sample.values.at(type);
    }
    return total;
  }

  Cache cache_ = open();
  DataProfile told_;
};

TEST_F(DataProfiled, FramesGoFromTheRoleToTheCache) {
  put("user:42", "avatar", 100);
  put("user:77", "avatar", 100);
  const ReadProfile profile = read({.cache_name = "sessions", .unix_ns = 7});
  EXPECT_EQ(profile.types,
            (std::vector<std::string>{"entries/count", "payload/bytes", "resident/bytes"}));
  EXPECT_EQ(profile.default_type, "resident");
  EXPECT_EQ(profile.time_ns, 7);
  EXPECT_TRUE(profile.comments.empty()) << "nothing was left out";
  bool found = false;
  for (const auto& sample : profile.samples) {
    EXPECT_EQ(sample.frames.back(), "sessions");
    if (sample.frames !=
        std::vector<std::string>{"value", "avatar", "user:<n>", "default", "sessions"})
      continue;
    found = true;
    EXPECT_EQ(sample.values, (std::vector<std::int64_t>{0, 200, 200}));
    EXPECT_EQ(sample.labels.at("size"), "64 bytes");
    EXPECT_EQ(sample.labels.at("age"), "0 seconds");
  }
  EXPECT_TRUE(found);
}

TEST_F(DataProfiled, AClassIsAFrameOfItsGroups) {
  ASSERT_TRUE(cache_.define_class("user:*", {}));
  ASSERT_TRUE(cache_.define_class("user:7*", {}));
  put("user:42", "avatar", 100);
  put("user:77", "avatar", 30);
  put("other:1", "avatar", 50);
  for (int f = 0; f < 500; ++f)  // a group of pages of its own, and one large value
    put("user:70", "f" + std::to_string(f), 20);
  put("user:70", "large", 30'000);
  const ReadProfile profile = read();
  EXPECT_EQ(sum(profile, k_entries, {"user:*"}), 1);
  EXPECT_EQ(sum(profile, k_entries, {"user:7*"}), 502);
  EXPECT_EQ(sum(profile, k_entries, {"default"}), 1);
  EXPECT_EQ(sum(profile, k_payload, {"user:7*", "value"}), 30 + 500 * 20 + 30'000);
  const std::uint64_t nobodys = static_cast<std::uint64_t>(
      sum(profile, k_resident, {}) - sum(profile, k_resident, {"user:*"}) -
      sum(profile, k_resident, {"user:7*"}) - sum(profile, k_resident, {"default"}));
  EXPECT_GT(nobodys, 0U) << "the tables, and what lies free";
  EXPECT_EQ(static_cast<std::uint64_t>(sum(profile, k_resident, {})), cache_.stats().charged_bytes);
}

TEST_F(DataProfiled, TheSumIsWhatIsCharged) {
  for (int g = 0; g < 2000; ++g) {
    for (int f = 0; f < 1 + g % 20; ++f)
      put("user:" + std::to_string(g), "field" + std::to_string(f),
          g % 100 == 0 && f == 0 ? 20'000 : static_cast<std::size_t>(g % 300));
  }
  const ReadProfile profile = read();
  const Stats stats = cache_.stats();
  EXPECT_EQ(static_cast<std::uint64_t>(sum(profile, k_resident, {})), stats.charged_bytes);
  EXPECT_EQ(static_cast<std::uint64_t>(sum(profile, k_entries, {})), stats.entries);
  EXPECT_EQ(static_cast<std::uint64_t>(sum(profile, k_payload, {})), stats.payload_bytes);
  EXPECT_EQ(told_.resident_bytes, stats.charged_bytes);
  EXPECT_EQ(told_.error_share, 0);
  EXPECT_LT(profile.samples.size(), 400U);
}

TEST_F(DataProfiled, OwnersAreToldApart) {
  for (int g = 0; g < 500; ++g) {
    put("user:" + std::to_string(g), "theme", 10);
    put("session:" + std::to_string(g), "cart", 2000);
  }
  const ReadProfile profile = read();
  EXPECT_EQ(sum(profile, k_entries, {"user:<n>"}), 500);
  EXPECT_EQ(sum(profile, k_payload, {"session:<n>", "value"}), 500 * 2000);
  EXPECT_EQ(sum(profile, k_payload, {"user:<n>", "field"}), 500 * 5);
  EXPECT_GT(sum(profile, k_resident, {"session:<n>"}), 20 * sum(profile, k_resident, {"user:<n>"}));
}

TEST_F(DataProfiled, SomeSlabsStandForAllAndItSaysHowWell) {
  for (int g = 0; g < 20'000; ++g)
    put((g % 4 == 0 ? "a:" : "b:") + std::to_string(g), "f", 500);
  const ReadProfile whole = read();
  const auto slabs = told_.inspection.slabs;
  ASSERT_GT(slabs, 100U);
  const ReadProfile part = read({.slabs_max = slabs / 3, .seed = 3});
  EXPECT_EQ(told_.inspection.slabs, slabs / 3);
  ASSERT_EQ(part.comments.size(), 1U);
  EXPECT_NE(part.comments[0].find("slabs were looked at"), std::string::npos);
  EXPECT_GT(told_.error_share, 0);
  const auto all = static_cast<double>(sum(whole, k_resident, {}));
  for (const char* owner : {"a:<n>", "b:<n>"}) {
    const auto true_bytes = static_cast<double>(sum(whole, k_resident, {owner}));
    const auto told_bytes = static_cast<double>(sum(part, k_resident, {owner}));
    EXPECT_NEAR(told_bytes / all, true_bytes / all, told_.error_share) << owner;
  }
  EXPECT_NEAR(static_cast<double>(sum(part, k_resident, {})) / all, 1, 0.001);
}

TEST_F(DataProfiled, NamesMayBeShownInAnotherWay) {
  put("\1secret", "\2f", 10);
  const ReadProfile profile =
      read({.group_name = [](std::string_view name) { return name.substr(1); },
            .field_name = [](std::string_view name) { return name.substr(1); }});
  EXPECT_EQ(sum(profile, k_entries, {"secret", "f"}), 1);
}

TEST_F(DataProfiled, NotFromACallbackOfUpdate) {
  ASSERT_TRUE(cache_.update("g", "f", [&](std::optional<std::string_view>) {
    const auto made = data_profile(cache_, {});
    EXPECT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::reentered);
    return std::optional<std::string>("v");
  }));
}

}  // namespace
}  // namespace ullage::observe
