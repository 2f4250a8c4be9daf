#include "report/series.h"

#include "report/curves.h"
#include "report/report_testing.h"

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Series, InterpolatesBetweenPointsAndHoldsBeyondThem) {
  const Series series{"", {{1, 10}, {3, 30}}};
  EXPECT_DOUBLE_EQ(value_at(series, 0), 10);
  EXPECT_DOUBLE_EQ(value_at(series, 2), 20);
  EXPECT_DOUBLE_EQ(value_at(series, 9), 30);
}

TEST(Series, TicksAreRoundAndEncloseTheData) {
  EXPECT_EQ(axis_ticks(8, 4), (std::vector<double>{0, 2, 4, 6, 8}));
  EXPECT_EQ(range_ticks(71, 93, 4), (std::vector<double>{70, 80, 90, 100}));
  EXPECT_GE(byte_ticks(9.2 * 1024 * 1024, 4).back(), 9.2 * 1024 * 1024);
  EXPECT_FALSE(axis_ticks(0, 4).empty());
  EXPECT_FALSE(range_ticks(5, 5, 4).empty());
}

TEST(Curves, FollowTheSamples) {
  const ReplayResult result = example_result();
  EXPECT_DOUBLE_EQ(memory_curve(result, "m").points.back().y, 7u << 20);
  EXPECT_NEAR(cumulative_hit_curve(result, "c").points.back().y, 0.75, 1e-9);
  const Series windowed = windowed_hit_curve(result, "w", 10);
  EXPECT_EQ(windowed.points.size(), 10u);
  EXPECT_NEAR(windowed.points[4].y, 0.75, 1e-9);
}

}  // namespace
}  // namespace ullage::app
