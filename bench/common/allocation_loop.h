// A loop of nothing but new and delete, deep down a stack: the worst case for who samples
// allocations.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>

namespace ullage::bench {

inline constexpr int k_frames = 25;
inline constexpr std::size_t k_object_bytes = 64;

inline void escape(void* memory) {
  asm volatile("" : : "r"(memory) : "memory");
}

/// Answers nanoseconds a pair.
[[gnu::noinline]] inline double loop_below(int frames, std::uint64_t pairs) {
  if (frames != 0) {
    const double ns = loop_below(frames - 1, pairs);
    escape(nullptr);  // or it is no call
    return ns;
  }
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < pairs; ++i) {
    void* const memory = ::operator new(k_object_bytes);
    escape(memory);
    ::operator delete(memory);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(pairs);
}

}  // namespace ullage::bench
