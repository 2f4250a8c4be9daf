#include "server/census_task.h"

#include "command/names.h"

#include <algorithm>
#include <string_view>

namespace ullage::server {

namespace {
observe::CensusOptions options() {
  observe::CensusOptions options;
  options.group_name = [](std::string_view stored) { return command::decode_group(stored).key; };
  return options;
}

std::uint64_t writes_of(const Stats& stats) noexcept {
  std::uint64_t writes = stats.inserts + 1;  // an empty cache is walked once, too
  for (const std::uint64_t removals : stats.removals)
    writes += removals;
  return writes;
}
}  // namespace

CensusTask::CensusTask(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock)
    : cache_(cache),
      clock_(clock),
      held_(held),
      census_(cache, options()),
      next_ms_(clock.running_ms() + k_tick_ms) {
  static_cast<void>(held_.take(observe::Census::held_bytes(options())));
}

std::int64_t CensusTask::wait_ms() const noexcept {
  if (bytes_due_ != 0) return 0;
  return std::max<std::int64_t>(next_ms_ - clock_.running_ms(), 0);
}

bool CensusTask::step() {
  if (bytes_due_ == 0) {
    const std::int64_t now_ms = clock_.running_ms();
    if (now_ms < next_ms_) return false;
    next_ms_ = now_ms + k_tick_ms;
    if (!is_walking_) {
      writes_ = writes_of(cache_.stats());
      if (writes_ == seen_writes_) return false;
      is_walking_ = true;
    }
    bytes_due_ = k_bytes_a_tick;
  }
  // One slab, so that a probe waits for a millisecond or so.
  const std::uint64_t before = census_.seen_bytes();
  if (census_.step(1)) {
    bytes_due_ = 0;
    is_walking_ = false;
    seen_writes_ = writes_;
    return true;
  }
  bytes_due_ -= std::min(bytes_due_, std::max(census_.seen_bytes() - before, std::uint64_t{1}));
  return false;
}

}  // namespace ullage::server
