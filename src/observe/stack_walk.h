// Who called: the return addresses of the running thread's stack, for who is called too often to
// unwind each time.
//
// Our own code keeps frame pointers, so its frames are a list:
//
//   frame -> | frame of the caller | return address |
//
// Libraries of the system keep none. So the list is followed while it returns to the program's own
// code. It is whole if it then comes to one of the few places below which there is nothing of ours:
// where a thread or main() was started from. These are learned. Anything else is unwound by
// libgcc, which reads tables and is some twenty times slower.
#pragma once

#include "observe/loaded_code.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ullage::observe {

class StackWalk {
 public:
  /// `code` keeps frame pointers.
  explicit constexpr StackWalk(CodeRange code = {}) noexcept : code_(code) {}

  /// Before the first walk.
  void set_code(CodeRange code) noexcept { code_ = code; }

  /// Return addresses from `frame` on, the innermost first: a frame of a function of ours, that
  /// runs in this thread, and called what calls this. Null: all that can be seen. Thread-safe;
  /// takes no lock. Allocates at a thread's first call alone.
  std::size_t capture(const void* frame, std::span<void*> addresses) noexcept;

  /// How many stacks were walked in the slow way. For tests.
  [[nodiscard]] std::uint64_t unwound() const noexcept {
    return unwound_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] std::size_t follow(const void* frame, std::span<void*> addresses) const noexcept;
  std::size_t unwind(std::uint64_t first, std::span<void*> addresses) noexcept;
  [[nodiscard]] bool is_base(std::uint64_t address) const noexcept;
  void learn_base(std::uint64_t address) noexcept;

  CodeRange code_;
  static constexpr std::size_t k_bases_max = 16;
  std::array<std::atomic<std::uint64_t>, k_bases_max> bases_{};  // 0: none yet
  std::atomic<std::uint64_t> unwound_{0};
};

/// libgcc's unwinder. Safe in a signal handler where glibc finds tables without a lock (2.35 and
/// newer). The innermost frame is the caller's own.
std::size_t unwind_stack(std::span<void*> addresses) noexcept;

}  // namespace ullage::observe
