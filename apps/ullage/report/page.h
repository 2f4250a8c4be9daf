// The report as a self-contained HTML page.
#pragma once

#include "replay/result.h"

#include <string>

namespace ullage::app {

struct PageContext {
  std::string command;  ///< what was typed
  std::string why;      ///< how the trace was chosen; empty if the user chose it
  std::string version;
};

/// `naive` may be null.
std::string html_page(const ReplayResult& result, const ReplayResult* naive,
                      const PageContext& context);

}  // namespace ullage::app
