// Counts what a hit touches, in builds with ULLAGE_COUNT_LINES; nothing at all in others.
//
// These machines have no hardware counters, so the proof that reads stay quiet is a count: distinct
// cache lines of shared memory read, stores to shared lines, locks taken.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ullage::base {

#if defined(ULLAGE_COUNT_LINES)
struct TouchCounts {
  static constexpr std::size_t k_lines_max = 4096;
  std::uint64_t shared_stores = 0;
  std::uint64_t ticks = 0;
  std::uint64_t locks = 0;
  std::size_t lines = 0;  ///< distinct lines since reset
  std::uintptr_t seen[k_lines_max] = {};

  void reset() noexcept { shared_stores = ticks = locks = 0, lines = 0; }
  void line(std::uintptr_t number) noexcept {
    for (std::size_t i = lines; i-- > 0;) {
      if (seen[i] == number) return;
    }
    if (lines < k_lines_max) seen[lines++] = number;
  }
};
inline thread_local TouchCounts t_touch;
inline void touch(const void* at, std::size_t bytes) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(at) / 64;
  const auto last = (reinterpret_cast<std::uintptr_t>(at) + (bytes == 0 ? 0 : bytes - 1)) / 64;
  for (auto n = first; n <= last; ++n)
    t_touch.line(n);
}
inline void count_shared_store() noexcept {
  ++t_touch.shared_stores;
}
inline void count_tick() noexcept {
  ++t_touch.ticks;
}
inline void count_lock() noexcept {
  ++t_touch.locks;
}
#else
inline void touch(const void*, std::size_t) noexcept {}
inline void count_shared_store() noexcept {}
inline void count_tick() noexcept {}
inline void count_lock() noexcept {}
#endif

}  // namespace ullage::base
