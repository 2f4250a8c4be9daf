// The options that SCAN and HSCAN share.
#pragma once

#include <ullage/cache.h>

#include "command/call.h"
#include "command/glob.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ullage::command {

struct ScanOptions {
  enum class Of : std::uint8_t { keys, fields };

  Cursor cursor = 0;
  std::size_t count = 10;
  std::optional<std::string_view> pattern;
  std::optional<std::string_view> type;  ///< keys only
  bool no_values = false;                ///< fields only

  /// Reads them from argument `first` on, the cursor; none with an error written.
  static std::optional<ScanOptions> parse(Call& call, std::size_t first, Of of);

  /// Argument i as a cursor; none with an error written.
  static std::optional<Cursor> parse_cursor(Call& call, std::size_t i);

  [[nodiscard]] bool matches(std::string_view name) const noexcept {
    return !pattern || glob_matches(*pattern, name);
  }
};

}  // namespace ullage::command
