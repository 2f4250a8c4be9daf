// How often each stack was seen: a table of a fixed size that a signal handler may write to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace ullage::observe {

/// add() allocates nothing, waits for nobody and is safe in a signal handler, from any thread; what
/// it cannot count at once, it counts as lost. The rest is for one thread when nobody adds.
class StackCounts {
 public:
  /// Takes about that many bytes.
  explicit StackCounts(std::size_t bytes);

  void add(std::span<void* const> addresses) noexcept;

  [[nodiscard]] std::uint64_t added() const noexcept {
    return added_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }
  using Visit = std::function<void(std::span<const std::uint64_t> addresses, std::uint64_t count)>;
  void for_each(const Visit& visit) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t count = 0;  // 0: there is none
    std::uint32_t begin = 0;  // in words_
    std::uint32_t length = 0;
  };
  bool count(std::span<void* const> addresses) noexcept;

  std::size_t slots_count_;  // a power of two
  std::size_t words_count_;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<std::uint64_t[]> words_;
  std::size_t words_used_ = 0;
  std::atomic_flag taken_;
  std::atomic<std::uint64_t> added_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace ullage::observe
