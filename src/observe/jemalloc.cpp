#include "observe/jemalloc.h"

#include <cerrno>

// Null where no jemalloc is linked. Debian's has no prefix to its names.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old, std::size_t* old_bytes,
                                             void* now, std::size_t now_bytes);

namespace ullage::observe::jemalloc {

bool is_linked() noexcept {
  return &mallctl != nullptr;
}

std::uint64_t code() noexcept {
  return reinterpret_cast<std::uint64_t>(&mallctl);
}

int control(const char* name, void* old, std::size_t* old_bytes, const void* now,
            std::size_t now_bytes) noexcept {
  if (!is_linked()) return ENOENT;
  return mallctl(name, old, old_bytes, const_cast<void*>(now), now_bytes);
}

}  // namespace ullage::observe::jemalloc
