#include "command/clock.h"

#include <chrono>

namespace ullage::command {

thread_local std::int64_t CommandClock::stopped_ms_ = 0;

std::int64_t CommandClock::running_ms() const noexcept {
  if (source_) return source_->now_ms();
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace ullage::command
