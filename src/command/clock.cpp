#include "command/clock.h"

#include <chrono>
#include <utility>

namespace ullage::command {

namespace {
template <class Source>
std::int64_t ms_of() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Source::now().time_since_epoch())
      .count();
}
}  // namespace

thread_local std::int64_t CommandClock::stopped_ms_ = 0;

CommandClock::CommandClock(std::shared_ptr<const Clock> source) noexcept
    : source_(std::move(source)),
      began_ms_(ms_of<std::chrono::system_clock>() - ms_of<std::chrono::steady_clock>()) {}

std::int64_t CommandClock::unix_ms() const noexcept {
  return source_ ? source_->now_ms() : ms_of<std::chrono::system_clock>();
}

std::int64_t CommandClock::running_ms() const noexcept {
  return source_ ? source_->now_ms() : began_ms_ + ms_of<std::chrono::steady_clock>();
}

}  // namespace ullage::command
