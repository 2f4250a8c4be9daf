#include "observe/heavy_hitters.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

TEST(HeavyHitters, AreExactWhileThereIsRoom) {
  HeavyHitters heavy(4);
  heavy.add("a", 1, {.entries = 1});
  heavy.add("b", 5, {.entries = 2});
  heavy.add("a", 3, {.entries = 4});
  const auto all = heavy.largest(10);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "b");
  EXPECT_EQ(all[1].amount, 4U);
  EXPECT_EQ(all[1].counts.entries, 5U);
  EXPECT_EQ(all[1].error, 0U);
  EXPECT_EQ(heavy.largest(1).size(), 1U);
  heavy.clear();
  EXPECT_TRUE(heavy.largest(10).empty());
}

TEST(HeavyHitters, MissNobodyWhoHasMoreThanAShare) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    constexpr std::size_t k_counters = 16;
    HeavyHitters heavy(k_counters);
    std::map<std::string, std::uint64_t> truth;
    std::uint64_t all = 0;
    for (int i = 0; i < 20'000; ++i) {
      // Some come often, most once.
      const std::string name =
          std::to_string(random() % 3 == 0 ? random() % 10 : random() % 100'000);
      const std::uint64_t amount = 1 + random() % 100;
      heavy.add(name, amount, {.entries = 1});
      truth[name] += amount;
      all += amount;
    }
    std::map<std::string, HeavyHitters::One> found;
    for (const auto& one : heavy.largest(k_counters)) {
      found[one.name] = one;
      EXPECT_LE(one.amount - one.error, truth[one.name]);
      EXPECT_GE(one.amount, truth[one.name]);
    }
    for (const auto& [name, amount] : truth)
      EXPECT_TRUE(amount <= all / k_counters || found.contains(name)) << name;
  }
}

TEST(HeavyHitters, LongNamesAreToldApart) {
  HeavyHitters heavy(4);
  const std::string long_name(1000, 'x');
  heavy.add(long_name + "a", 1, {.entries = 1});
  heavy.add(long_name + "b", 2, {.entries = 1});
  heavy.add(long_name + "b", 2, {.entries = 1});
  const auto all = heavy.largest(10);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].amount, 4U);
  EXPECT_LE(all[0].name.size(), HeavyHitters::k_name_max_bytes);
  EXPECT_TRUE(all[0].name.starts_with("xxxx"));
}

TEST(HeavyHitters, MayHaveNoRoomAtAll) {
  HeavyHitters heavy(0);
  heavy.add("a", 1, {.entries = 1});
  EXPECT_TRUE(heavy.largest(1).empty());
}

}  // namespace
}  // namespace ullage::observe
