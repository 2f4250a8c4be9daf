#include "replay/options.h"

#include "base/failure.h"
#include "base/hash.h"

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(SizeRule, ParsesOneSizeOrARange) {
  EXPECT_EQ(SizeRule::parse("100").size_of(1), 100u);
  EXPECT_EQ(SizeRule::parse("0").size_of(1), 0u);
  const SizeRule range = SizeRule::parse("16-2kb");
  EXPECT_EQ(range.min, 16u);
  EXPECT_EQ(range.max, 2048u);
  for (const char* bad : {"", "x", "9-", "2kb-16", "1gb"})
    EXPECT_THROW(SizeRule::parse(bad), Failure) << bad;
}

TEST(SizeRule, GivesAnEntryTheSameSizeEachTimeAndMeetsItsMean) {
  const SizeRule rule = k_unsized_default;
  double sum = 0;
  constexpr int k_entries = 50'000;
  for (std::uint64_t entry = 0; entry < k_entries; ++entry) {
    const std::uint64_t size = rule.size_of(mix64(entry));
    ASSERT_GE(size, rule.min);
    ASSERT_LE(size, rule.max);
    ASSERT_EQ(size, rule.size_of(mix64(entry)));
    sum += static_cast<double>(size);
  }
  EXPECT_NEAR(sum / k_entries, rule.mean(), rule.mean() * 0.02);
}

}  // namespace
}  // namespace ullage::app
