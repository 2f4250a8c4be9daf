// Who holds the memory outside of the cache, looked at every ten seconds: owners that the early
// warning follows. Where allocations are not sampled there are none.
#pragma once

#include <ullage/observe/heap_owners.h>

#include "command/byte_budget.h"
#include "command/clock.h"

#include <cstdint>
#include <optional>
#include <span>

namespace ullage::server {

/// On one thread alone.
class HeapWatch {
 public:
  static constexpr std::int64_t k_look_ms = 10'000;
  /// After it could not look for want of memory.
  static constexpr std::int64_t k_retry_ms = 60'000;
  /// After it was told that it may not: what is sampled is too much, or nothing is.
  static constexpr std::int64_t k_refused_ms = 1'800'000;

  /// What it holds is taken from `held`, for good; where that is little it does nothing.
  HeapWatch(command::ByteBudget& held, const command::CommandClock& clock);

  /// Does a bounded piece of what is due.
  void step();
  /// How long there is nothing to do.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;
  /// The largest first. Valid until the next step.
  [[nodiscard]] std::span<const observe::HeapOwner> owners() const noexcept;

 private:
  const command::CommandClock& clock_;
  command::TakenBytes held_;
  command::ByteBudget& budget_;
  std::optional<observe::HeapOwners> owners_;
  std::int64_t next_ms_ = 0;  // when more is due
  bool is_known_ = false;
};

}  // namespace ullage::server
