// CLIENT PAUSE: no command runs until a moment.
#pragma once

#include "command/row.h"

#include <atomic>
#include <cstdint>

namespace ullage::command {

/// Thread-safe. Costs one relaxed load while there is none.
class Pause {
 public:
  void begin(std::int64_t until_ms, bool writes_only) noexcept {
    writes_only_.store(writes_only, std::memory_order_relaxed);
    until_ms_.store(until_ms, std::memory_order_release);
  }
  void end() noexcept { until_ms_.store(0, std::memory_order_release); }

  [[nodiscard]] bool holds(const Row& row, std::int64_t now_ms) const noexcept {
    if (now_ms >= until_ms()) return false;
    return !writes_only_.load(std::memory_order_relaxed) || row.is(k_write);
  }
  /// 0: there is none.
  [[nodiscard]] std::int64_t until_ms() const noexcept {
    return until_ms_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::int64_t> until_ms_{0};
  std::atomic<bool> writes_only_{false};
};

}  // namespace ullage::command
