#include "server/budget.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

// A node of many cores with a pod of little memory: each thread takes some of it.
TEST(IoThreads, AreAsManyAsThereAreCoresAndRoomFor) {
  EXPECT_EQ(io_threads_for(4, 1 * k_gib), 4U);
  EXPECT_EQ(io_threads_for(64, 1 * k_gib), 32U);
  EXPECT_EQ(io_threads_for(64, 48 * k_mib), 1U);
  EXPECT_EQ(io_threads_for(2, 64 * k_mib), 2U);
  EXPECT_EQ(io_threads_for(8, 8 * k_mib), 1U);
  EXPECT_EQ(io_threads_for(0, 1 * k_gib), 1U) << "nobody knows how many cores there are";
}

TEST(IoThreads, LeaveACacheWorthItWhateverTheMachine) {
  for (const std::size_t limit : {48 * k_mib, 64 * k_mib, 128 * k_mib, 512 * k_mib, 4 * k_gib}) {
    const auto budget = divide_limit({.limit_bytes = limit,
                                      .resident_bytes = 12 * k_mib,
                                      .threads = io_threads_for(256, limit),
                                      .max_clients = 100,
                                      .value_max_bytes = std::min(k_mib, limit / 64)});
    ASSERT_TRUE(budget) << limit << ": " << budget.error().message;
    EXPECT_GT(budget->arena_bytes, limit / 4) << limit;
  }
}

}  // namespace
}  // namespace ullage::server
