// libFuzzer: as cache_fuzz, on a cache whose names share their hashes, or most of their bits. Pages
// that no bit tells apart cannot be split, directories grow to their greatest depth, tags lie: the
// cache may forget more than others, but the books balance and it never lies.
//
// | setup 1 | collisions 1 | then for each command seven bytes: tests/support/model_bytes.h |
#include "base/check.h"
#include "engine/core_testing.h"
#include "engine/layout.h"
#include "support/model_bytes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#if !defined(ULLAGE_HAS_DEBUG_CHECKS)
#error "hashes collide only in builds with ULLAGE_DEBUG_CHECKS"
#endif

namespace {

constexpr std::uint64_t k_all = ~std::uint64_t{0};
constexpr std::uint64_t k_tag = 0xff;

/// Which bits of a hash are left, of which `used` leading ones chose something before.
std::uint64_t kept_bits(unsigned choice, unsigned used) {
  const auto without_leading = [](unsigned bits) { return k_all >> bits; };
  const std::array<std::uint64_t, 8> masks = {
      k_all,
      0,                                                        // one hash for all
      k_tag,                                                    // one page, tags tell apart
      k_all & ~k_tag,                                           // tags tell nothing apart
      without_leading(used + ullage::engine::k_depth_max - 3),  // the last bits that count
      without_leading(used + ullage::engine::k_depth_max),      // just behind them
      without_leading(used + 6),                                // one branch, then all
      (k_all & ~without_leading(used + 3)) | k_tag,             // eight pages
  };
  return masks[choice % masks.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 + ullage::test::k_command_bytes) return 0;
  const std::span bytes(data, size);
  ullage::test::ModelSetup setup = ullage::test::setup_from(bytes[0]);
  setup.names_collide = true;
  setup.prepare = [collisions = unsigned{bytes[1]}](ullage::Cache& cache) {
    ullage::engine::State& state = ullage::engine::core_of(cache).state;
    state.group_key.kept_bits = kept_bits(collisions % 8, state.shard_bits);
    state.field_key.kept_bits = kept_bits(collisions / 8 % 8, 0);
  };
  if (!ullage::test::run_from_bytes("colliding_fuzz", setup, bytes.subspan(2))) std::abort();
  return 0;
}
