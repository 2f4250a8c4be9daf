// What jemalloc says and takes by name, if it is this process's allocator.
// https://jemalloc.net/jemalloc.3.html#mallctl_namespace
//
// It is not linked here: its one entry point is looked for at run time, so that a program with
// another allocator links us all the same, and hears why it has no heap profile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace ullage::observe::jemalloc {

/// Whether this process allocates with it.
[[nodiscard]] bool is_linked() noexcept;

/// An address within its code; 0 if it is not linked.
[[nodiscard]] std::uint64_t code() noexcept;

/// mallctl(): 0, or an error number. ENOENT: there is no such name in this build.
int control(const char* name, void* old, std::size_t* old_bytes, const void* now,
            std::size_t now_bytes) noexcept;

template <class T>
[[nodiscard]] std::optional<T> read(const char* name) noexcept {
  T value{};
  std::size_t bytes = sizeof value;
  if (control(name, &value, &bytes, nullptr, 0) != 0 || bytes != sizeof value) return std::nullopt;
  return value;
}
template <class T>
bool write(const char* name, const T& value) noexcept {
  return control(name, nullptr, nullptr, static_cast<const void*>(std::addressof(value)),
                 sizeof value) == 0;
}
inline bool run(const char* name) noexcept {
  return control(name, nullptr, nullptr, nullptr, 0) == 0;
}

}  // namespace ullage::observe::jemalloc
