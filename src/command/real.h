// Decimal numbers with a fraction, as HINCRBYFLOAT and INCRBYFLOAT read and write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ullage::command {

/// The whole text as a number: no blanks, not empty, not nan. Takes what strtold() takes.
[[nodiscard]] std::optional<long double> parse_real(std::string_view text);

/// With up to 17 digits behind the point, and no zeroes at the end: "10.5", "5", "-0.1".
[[nodiscard]] std::string real_text(long double value);

}  // namespace ullage::command
