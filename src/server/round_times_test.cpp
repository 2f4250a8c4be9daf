#include "server/round_times.h"

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

TEST(RoundTimes, AreSortedIntoBuckets) {
  RoundTimes times;
  times.add(0);
  times.add(4'000'000);
  times.add(5'000'000);
  times.add(5'000'001);
  times.add(3'000'000'000);
  RoundTimes::Sum sum;
  times.add_to(sum);
  times.add_to(sum);
  EXPECT_EQ(sum.counts[0], 6U);
  EXPECT_EQ(sum.counts[1], 2U);
  EXPECT_EQ(sum.counts.back(), 2U);
  EXPECT_EQ(times.take_longest_ns(), 3'000'000'000U);
  EXPECT_EQ(times.take_longest_ns(), 0U);
  EXPECT_EQ(sum.sum_ns, 2 * std::uint64_t{3'014'000'001});
}

TEST(RoundTimes, TheClockGoesForward) {
  const auto before = RoundTimes::now_ns();
  EXPECT_LE(before, RoundTimes::now_ns());
}

}  // namespace
}  // namespace ullage::server
