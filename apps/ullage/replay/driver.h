// Replays a workload against one target and measures it.
#pragma once

#include "replay/options.h"
#include "replay/result.h"
#include "replay/workload.h"

namespace ullage::app {

/// Runs in this process. `policy` "naive" is the map of maps; all else is as in the options, which
/// must be complete (see complete_options()). Throws Failure.
ReplayResult run_replay(const Workload& workload, const ReplayOptions& options, bool show_progress);

/// The same in a forked child, so that its memory is its own.
ReplayResult run_replay_in_child(const Workload& workload, const ReplayOptions& options,
                                 bool show_progress);

inline constexpr std::string_view k_naive_policy = "naive";

}  // namespace ullage::app
