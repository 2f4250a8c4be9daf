// The curves of a replay, as terminal and page both draw them.
#pragma once

#include "replay/result.h"
#include "report/series.h"

#include <string>

namespace ullage::app {

/// What the target added to the process's resident memory, in bytes over requests.
Series memory_curve(const ReplayResult& result, std::string name);
/// A level over the whole run.
Series level_curve(const ReplayResult& result, std::string name, double y);
/// Hits of all requests so far.
Series cumulative_hit_curve(const ReplayResult& result, std::string name);
/// Hits of the requests since the point before: about `windows` of them over the run.
Series windowed_hit_curve(const ReplayResult& result, std::string name, std::size_t windows);

}  // namespace ullage::app
