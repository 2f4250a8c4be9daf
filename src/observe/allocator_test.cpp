#include <ullage/observe/allocator.h>

#include <memory>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

TEST(Allocator, TellsWhatItHolds) {
  const AllocatorStats before = allocator_stats();
  constexpr std::size_t k_bytes = std::size_t{8} << 20;
  const auto some = std::make_unique<char[]>(k_bytes);
  const AllocatorStats with = allocator_stats();
  const bool tells_nothing = with.allocated == 0;  // a sanitizer's
  EXPECT_TRUE(tells_nothing || with.allocated >= before.allocated + k_bytes);
  EXPECT_LE(with.allocated, with.resident);
}

TEST(Allocator, GivesBackWhatIsFree) {
  release_free_memory();
  EXPECT_NE(std::make_unique<char[]>(100), nullptr);
}

}  // namespace
}  // namespace ullage::observe
