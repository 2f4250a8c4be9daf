#include "arena/bins.h"

#include "base/check.h"

#include <algorithm>

namespace ullage::arena {

namespace {
constexpr std::size_t k_step_divisor = 26;  // neighbouring sizes differ by at least 1/26

std::size_t size_when_cut_in(std::size_t slab_bytes, std::size_t pieces) noexcept {
  return std::min(slab_bytes / pieces / k_granule * k_granule, k_page_max_bytes);
}
}  // namespace

Bins::Bins(std::size_t slab_bytes) noexcept {
  ULLAGE_CHECK(slab_bytes >= 4 * k_page_max_bytes);
  std::size_t last = 0;
  for (std::size_t pieces = slab_bytes / k_page_max_bytes; pieces <= slab_bytes / k_page_min_bytes;
       ++pieces) {
    const std::size_t size = size_when_cut_in(slab_bytes, pieces);
    if (last != 0 && last - size < std::max(k_granule, last / k_step_divisor)) continue;
    ULLAGE_CHECK(count_ < k_bins_max);
    bins_[count_++] = {static_cast<std::uint32_t>(size),
                       static_cast<std::uint32_t>(slab_bytes / size)};
    last = size;
  }
  std::reverse(bins_.begin(), bins_.begin() + static_cast<std::ptrdiff_t>(count_));
  BinIndex bin = 0;
  for (std::size_t granules = 0; granules < by_granules_.size(); ++granules) {
    while (bins_[bin].bytes < granules * k_granule)
      ++bin;
    by_granules_[granules] = bin;
  }
}

}  // namespace ullage::arena
