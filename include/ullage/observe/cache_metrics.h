// Figures of a cache, and of pools, as Prometheus reads them: for a service's own /metrics.
#pragma once

#include <ullage/cache.h>
#include <ullage/pool.h>

#include <span>
#include <string>
#include <string_view>

namespace ullage::observe {

struct CacheMetricsOptions {
  std::string_view cache_name = "cache";  ///< the label `cache` of each sample
  std::span<const PoolStats> pools{};
};

/// In Prometheus's text format 0.0.4. Cheap: reads counters. Thread-safe.
[[nodiscard]] std::string cache_metrics(const Cache& cache,
                                        const CacheMetricsOptions& options = {});

}  // namespace ullage::observe
