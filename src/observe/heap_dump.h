// What jemalloc's prof.dump writes, read: sampled stacks and what each holds.
//
//   heap_v2/524288
//     t*: 487: 270535 [489: 272788]
//     ...
//   @ 0x56087d857610 0x56087d857d01
//     t*: 1: 81920 [3: 245760]
//     t0: 1: 81920 [3: 245760]
//   MAPPED_LIBRARIES:
//   ...
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ullage::observe {

/// Objects and bytes as they were sampled; see unsampled().
struct HeapCounts {
  std::uint64_t live_objects = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t all_objects = 0;  ///< since sampling began
  std::uint64_t all_bytes = 0;
};

struct HeapStack {
  std::vector<std::uint64_t> addresses;  ///< return addresses, the innermost first
  HeapCounts counts;
};

struct HeapDump {
  std::uint64_t sample_bytes = 0;
  std::vector<HeapStack> stacks;
};

/// None if it is no such text. Linear in its length.
[[nodiscard]] std::optional<HeapDump> parse_heap_dump(std::string_view text);

/// What samples stand for: an object of b bytes is sampled with probability 1 - exp(-b / rate).
struct Unsampled {
  double objects = 0;
  double bytes = 0;
};
[[nodiscard]] Unsampled unsampled(std::uint64_t objects, std::uint64_t bytes,
                                  std::uint64_t sample_bytes) noexcept;

}  // namespace ullage::observe
