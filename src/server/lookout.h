// All that looks at the memory of a running server, a little at a time, on the thread that takes
// clients: the walk over the cache, what goes over a threshold, who grows, and by what.
#pragma once

#include <ullage/cache.h>
#include <ullage/observe/census.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/census_task.h"
#include "server/early_warning.h"
#include "server/growth_profile.h"
#include "server/heap_watch.h"
#include "server/log.h"
#include "server/recent_counts.h"
#include "server/settings.h"
#include "server/thresholds.h"

#include <cstdint>
#include <functional>

namespace ullage::server {

/// On one thread alone.
class Lookout {
 public:
  static constexpr std::int64_t k_look_ms = 1000;

  struct Parts {
    Cache& cache;
    command::ByteBudget& held;
    const command::CommandClock& clock;
    Log& log;
    std::function<Readings()> readings;  ///< asked for once in k_look_ms
  };
  explicit Lookout(Parts parts);

  void set(const Settings& settings) noexcept { thresholds_.set(settings); }

  /// Does a bounded piece of what is due. Answers whether the cache was seen anew: a walk was
  /// finished by that.
  bool step();
  /// How long there is nothing to do; what is due once a second comes by the way.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;

  [[nodiscard]] const observe::Census& census() const noexcept { return census_.census(); }
  [[nodiscard]] const EarlyWarning& early_warning() const noexcept { return early_warning_; }
  [[nodiscard]] const GrowthProfile& growth() const noexcept { return growth_; }
  [[nodiscard]] const RecentCounts& recent() const noexcept { return recent_; }

 private:
  Parts parts_;
  CensusTask census_;
  Thresholds thresholds_;
  EarlyWarning early_warning_;
  HeapWatch heap_watch_;
  RecentCounts recent_;
  GrowthProfile growth_;
  std::int64_t next_look_ms_ = 0;
};

}  // namespace ullage::server
