// The real traces, whole in memory: `group,field,size` lines, compressed with xz.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ullage::bench {

struct Trace {
  struct Key {
    std::string group;
    std::string field;
  };
  struct Request {
    std::uint32_t key;
    std::uint32_t size;
  };
  std::vector<Key> keys;
  std::vector<Request> requests;
};

/// The folder of the traces: $ULLAGE_TRACES, else ../shared/traces beside the current folder. None
/// if there is neither.
std::optional<std::filesystem::path> trace_folder();

/// Reads `folder`/`name`.csv.xz. Ends the process with a message if it cannot be read.
Trace read_trace(const std::filesystem::path& folder, const std::string& name);

/// The cells of a CSV file with a header line: one map of column to cell a line, in order.
using CsvRow = std::vector<std::pair<std::string, std::string>>;
std::vector<CsvRow> read_csv(const std::filesystem::path& path);
/// The cell of a column. Ends the process with a message if there is none.
const std::string& cell(const CsvRow& row, const std::string& column);

}  // namespace ullage::bench
