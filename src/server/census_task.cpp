#include "server/census_task.h"

#include "command/names.h"

#include <algorithm>
#include <string_view>

namespace ullage::server {

namespace {
observe::CensusOptions options(std::size_t held_bytes) {
  observe::CensusOptions options;
  // A quarter of what clients may hold at most.
  constexpr std::size_t k_share = 4;
  constexpr std::size_t k_prefix_bytes = 512;
  options.prefixes_max =
      std::clamp<std::size_t>(held_bytes / k_share / k_prefix_bytes, 32, options.prefixes_max);
  options.group_name = [](std::string_view stored) { return command::decode_group(stored).key; };
  return options;
}

}  // namespace

CensusTask::Moment CensusTask::moment_of(const Stats& stats) noexcept {
  Moment moment{.writes = stats.inserts + 1,  // an empty cache is walked once, too
                .charged_bytes = stats.charged_bytes};
  for (const std::uint64_t removals : stats.removals)
    moment.writes += removals;
  return moment;
}

CensusTask::CensusTask(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock)
    : cache_(cache),
      clock_(clock),
      held_(held),
      census_(cache, options(held.limit_bytes())),
      next_ms_(clock.running_ms() + k_tick_ms) {
  static_cast<void>(held_.take(observe::Census::held_bytes(options(held.limit_bytes()))));
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
      began_ = moment_of(cache_.stats());
      if (began_ == seen_) return false;
      is_walking_ = true;
    }
    bytes_due_ = bytes_a_tick(cache_.stats().charged_bytes);
  }
  // One slab, so that a probe waits for a millisecond or so.
  const std::uint64_t before = census_.seen_bytes();
  if (census_.step(1)) {
    bytes_due_ = 0;
    is_walking_ = false;
    seen_ = began_;
    return true;
  }
  bytes_due_ -= std::min(bytes_due_, std::max(census_.seen_bytes() - before, std::uint64_t{1}));
  return false;
}

}  // namespace ullage::server
