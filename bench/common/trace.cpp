#include "common/trace.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include <lzma.h>

namespace ullage::bench {

namespace {
constexpr std::uint64_t k_decoder_memory_max = 512U << 20;
constexpr std::size_t k_unpacked_bytes_a_step = 1U << 20;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), what);
  std::exit(1);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file) fail(path, "cannot be read");
  return bytes.str();
}

std::string unpack(const std::filesystem::path& path) {
  const std::string packed = read_file(path);
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, k_decoder_memory_max, LZMA_CONCATENATED) != LZMA_OK) {
    fail(path, "cannot start the xz decoder");
  }
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  std::string out;
  lzma_ret code = LZMA_OK;
  while (code == LZMA_OK) {
    const std::size_t have = out.size();
    out.resize(have + k_unpacked_bytes_a_step);
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data()) + have;
    stream.avail_out = k_unpacked_bytes_a_step;
    code = lzma_code(&stream, LZMA_FINISH);
    out.resize(out.size() - stream.avail_out);
  }
  lzma_end(&stream);
  if (code != LZMA_STREAM_END) fail(path, "is not a whole xz file");
  return out;
}

/// The text up to the next `end`, which is taken off `rest` too.
std::string_view take(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}
}  // namespace

std::optional<std::filesystem::path> trace_folder() {
  const char* named = std::getenv("ULLAGE_TRACES");
  std::filesystem::path folder = named != nullptr && *named != '\0' ? named : "../shared/traces";
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return folder;
  return std::nullopt;
}

Trace read_trace(const std::filesystem::path& folder, const std::string& name) {
  const auto path = folder / (name + ".csv.xz");
  const std::string lines = unpack(path);
  Trace trace;
  std::unordered_map<std::string_view, std::uint32_t> numbers;  // views into `lines`
  for (std::string_view rest = lines; !rest.empty();) {
    const std::string_view line = take(rest, '\n');
    const std::size_t comma = line.rfind(',');
    if (comma == std::string_view::npos) fail(path, "has a line without a comma");
    const std::string_view names = line.substr(0, comma);
    const std::string_view digits = line.substr(comma + 1);
    std::uint32_t size = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), size).ec != std::errc{}) {
      fail(path, "has a line without a size");
    }
    const auto [found, fresh] =
        numbers.emplace(names, static_cast<std::uint32_t>(trace.keys.size()));
    if (fresh) {
      std::string_view field = names;
      const std::string_view group = take(field, ',');
      trace.keys.push_back({std::string(group), std::string(field)});
    }
    trace.requests.push_back({found->second, size});
  }
  return trace;
}

std::vector<CsvRow> read_csv(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::string_view rest = text;
  std::vector<std::string> columns;
  for (std::string_view head = take(rest, '\n'); !head.empty();)
    columns.emplace_back(take(head, ','));
  std::vector<CsvRow> rows;
  while (!rest.empty()) {
    std::string_view line = take(rest, '\n');
    CsvRow row;
    for (std::size_t i = 0; i < columns.size() && !line.empty(); ++i) {
      row.emplace_back(columns[i], take(line, ','));
    }
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

const std::string& cell(const CsvRow& row, const std::string& column) {
  for (const auto& [name, value] : row) {
    if (name == column) return value;
  }
  fail(column, "is not a column of the reference");
}

}  // namespace ullage::bench
