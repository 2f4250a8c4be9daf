// /metrics: what Prometheus reads.
#pragma once

#include <ullage/pool.h>
#include <ullage/stats.h>

#include "command/services.h"
#include "observe/metrics_text.h"
#include "server/budget.h"
#include "server/buffer_pool.h"
#include "server/counters.h"
#include "server/governor_task.h"
#include "server/lookout.h"
#include "server/round_times.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ullage::server {

/// Reads counters, and takes no lock that a command holds for long. Bounded: each family has as
/// many series as there are values of its labels, which are ours, or the k_groups_max largest
/// groups.
class MetricsPage {
 public:
  static constexpr std::size_t k_groups_max = 32;

  struct Sources {
    const command::Services& services;
    const Counters& counters;
    const BufferPool& pool;
    std::function<std::vector<PoolStats>()> pools;
    const GovernorTask& governor;
    const Lookout& lookout;
    std::function<Budget()> budget;
    std::function<RoundTimes::Sum()> round_times;
    std::size_t groups_max = k_groups_max;  ///< that are named
  };
  explicit MetricsPage(Sources sources);

  [[nodiscard]] std::string text(observe::MetricsText::Format format);
  [[nodiscard]] const Sources& sources() const noexcept { return sources_; }

 private:
  void process(observe::MetricsText& out) const;
  void memory(observe::MetricsText& out) const;
  void outside(observe::MetricsText& out, const Stats& stats) const;
  void cache(observe::MetricsText& out, const Stats& stats);
  void classes(observe::MetricsText& out, const Stats& stats);
  void governor(observe::MetricsText& out) const;
  void growth(observe::MetricsText& out) const;
  void owners(observe::MetricsText& out) const;
  void commands(observe::MetricsText& out) const;
  void clients(observe::MetricsText& out) const;

  Sources sources_;
  std::int64_t started_ms_;
  std::array<std::uint64_t, k_removal_causes> removals_{};  // the most that was told
  std::uint64_t other_hits_ = 0;                            // of the groups of no class; as told
  std::uint64_t other_misses_ = 0;
};

}  // namespace ullage::server
