#include "server/heap_watch.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ullage::server {

HeapWatch::HeapWatch(command::ByteBudget& held, const command::CommandClock& clock)
    : clock_(clock), held_(held), budget_(held), next_ms_(clock.running_ms()) {
  constexpr std::size_t k_share = 8;
  observe::HeapOwnersOptions options;
  // For a moment only: that so much is there is enough.
  options.may_hold = [this](std::size_t bytes) {
    return bytes <= budget_.limit_bytes() - budget_.used_bytes();
  };
  const std::size_t bytes = observe::HeapOwners::held_bytes(options);
  if (bytes <= held.limit_bytes() / k_share && held_.take(bytes))
    owners_.emplace(std::move(options));
}

std::int64_t HeapWatch::wait_ms() const noexcept {
  return owners_ ? std::max<std::int64_t>(next_ms_ - clock_.running_ms(), 0) : k_retry_ms;
}

void HeapWatch::step() {
  const std::int64_t now_ms = clock_.running_ms();
  if (!owners_ || now_ms < next_ms_) return;
  const auto done = owners_->step();
  if (done && !*done) return;
  is_known_ = done.has_value();
  // The allocator writes all of it before anybody can see that it is too much.
  const bool is_refused = !is_known_ && done.error().code != Errc::busy;
  next_ms_ = now_ms + (is_known_ ? k_look_ms : is_refused ? k_refused_ms : k_retry_ms);
}

std::span<const observe::HeapOwner> HeapWatch::owners() const noexcept {
  return owners_ && is_known_ ? owners_->owners() : std::span<const observe::HeapOwner>();
}

}  // namespace ullage::server
