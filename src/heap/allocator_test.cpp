#include <ullage/observe/allocator.h>

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

TEST(Jemalloc, TellsWhatItHolds) {
  const AllocatorStats before = allocator_stats();
  EXPECT_EQ(before.name, "jemalloc");
  constexpr std::size_t k_bytes = std::size_t{8} << 20;
  const auto some = std::make_unique<char[]>(k_bytes);
  const AllocatorStats with = allocator_stats();
  EXPECT_GE(with.allocated, before.allocated + k_bytes);
  EXPECT_LE(with.allocated, with.active);
  EXPECT_LE(with.active, with.resident);
}

TEST(Jemalloc, GivesBackWhatIsFree) {
  constexpr std::size_t k_bytes = std::size_t{64} << 20;
  {
    const auto some = std::make_unique<char[]>(k_bytes);
    std::memset(some.get(), 1, k_bytes);
    EXPECT_GE(allocator_stats().resident, k_bytes);
  }
  release_free_memory();
  EXPECT_LT(allocator_stats().resident, k_bytes / 2);
}

}  // namespace
}  // namespace ullage::observe
