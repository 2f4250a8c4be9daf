// How often each command was called. Each I/O thread counts for itself, so that no two write to one
// line; who asks adds them up.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ullage::command {

/// Of one thread, which alone adds; any may read.
class CommandCounts {
 public:
  explicit CommandCounts(std::size_t commands)
      : size_(commands), calls_(new std::atomic<std::uint64_t>[commands] {}) {}

  /// REQUIRES: command < the number of commands.
  void add(std::size_t command, std::uint64_t calls = 1) noexcept {
    std::atomic<std::uint64_t>& count = calls_[command];
    count.store(count.load(std::memory_order_relaxed) + calls, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t calls(std::size_t command) const noexcept {
    return calls_[command].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  const std::size_t size_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> calls_;
};

/// Those of all threads. Thread-safe.
class CommandStats {
 public:
  /// For a thread that begins to serve; lives as long as this.
  CommandCounts& open(std::size_t commands) {
    const std::lock_guard lock(mutex_);
    return *threads_.emplace_back(std::make_unique<CommandCounts>(commands));
  }
  [[nodiscard]] std::uint64_t calls(std::size_t command) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t all = 0;
    for (const auto& thread : threads_)
      all += thread->calls(command);
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<CommandCounts>> threads_;  // guarded by mutex_
};

}  // namespace ullage::command
