// Which requests a replay takes, and why these.
#pragma once

#include "replay/options.h"
#include "trace/request.h"

#include <memory>
#include <string>

namespace ullage::app {

struct Workload {
  std::string name;  ///< "orm-busy", "generated"
  std::string path;  ///< empty: generated
  std::string format;
  std::string why;  ///< a sentence when the choice was ours; empty when it was the user's
};

/// Finds the trace, or falls back to the generated workload where none was asked for. Throws
/// Failure.
Workload choose_workload(const ReplayOptions& options);

/// Opens it at its beginning. May fork (see DecoderProcess), so before any thread starts.
std::unique_ptr<RequestSource> open_workload(const Workload& workload,
                                             const ReplayOptions& options);

/// Fills in the limits and sizes that the user left open. Reads some requests from the front.
/// Throws Failure for limits that contradict the policy.
void complete_options(const Workload& workload, ReplayOptions& options);

}  // namespace ullage::app
