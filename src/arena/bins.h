// The sizes that slabs are cut into.
//
// A bin's size is the slab divided by a whole number, rounded down to 16: so hardly a byte is lost
// at a slab's end. Steps are about 5 % from 384 B upwards and 16 B below.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ullage::arena {

using BinIndex = std::uint8_t;

inline constexpr std::size_t k_granule = 16;
inline constexpr std::size_t k_page_max_bytes = 4096;
inline constexpr std::size_t k_page_min_bytes = 32;
inline constexpr std::size_t k_bins_max = 96;

struct Bin {
  std::uint32_t bytes = 0;
  std::uint32_t per_slab = 0;
};

class Bins {
 public:
  explicit Bins(std::size_t slab_bytes) noexcept;

  /// The smallest bin that holds `bytes`; 1 <= bytes <= k_page_max_bytes. O(1).
  [[nodiscard]] BinIndex for_bytes(std::size_t bytes) const noexcept {
    return by_granules_[(bytes + k_granule - 1) / k_granule];
  }
  [[nodiscard]] const Bin& operator[](BinIndex bin) const noexcept { return bins_[bin]; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  std::array<Bin, k_bins_max> bins_{};  // ascending sizes
  std::array<BinIndex, k_page_max_bytes / k_granule + 1> by_granules_{};
  std::size_t count_ = 0;
};

static_assert(k_bins_max < 255, "a bin's index is one byte");

}  // namespace ullage::arena
