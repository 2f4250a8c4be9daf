// What the process's allocator holds, outside of any cache: jemalloc's figures, or glibc's.
#pragma once

#include <cstdint>
#include <string_view>

namespace ullage::observe {

/// In bytes. What an allocator does not tell is 0; what it tells is a moment's blur.
struct AllocatorStats {
  std::string_view name = "unknown";  ///< "jemalloc", "glibc"
  std::uint64_t allocated = 0;        ///< what the program asked for and has not freed
  std::uint64_t active = 0;           ///< pages that hold something of it
  std::uint64_t resident = 0;         ///< those, freed pages that were not given back, and metadata
  std::uint64_t mapped = 0;           ///< address space
  std::uint64_t retained = 0;         ///< address space that is kept without memory
  std::uint64_t metadata = 0;         ///< the allocator's own
};
/// Thread-safe. Cost: locks each of the allocator's arenas for a moment.
[[nodiscard]] AllocatorStats allocator_stats();

/// Gives back to the system what is free. Thread-safe. Cost: a system call a stretch of free pages.
void release_free_memory() noexcept;

}  // namespace ullage::observe
