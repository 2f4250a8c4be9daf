// Where the memory is, at one moment: /debug/memstats as JSON, /debug/memory for people.
#pragma once

#include "server/admin_page.h"
#include "server/metrics_page.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

/// A line of an account.
struct MemoryLine {
  std::string_view key;   ///< in JSON
  std::string_view name;  ///< for people
  std::int64_t bytes = 0;
  std::string_view help;
};
/// Lines that add up to a whole.
struct MemoryAccount {
  std::string_view key;
  std::string_view title;
  std::string_view help;
  std::vector<MemoryLine> lines;
  std::int64_t whole_bytes = 0;  ///< their sum
};

/// Each account adds up; what nobody accounts for is a line of its own.
[[nodiscard]] std::vector<MemoryAccount> memory_accounts(const MetricsPage::Sources& sources);

[[nodiscard]] AdminResponse memstats_page(const MetricsPage::Sources& sources);
[[nodiscard]] AdminResponse memory_page(const MetricsPage::Sources& sources);

}  // namespace ullage::server
