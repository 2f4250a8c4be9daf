// The report for scripts.
#pragma once

#include "replay/result.h"

#include <string>

namespace ullage::app {

/// One JSON object. Its first keys are a promise: requests, hits, misses, miss_ratio,
/// byte_miss_ratio, seconds, resident_peak_bytes. `naive` may be null; else it is an object under
/// "naive".
std::string json_report(const ReplayResult& result, const ReplayResult* naive);

}  // namespace ullage::app
