// When each tick of the ranking's clock began, so that an entry's age can be told in time.
//
// Ticks count insertions, not seconds: a cache that is only read has the same tick all along. What
// is told is therefore the least that an entry can have gone without use.
#pragma once

#include "policy/reuse_model.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace ullage::policy {

/// note() by one thread at a time; reading by any, at any time.
class Timeline {
 public:
  /// Maintenance looks at both clocks: ticks that passed since it last did all began now, as far as
  /// it knows.
  void note(Tick tick, std::int64_t now_ms) noexcept {
    if (!begun_) {
      begun_ = true;
      noted_ = tick;
      for (std::atomic<std::int64_t>& start : starts_ms_)
        start.store(now_ms, std::memory_order_relaxed);
      return;
    }
    for (unsigned left = k_ticks; noted_ != tick && left != 0; --left) {
      noted_ = static_cast<Tick>((noted_ + 1U) & k_tick_mask);
      start_of(noted_).store(now_ms, std::memory_order_relaxed);
    }
    noted_ = tick;
  }

  /// The least time that an entry of this state has gone without use; 0 where it cannot be told.
  [[nodiscard]] std::int64_t idle_ms(EntryState state, Tick tick,
                                     std::int64_t now_ms) const noexcept {
    const unsigned age = state.age(tick);
    if (age == 0) return 0;
    // Its last use came before the tick after it began.
    const auto after = static_cast<Tick>((unsigned{tick} - age + 1) & k_tick_mask);
    const std::int64_t start_ms = start_of(after).load(std::memory_order_relaxed);
    return start_ms != 0 && start_ms < now_ms ? now_ms - start_ms : 0;
  }

 private:
  static constexpr unsigned k_tick_mask = (1U << k_tick_bits) - 1;
  static constexpr unsigned k_ticks = k_age_ticks_max + 1;
  static_assert((k_ticks & (k_ticks - 1)) == 0);

  [[nodiscard]] std::atomic<std::int64_t>& start_of(Tick tick) noexcept {
    return starts_ms_[tick % k_ticks];
  }
  [[nodiscard]] const std::atomic<std::int64_t>& start_of(Tick tick) const noexcept {
    return starts_ms_[tick % k_ticks];
  }

  std::array<std::atomic<std::int64_t>, k_ticks> starts_ms_{};  // each by itself
  Tick noted_ = 0;
  bool begun_ = false;
};

}  // namespace ullage::policy
