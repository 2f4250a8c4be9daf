// Where the running thread asked for memory: the frame of operator new, while it allocates. Null
// outside of it, and in programs that do not take ours (ullage::heap).
#pragma once

#include <atomic>
#include <cstddef>

namespace ullage::observe {

struct Allocation {
  const void* frame = nullptr;
  std::size_t bytes = 0;  ///< of the last that had a frame
};
// Two instructions away: it is in the program, or in what is loaded with it.
[[gnu::tls_model("initial-exec")]] inline constinit thread_local Allocation t_allocation;

/// Sets it for as long as it lives.
class AllocationFrame {
 public:
  [[gnu::always_inline]] AllocationFrame(const void* frame, std::size_t bytes) noexcept {
    t_allocation = {.frame = frame, .bytes = bytes};
    // The compiler knows malloc, and that it does not read our variables.
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  [[gnu::always_inline]] ~AllocationFrame() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    t_allocation.frame = nullptr;
  }
  AllocationFrame(const AllocationFrame&) = delete;
  AllocationFrame& operator=(const AllocationFrame&) = delete;
};

}  // namespace ullage::observe
