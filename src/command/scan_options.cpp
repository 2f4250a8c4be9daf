#include "command/scan_options.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ullage::command {

std::optional<Cursor> ScanOptions::parse_cursor(Call& call, std::size_t i) {
  const std::string_view text = call.args[i];
  Cursor cursor = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error == std::errc{} && end == text.data() + text.size()) return cursor;
  call.error("ERR invalid cursor");
  return std::nullopt;
}

std::optional<ScanOptions> ScanOptions::parse(Call& call, std::size_t first, Of of) {
  const auto cursor = parse_cursor(call, first);
  if (!cursor) return std::nullopt;
  ScanOptions options;
  options.cursor = *cursor;
  for (std::size_t i = first + 1; i < call.args.size(); ++i) {
    const bool has_value = i + 1 < call.args.size();
    if (has_value && call.is_word(i, "COUNT")) {
      const auto count = call.integer(++i);
      if (!count) return std::nullopt;
      if (*count < 1) {
        call.syntax_error();
        return std::nullopt;
      }
      options.count = static_cast<std::size_t>(
          std::min<std::int64_t>(*count, static_cast<std::int64_t>(k_scan_count_max)));
    } else if (has_value && call.is_word(i, "MATCH")) {
      options.pattern = call.args[++i];
      if (*options.pattern == "*") options.pattern.reset();
    } else if (has_value && of == Of::keys && call.is_word(i, "TYPE")) {
      options.type = call.args[++i];
    } else if (of == Of::fields && call.is_word(i, "NOVALUES")) {
      options.no_values = true;
    } else {
      call.syntax_error();
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace ullage::command
