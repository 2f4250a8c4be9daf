// The text of INFO.
#pragma once

#include "command/call.h"
#include "resp/request.h"

#include <string>

namespace ullage::command {

/// The sections that are asked for by name; the usual ones if none is.
std::string info_text(Call& call, resp::Args sections);

}  // namespace ullage::command
