// INFO.
#pragma once

#include "command/call.h"

namespace ullage::command {

/// Writes the sections that are asked for by name; the usual ones if none is. Where keys must be
/// counted one by one, in steps.
void info(Call& call);

}  // namespace ullage::command
