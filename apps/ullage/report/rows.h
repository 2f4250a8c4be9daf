// The numbers of a replay as rows of a table, for terminal and page alike.
#pragma once

#include "replay/result.h"

#include <string>
#include <vector>

namespace ullage::app {

struct ReportRow {
  std::string name;
  std::string ours;
  std::string naive;  ///< empty where nothing is compared
  std::string note;   ///< a few words behind the numbers
};

/// The first row holds the headings when something is compared. `naive` may be null.
std::vector<ReportRow> report_rows(const ReplayResult& result, const ReplayResult* naive);

}  // namespace ullage::app
