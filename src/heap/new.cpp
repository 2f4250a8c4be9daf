// operator new and delete that tell the heap profiler where they were called from, and jemalloc's
// settings: what ullage::heap is. In one file, so that who links it gets all of it.
#include <ullage/observe/heap_profile.h>

#include "observe/allocation_frame.h"

#include <cstdlib>
#include <new>

// Read by jemalloc before main(). A program may define its own, which then holds. Without
// prof_accum: with it a record stays of each thread that was ever sampled.
extern "C" {
extern const char* malloc_conf;
__attribute__((weak)) const char* malloc_conf = "prof:true,prof_active:true,lg_prof_sample:19";
}

namespace {

using ullage::observe::AllocationFrame;

[[gnu::constructor]] void install_hook() noexcept {
  ullage::observe::install_heap_hook();
}

// As the standard has it: what the handler frees may be enough.
template <class Allocate>
[[gnu::noinline]] void* allocate_after_handler(Allocate allocate) {
  while (true) {
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) return nullptr;
    handler();
    if (void* const memory = allocate()) return memory;
  }
}

[[gnu::always_inline]] inline void* allocate(std::size_t bytes, const void* frame) {
  const AllocationFrame here(frame, bytes);
  if (void* const memory = std::malloc(bytes)) [[likely]]
    return memory;
  return allocate_after_handler([bytes] { return std::malloc(bytes); });
}
[[gnu::always_inline]] inline void* allocate(std::size_t bytes, std::align_val_t alignment,
                                             const void* frame) {
  const AllocationFrame here(frame, bytes);
  const auto align = static_cast<std::size_t>(alignment);
  const auto aligned = [bytes, align] {
    void* memory = nullptr;
    return ::posix_memalign(&memory, align < sizeof(void*) ? sizeof(void*) : align, bytes) == 0
               ? memory
               : nullptr;
  };
  if (void* const memory = aligned()) [[likely]]
    return memory;
  return allocate_after_handler(aligned);
}

/// For those that must not throw, whatever the handler does.
template <class Allocate>
[[gnu::always_inline]] inline void* or_null(Allocate allocate) noexcept {
  try {
    return allocate();
  } catch (...) {
    return nullptr;
  }
}

[[gnu::always_inline]] inline void* or_throw(void* memory) {
  if (memory == nullptr) [[unlikely]]
    throw std::bad_alloc();
  return memory;
}

}  // namespace

// The frame is the operator's own, so that the first caller is who asked for memory.
// NOLINTBEGIN(misc-new-delete-overloads)
#define ULLAGE_HERE __builtin_frame_address(0)
void* operator new(std::size_t bytes) {
  return or_throw(allocate(bytes, ULLAGE_HERE));
}
void* operator new[](std::size_t bytes) {
  return or_throw(allocate(bytes, ULLAGE_HERE));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return or_throw(allocate(bytes, alignment, ULLAGE_HERE));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return or_throw(allocate(bytes, alignment, ULLAGE_HERE));
}
void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  return or_null([bytes, here = ULLAGE_HERE] { return allocate(bytes, here); });
}
void* operator new[](std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  return or_null([bytes, here = ULLAGE_HERE] { return allocate(bytes, here); });
}
void* operator new(std::size_t bytes, std::align_val_t alignment,
                   const std::nothrow_t& /*tag*/) noexcept {
  return or_null([=, here = ULLAGE_HERE] { return allocate(bytes, alignment, here); });
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t& /*tag*/) noexcept {
  return or_null([=, here = ULLAGE_HERE] { return allocate(bytes, alignment, here); });
}
#undef ULLAGE_HERE

void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t /*bytes*/,
                       std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept {
  std::free(memory);
}
// NOLINTEND(misc-new-delete-overloads)
