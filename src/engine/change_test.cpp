// Changes nest, and readers see one step from the first to the last.
#include "engine/engine_testing.h"
#include "engine/state.h"

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

TEST(Change, NestedChangesAreOneStepToReaders) {
  const Yard yard(1);
  Shard& shard = yard.shard();
  const ShardGuard guard(shard);
  const auto before = shard.lock.begin_read();
  {
    const Change outer(shard);
    const auto in_outer = shard.lock.begin_read();
    EXPECT_FALSE(shard.lock.validate(in_outer));
    {
      const Change inner(shard);
      EXPECT_FALSE(shard.lock.validate(shard.lock.begin_read()));
    }
    EXPECT_FALSE(shard.lock.validate(shard.lock.begin_read())) << "the outer one goes on";
  }
  EXPECT_EQ(shard.change_depth, 0U);
  EXPECT_FALSE(shard.lock.validate(before));
  EXPECT_TRUE(shard.lock.validate(shard.lock.begin_read()));
}

TEST(DueTime, OnlyFallsAndNeverIsNoDueTime) {
  const Yard yard(1);
  Shard& shard = yard.shard();
  EXPECT_EQ(load_due(shard), 0) << "nothing at all";
  lower_due(shard, k_never_ms);
  EXPECT_EQ(load_due(shard), 0);
  lower_due(shard, 500);
  lower_due(shard, 900);
  EXPECT_EQ(load_due(shard), 500);
  lower_due(shard, 0);
  EXPECT_EQ(load_due(shard), 1) << "0 would say that nothing is due";
}

}  // namespace
}  // namespace ullage::engine
