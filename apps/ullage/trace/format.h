// The formats of traces: each turns the next piece of input into a request, in a file of its own.
#pragma once

#include "trace/input_buffer.h"
#include "trace/request.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ullage::app {

enum class TraceFormat : std::uint8_t {
  csv,             ///< group,field,size
  twitter,         ///< timestamp,key,key size,value size,client,operation,ttl
  oracle_general,  ///< libCacheSim's binary records of 24 bytes
  keys,            ///< one key a line
};

std::string_view to_string(TraceFormat format) noexcept;
/// By name, as in --format. None for "auto". Throws Failure for what is no format.
std::optional<TraceFormat> parse_format(std::string_view name);
/// By a trace's name and first bytes.
TraceFormat detect_format(std::string_view name, std::string_view head) noexcept;

/// A line or record that is not what its format says. The reader adds file and number.
class MalformedRecord : public std::runtime_error {
 public:
  /// `excerpt` is the offending text, unescaped.
  MalformedRecord(const std::string& what, std::string_view excerpt)
      : std::runtime_error(what), excerpt_(excerpt) {}
  [[nodiscard]] const std::string& excerpt() const noexcept { return excerpt_; }

 private:
  std::string excerpt_;
};

class RecordParser {
 public:
  virtual ~RecordParser() = default;
  /// Takes one record from `input`; false at the end. Throws MalformedRecord, after which the next
  /// call goes on with the next record.
  virtual bool next(InputBuffer& input, Request& request) = 0;
};

/// How a key without levels becomes group and field.
struct KeySplit {
  /// The last one of these in a key divides it: "user:42:theme" is field "theme" of group
  /// "user:42". A key without one is a group with a field of empty name, so that keys spread over
  /// groups as a server's would.
  char separator = ':';
  bool enabled = true;

  void apply(std::string_view key, Request& request) const noexcept;
};

std::unique_ptr<RecordParser> make_csv_parser();
std::unique_ptr<RecordParser> make_twitter_parser(KeySplit split);
std::unique_ptr<RecordParser> make_oracle_general_parser();
std::unique_ptr<RecordParser> make_keys_parser(KeySplit split);
std::unique_ptr<RecordParser> make_parser(TraceFormat format, KeySplit split);

// --- for the parsers ---------------------------------------------------------------------------

/// The next line; throws MalformedRecord for one that is too long or empty.
std::optional<std::string_view> take_line(InputBuffer& input);
/// A decimal number up to `max`; `what` names the column. Throws MalformedRecord with `line` as
/// excerpt.
std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t max,
                           std::string_view line);
/// Throws MalformedRecord for a name that the cache cannot hold.
void require_name(std::string_view what, std::string_view name, std::string_view line);

/// The largest value size that a trace may claim.
inline constexpr std::uint64_t k_trace_size_max = std::uint64_t{1} << 40;

}  // namespace ullage::app
