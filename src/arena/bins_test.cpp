// Every size is served by the smallest bin that holds it, and neither the steps between bins nor
// what is left at a slab's end waste more than the slab's own size forces.
#include "arena/bins.h"

#include <algorithm>
#include <cstddef>

#include <gtest/gtest.h>

namespace ullage::arena {
namespace {

constexpr std::size_t k_slabs[] = {16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10};

class BinsOf : public ::testing::TestWithParam<std::size_t> {
 protected:
  Bins bins_{GetParam()};
  [[nodiscard]] const Bin& bin(std::size_t i) const { return bins_[static_cast<BinIndex>(i)]; }
};

TEST_P(BinsOf, EverySizeIsServedByTheSmallestBinThatHoldsIt) {
  for (std::size_t bytes = 1; bytes <= k_page_max_bytes; ++bytes) {
    const BinIndex found = bins_.for_bytes(bytes);
    ASSERT_LT(found, bins_.count());
    ASSERT_GE(bins_[found].bytes, bytes);
    if (found != 0) {
      ASSERT_LT(bin(found - std::size_t{1}).bytes, bytes);
    }
  }
}

TEST_P(BinsOf, SizesAscendInGranulesFromTheLeastToTheMost) {
  EXPECT_EQ(bin(0).bytes, k_page_min_bytes);
  EXPECT_EQ(bin(bins_.count() - 1).bytes, k_page_max_bytes);
  EXPECT_LE(bins_.count(), k_bins_max);
  for (std::size_t i = 0; i < bins_.count(); ++i) {
    EXPECT_EQ(bin(i).bytes % k_granule, 0U);
    if (i != 0) {
      EXPECT_GT(bin(i).bytes, bin(i - 1).bytes);
    }
  }
}

TEST_P(BinsOf, AStepIsATwentiethOrWhatTheSlabForces) {
  // One page more to a slab makes each smaller by size^2 / slab; rounding costs another granule.
  for (std::size_t i = 1; i < bins_.count(); ++i) {
    const std::size_t size = bin(i).bytes;
    const std::size_t step = size - bin(i - 1).bytes;
    EXPECT_LE(step, std::max(k_granule, size / 20) + size * size / GetParam() + k_granule) << size;
  }
}

TEST_P(BinsOf, ASlabsEndIsHardlyWasted) {
  for (std::size_t i = 0; i < bins_.count(); ++i) {
    const std::size_t used = std::size_t{bin(i).bytes} * bin(i).per_slab;
    EXPECT_LE(used, GetParam());
    EXPECT_LT(GetParam() - used, bin(i).bytes) << "another page would have fitted";
    EXPECT_LE((GetParam() - used) * 40, GetParam()) << bin(i).bytes << ": more than 2.5 %";
  }
}

INSTANTIATE_TEST_SUITE_P(Slabs, BinsOf, ::testing::ValuesIn(k_slabs));

TEST(Bins, LargeSlabsKeepStepsBelowNinePerCent) {
  const Bins bins(256 << 10);
  for (std::size_t i = 1; i < bins.count(); ++i) {
    const std::size_t size = bins[static_cast<BinIndex>(i)].bytes;
    const std::size_t below = bins[static_cast<BinIndex>(i - 1)].bytes;
    if (below >= 384) {
      EXPECT_LE((size - below) * 100, below * 9) << size;
    }
  }
}

}  // namespace
}  // namespace ullage::arena
