// Twitter's cache-trace: `timestamp,key,key size,value size,client,operation,ttl`, times in
// seconds.
//
// Keys may hold commas, so the columns behind the key are counted from the end. Lookups are get,
// gets, incr and decr; the storage commands write; delete removes.
#include <ullage/limits.h>

#include "trace/format.h"

#include <array>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::uint64_t k_seconds_max = std::uint64_t{1} << 32;
constexpr std::uint64_t k_ttl_seconds_max = static_cast<std::uint64_t>(k_ttl_max_ms) / 1000;

Operation parse_operation(std::string_view name, std::string_view line) {
  if (name == "get" || name == "gets" || name == "incr" || name == "decr") return Operation::read;
  if (name == "set" || name == "add" || name == "replace" || name == "cas" || name == "append" ||
      name == "prepend") {
    return Operation::write;
  }
  if (name == "delete") return Operation::erase;
  throw MalformedRecord(
      "the operation is none of get, gets, set, add, replace, cas, append, prepend, delete, incr, "
      "decr",
      line);
}

class TwitterParser final : public RecordParser {
 public:
  explicit TwitterParser(KeySplit split) : split_(split) {}

  bool next(InputBuffer& input, Request& request) override {
    const auto line = take_line(input);
    if (!line) return false;
    enum : std::size_t { k_ttl, k_operation, k_client, k_value_size, k_key_size, k_behind_key };
    std::array<std::string_view, k_behind_key> columns;
    std::string_view rest = *line;
    for (auto& column : columns) {
      const std::size_t comma = rest.rfind(',');
      if (comma == std::string_view::npos) fail_columns(*line);
      column = rest.substr(comma + 1);
      rest = rest.substr(0, comma);
    }
    const std::size_t comma = rest.find(',');
    if (comma == std::string_view::npos) fail_columns(*line);

    request = {};
    request.time_ms = static_cast<std::int64_t>(
        parse_number("the timestamp", rest.substr(0, comma), k_seconds_max, *line) * 1000);
    split_.apply(rest.substr(comma + 1), request);
    require_name("the group", request.group, *line);
    require_name("the field", request.field, *line);
    request.size = parse_number("the value size", columns[k_value_size], k_trace_size_max, *line);
    request.operation = parse_operation(columns[k_operation], *line);
    request.ttl_ms = parse_number("the ttl", columns[k_ttl], k_ttl_seconds_max, *line) * 1000;
    return true;
  }

 private:
  [[noreturn]] static void fail_columns(std::string_view line) {
    throw MalformedRecord("expected timestamp,key,key size,value size,client,operation,ttl", line);
  }

  const KeySplit split_;
};

}  // namespace

std::unique_ptr<RecordParser> make_twitter_parser(KeySplit split) {
  return std::make_unique<TwitterParser>(split);
}

}  // namespace ullage::app
