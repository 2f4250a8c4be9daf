// The walk over the cache that goes on all the time, a little each second, on the thread that takes
// clients: /metrics and the thresholds of the log tell what it has seen.
#pragma once

#include <ullage/cache.h>
#include <ullage/limits.h>
#include <ullage/observe/census.h>

#include "command/byte_budget.h"
#include "command/clock.h"

#include <algorithm>
#include <cstdint>

namespace ullage::server {

/// On one thread alone.
class CensusTask {
 public:
  /// So much of the cache is looked at in a second, which takes about a hundredth of it; more of a
  /// large one, so that a walk takes k_walk_ticks seconds, but no more than four times as much.
  /// Nothing while nothing changes.
  static constexpr std::uint64_t k_bytes_a_tick = 4 * k_mib;
  static constexpr std::uint64_t k_bytes_a_tick_most = 4 * k_bytes_a_tick;
  static constexpr std::uint64_t k_walk_ticks = 60;
  static constexpr std::int64_t k_tick_ms = 1000;
  /// Of a cache that takes so many bytes.
  [[nodiscard]] static constexpr std::uint64_t bytes_a_tick(std::uint64_t charged_bytes) noexcept {
    return std::clamp(charged_bytes / k_walk_ticks, k_bytes_a_tick, k_bytes_a_tick_most);
  }

  /// What it holds is taken from `held`, for good.
  CensusTask(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock);

  /// Does a bounded piece of what is due. Answers whether a walk was finished by that.
  bool step();
  /// How long there is nothing to do.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;
  [[nodiscard]] const observe::Census& census() const noexcept { return census_; }

 private:
  Cache& cache_;
  const command::CommandClock& clock_;
  command::TakenBytes held_;
  observe::Census census_;
  std::int64_t next_ms_;         // when more is due
  std::uint64_t bytes_due_ = 0;  // of this second, still
  /// What tells that something has changed since.
  struct Moment {
    std::uint64_t writes = 0;
    std::uint64_t charged_bytes = 0;  ///< those of a group that went are given back later
    bool operator==(const Moment&) const = default;
  };
  [[nodiscard]] static Moment moment_of(const Stats& stats) noexcept;

  Moment seen_{};   // when the last walk began
  Moment began_{};  // when this one did
  bool is_walking_ = false;
};

}  // namespace ullage::server
