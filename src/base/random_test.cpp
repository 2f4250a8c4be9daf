#include "base/random.h"

#include <array>
#include <cstdint>
#include <set>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

TEST(Random, IsSplitMix64) {
  // The first numbers of the reference implementation (Vigna) from the seed 1234567.
  Random random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
        4593380528125082431ULL, 16408922859458223821ULL}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, BelowStaysBelowAndReachesEverything) {
  Random random(1);
  for (std::uint32_t bound = 1; bound < 50; ++bound) {
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 2000; ++i) {
      const std::uint32_t n = random.below(bound);
      ASSERT_LT(n, bound);
      seen.insert(n);
    }
    EXPECT_EQ(seen.size(), bound);
  }
  for (int i = 0; i < 1000; ++i)
    ASSERT_LT(random.below(UINT32_MAX), UINT32_MAX);
}

TEST(Random, BelowIsEven) {
  Random random(2);
  std::array<int, 10> counts{};
  for (int i = 0; i < 100'000; ++i)
    ++counts[random.below(10)];
  // Six standard deviations of a binomial of 100,000 and 1/10; the seed is fixed.
  for (const int count : counts)
    EXPECT_NEAR(count, 10'000, 570);
}

}  // namespace
}  // namespace ullage::base
