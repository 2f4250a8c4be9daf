// The report for a terminal.
#pragma once

#include "base/terminal.h"
#include "replay/result.h"

#include <string>

namespace ullage::app {

/// `naive` may be null. `why` says how the trace was chosen; empty if the user chose it.
std::string text_report(const ReplayResult& result, const ReplayResult* naive,
                        const std::string& why, const Terminal& terminal);

/// "value 1 + field 2 + header 3 + index 4 + slack 5 = charged 15 bytes".
std::string role_line(const ReplayResult& result);

/// "limit 8.00 MiB", "1,024 entries", both, or "no limit".
std::string describe_limit(const ReplayResult& result);

}  // namespace ullage::app
