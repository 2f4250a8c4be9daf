#include <ullage/observe/allocator.h>

#include "observe/jemalloc.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace ullage::observe {

AllocatorStats allocator_stats() {
  if (jemalloc::is_linked()) {
    jemalloc::write("epoch", std::uint64_t{1});  // figures are as of that moment
    const auto bytes = [](const char* name) {
      return std::uint64_t{jemalloc::read<std::size_t>(name).value_or(0)};
    };
    return {.name = "jemalloc",
            .allocated = bytes("stats.allocated"),
            .active = bytes("stats.active"),
            .resident = bytes("stats.resident"),
            .mapped = bytes("stats.mapped"),
            .retained = bytes("stats.retained"),
            .metadata = bytes("stats.metadata")};
  }
#ifdef __GLIBC__
  const struct mallinfo2 info = ::mallinfo2();
  return {.name = "glibc",
          .allocated = info.uordblks + info.hblkhd,
          .resident = info.arena + info.hblkhd,
          .mapped = info.arena + info.hblkhd};
#else
  return {};
#endif
}

void release_free_memory() noexcept {
  if (jemalloc::is_linked()) {
    jemalloc::run("thread.tcache.flush");
    jemalloc::run("arena.4096.purge");  // MALLCTL_ARENAS_ALL
    return;
  }
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace ullage::observe
