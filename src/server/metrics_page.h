// /metrics: what Prometheus reads.
#pragma once

#include <ullage/stats.h>

#include "command/services.h"
#include "observe/metrics_text.h"
#include "server/budget.h"
#include "server/buffer_pool.h"
#include "server/counters.h"

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace ullage::server {

/// Reads counters, and takes no lock that a command holds for long. Bounded: some 60 series.
class MetricsPage {
 public:
  struct Sources {
    const command::Services& services;
    const Counters& counters;
    const BufferPool& pool;
    std::function<Budget()> budget;
  };
  explicit MetricsPage(Sources sources);

  [[nodiscard]] std::string text(observe::MetricsText::Format format);

 private:
  void process(observe::MetricsText& out) const;
  void memory(observe::MetricsText& out) const;
  void cache(observe::MetricsText& out, const Stats& stats);
  void clients(observe::MetricsText& out) const;

  Sources sources_;
  std::int64_t started_ms_;
  std::array<std::uint64_t, k_removal_causes> removals_{};  // the most that was told
};

}  // namespace ullage::server
