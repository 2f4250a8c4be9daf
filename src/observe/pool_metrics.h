// Figures of pools, in anybody's page of metrics.
#pragma once

#include <ullage/pool.h>

#include "observe/metrics_text.h"

#include <span>

namespace ullage::observe {

void pool_metrics(MetricsText& out, std::span<const PoolStats> pools);

}  // namespace ullage::observe
