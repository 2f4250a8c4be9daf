// A group's limits count what is alive: a field whose time has come gives way before any other.
#include <ullage/cache.h>

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace ullage {
namespace {

class LimitsOf : public ::testing::TestWithParam<int> {
 protected:
  /// A group of GetParam() fields and two more, of which one has expired; its limit is all but one.
  LimitsOf() {
    for (int i = 0; i < GetParam(); ++i)
      put("filler" + std::to_string(i), "x");
    put("coldest", std::string(500, 'c'));
    EXPECT_TRUE(cache_.set("group", "expired", "e", {.ttl = Millis(10)}));
    clock_->advance(Millis(20));
  }
  static Options options(std::shared_ptr<ManualClock> clock) {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.group.max_fields = static_cast<std::uint64_t>(GetParam()) + 2;
    options.clock = std::move(clock);
    options.hash_key[0] = 1;
    options.hash_key[1] = 2;
    options.random_seed = 3;
    return options;
  }
  void put(const std::string& field, const std::string& value) {
    EXPECT_TRUE(cache_.set("group", field, value));
  }

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  Cache cache_ = Cache::open(options(clock_)).value();
};

TEST_P(LimitsOf, AnExpiredFieldCountsForNobody) {
  put("new", "n");
  EXPECT_TRUE(cache_.contains("group", "coldest")) << "within the limit all along";
  EXPECT_TRUE(cache_.contains("group", "new"));
  EXPECT_EQ(cache_.stats().removed(RemovalCause::limit), 0U);
  EXPECT_EQ(cache_.stats().removed(RemovalCause::expired), 1U);
}

TEST_P(LimitsOf, BeyondItTheColdestOfTheLivingGoes) {
  put("new", "n");
  put("newer", "n");
  EXPECT_EQ(cache_.group_size("group"), static_cast<std::uint64_t>(GetParam()) + 2);
  EXPECT_EQ(cache_.stats().removed(RemovalCause::limit), 1U);
  EXPECT_EQ(cache_.stats().removed(RemovalCause::expired), 1U);
}

TEST_P(LimitsOf, LoweredTheyTakeTheExpiredOneAsExpired) {
  ASSERT_TRUE(
      cache_.set_group_limits("group", {static_cast<std::uint64_t>(GetParam()) + 1, 0, Millis(0)}));
  while (cache_.tick(100) == 100) {
  }
  EXPECT_TRUE(cache_.contains("group", "coldest"));
  EXPECT_EQ(cache_.stats().removed(RemovalCause::limit), 0U);
  EXPECT_EQ(cache_.stats().removed(RemovalCause::expired), 1U);
}

// In a record of its bucket, and in pages of its own.
INSTANTIATE_TEST_SUITE_P(Sizes, LimitsOf, ::testing::Values(0, 200));

}  // namespace
}  // namespace ullage
