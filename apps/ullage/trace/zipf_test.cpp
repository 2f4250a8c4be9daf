#include "trace/zipf.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(ZipfRanks, FollowTheirDistribution) {
  for (const double exponent : {0.6, 0.9, 1.0, 1.3}) {
    constexpr std::uint64_t k_ranks = 50;
    constexpr int k_draws = 200'000;
    const ZipfRanks ranks(k_ranks, exponent);
    Random random(7);
    std::vector<double> seen(k_ranks + 1);
    for (int i = 0; i < k_draws; ++i) {
      const std::uint64_t rank = ranks.draw(random);
      ASSERT_GE(rank, 1u);
      ASSERT_LE(rank, k_ranks);
      ++seen[rank];
    }
    double sum = 0;
    for (std::uint64_t rank = 1; rank <= k_ranks; ++rank)
      sum += std::pow(static_cast<double>(rank), -exponent);
    for (std::uint64_t rank = 1; rank <= k_ranks; ++rank) {
      const double expected = k_draws * std::pow(static_cast<double>(rank), -exponent) / sum;
      EXPECT_NEAR(seen[rank], expected, 5 * std::sqrt(expected)) << exponent << " " << rank;
    }
  }
}

TEST(ZipfRanks, OneRankIsAlwaysTheFirst) {
  const ZipfRanks ranks(1, 0.9);
  Random random(1);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(ranks.draw(random), 1u);
}

TEST(ZipfSource, IsTheSameForTheSameSeedAndKeepsSizes) {
  ZipfOptions options;
  options.requests = 20'000;
  ZipfSource a(options);
  ZipfSource b(options);
  std::map<std::string, std::uint64_t> sizes;
  Request of_a;
  Request of_b;
  std::uint64_t count = 0;
  while (a.next(of_a)) {
    ASSERT_TRUE(b.next(of_b));
    EXPECT_EQ(of_a.group, of_b.group);
    EXPECT_EQ(of_a.field, of_b.field);
    const std::string key = std::string(of_a.group) + "/" + std::string(of_a.field);
    EXPECT_EQ(sizes.emplace(key, of_a.size).first->second, of_a.size);
    EXPECT_GE(of_a.size, 1u);
    ++count;
  }
  EXPECT_FALSE(b.next(of_b));
  EXPECT_EQ(count, 20'000u);
  EXPECT_LT(sizes.size(), count);  // some come again, or there is nothing to cache
}

}  // namespace
}  // namespace ullage::app
