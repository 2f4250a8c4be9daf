// `ullage replay`: from options to a printed report.
#pragma once

#include "replay/options.h"

#include <string>

namespace ullage::app {

/// Runs the replay and prints what was asked for; answers the exit code. `command` is what was
/// typed, for the page. Throws Failure.
int replay_command(ReplayOptions options, const std::string& command);

}  // namespace ullage::app
