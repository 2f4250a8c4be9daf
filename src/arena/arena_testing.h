// What the tests of the arena share: a small arena, and pages written so that nobody takes them for
// free ones.
#pragma once

#include "arena/arena.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace ullage::arena {

inline constexpr std::size_t k_test_slab_bytes = std::size_t{16} << 10;

/// An arena of exactly `slabs` slabs within its budget, and of `max_slabs` at most.
inline std::unique_ptr<Arena> map_slabs(std::size_t slabs, std::size_t max_slabs) {
  ArenaLayout layout;
  layout.slab_bytes = k_test_slab_bytes;
  layout.fixed_bytes = 100;
  // The fixed tables and the slab table take less than one slab.
  layout.reserve_bytes = (max_slabs + 1) * k_test_slab_bytes;
  auto arena = Arena::map(layout, 0);
  if (arena) arena->set_budget(arena->bytes().fixed + slabs * k_test_slab_bytes);
  return arena;
}
inline std::unique_ptr<Arena> map_slabs(std::size_t slabs) {
  return map_slabs(slabs, slabs);
}

/// The bytes that mark_page() writes: never zero in the first, which would say "free".
inline std::byte mark_of(Ref ref) {
  return static_cast<std::byte>(1 + ref % 251);
}
inline void mark_page(const Arena& arena, Ref ref) {
  std::memset(arena.at(ref), static_cast<int>(mark_of(ref)), arena.page_bytes(ref));
}
inline bool page_is_marked(const Arena& arena, Ref ref, std::byte mark) {
  const std::byte* const at = arena.at(ref);
  for (std::size_t i = 0; i < arena.page_bytes(ref); ++i) {
    if (at[i] != mark) return false;
  }
  return true;
}

/// A marked page, or none.
inline Ref take(Arena& arena, std::size_t bytes, std::size_t keep_slabs = 1) {
  const Ref ref = arena.alloc(bytes, keep_slabs);
  if (ref != k_no_ref) mark_page(arena, ref);
  return ref;
}
/// Pages of one size until there is none.
inline std::vector<Ref> take_all(Arena& arena, std::size_t bytes, std::size_t keep_slabs = 1) {
  std::vector<Ref> refs;
  while (const Ref ref = take(arena, bytes, keep_slabs))
    refs.push_back(ref);
  return refs;
}

}  // namespace ullage::arena
