#include "trace/format.h"

#include <ullage/limits.h>

#include "base/escape.h"
#include "base/failure.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace ullage::app {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Text has no zero bytes, and the first record of a binary trace always has some: in the upper half
// of its clock or of its numbers.
bool is_binary(std::string_view head) {
  return head.find('\0') != std::string_view::npos;
}

bool looks_like_twitter(std::string_view line) {
  if (std::count(line.begin(), line.end(), ',') < 6) return false;
  return is_number(line.substr(0, line.find(','))) && is_number(line.substr(line.rfind(',') + 1));
}

}  // namespace

std::string_view to_string(TraceFormat format) noexcept {
  switch (format) {
    case TraceFormat::csv:
      return "csv";
    case TraceFormat::twitter:
      return "twitter";
    case TraceFormat::oracle_general:
      return "oracle-general";
    case TraceFormat::keys:
      return "keys";
  }
  return "?";
}

std::optional<TraceFormat> parse_format(std::string_view name) {
  if (name == "auto") return std::nullopt;
  for (const auto format :
       {TraceFormat::csv, TraceFormat::twitter, TraceFormat::oracle_general, TraceFormat::keys}) {
    if (name == to_string(format)) return format;
  }
  throw Failure(fmt::format("--format: \"{}\" is none of auto, csv, twitter, oracle-general, keys",
                            escape_excerpt(name)),
                k_exit_usage);
}

TraceFormat detect_format(std::string_view name, std::string_view head) noexcept {
  if (name.find("oracleGeneral") != std::string_view::npos || is_binary(head))
    return TraceFormat::oracle_general;
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (looks_like_twitter(line)) return TraceFormat::twitter;
  // A line with commas is more likely a damaged csv than a key, and csv will say what is wrong with
  // it.
  return line.find(',') != std::string_view::npos ? TraceFormat::csv : TraceFormat::keys;
}

void KeySplit::apply(std::string_view key, Request& request) const noexcept {
  const std::size_t at = enabled ? key.rfind(separator) : std::string_view::npos;
  request.group = key.substr(0, at);
  request.field = at == std::string_view::npos ? std::string_view() : key.substr(at + 1);
}

std::unique_ptr<RecordParser> make_parser(TraceFormat format, KeySplit split) {
  switch (format) {
    case TraceFormat::csv:
      return make_csv_parser();
    case TraceFormat::twitter:
      return make_twitter_parser(split);
    case TraceFormat::oracle_general:
      return make_oracle_general_parser();
    case TraceFormat::keys:
      return make_keys_parser(split);
  }
  return nullptr;
}

std::optional<std::string_view> take_line(InputBuffer& input) {
  const auto line = input.next_line();
  if (!line) return std::nullopt;
  if (line->too_long) {
    throw MalformedRecord(fmt::format("a line has at most {} bytes", InputBuffer::k_line_max),
                          line->text);
  }
  if (line->text.empty()) throw MalformedRecord("an empty line", "");
  return line->text;
}

std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t max,
                           std::string_view line) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range || (error == std::errc{} && number > max)) {
    throw MalformedRecord(fmt::format("{} is above {}", what, max), line);
  }
  if (error != std::errc{} || rest != text.data() + text.size()) {
    throw MalformedRecord(fmt::format("{} is not a number", what), line);
  }
  return number;
}

void require_name(std::string_view what, std::string_view name, std::string_view line) {
  if (name.size() > k_name_max_bytes) {
    throw MalformedRecord(
        fmt::format("{} has {} bytes, at most {} are allowed", what, name.size(), k_name_max_bytes),
        line);
  }
}

}  // namespace ullage::app
