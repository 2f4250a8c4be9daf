#include "replay/sampler.h"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Sampler, StaysBoundedAndEvenlySpaced) {
  for (const std::uint64_t length : {1u, 7u, 8u, 9u, 100u, 12'345u}) {
    Sampler<std::uint64_t> sampler(8, 10);
    for (std::uint64_t position = 10; position <= length * 10; position += 10) {
      if (sampler.due(position)) sampler.add(position, position);
    }
    const auto& points = sampler.points();
    ASSERT_FALSE(points.empty());
    EXPECT_LT(points.size(), 8u);
    EXPECT_GE(points.size(), std::min<std::uint64_t>(length, 4));
    for (std::size_t at = 1; at < points.size(); ++at)
      EXPECT_EQ(points[at] - points[at - 1], points[0]) << length;
  }
}

}  // namespace
}  // namespace ullage::app
