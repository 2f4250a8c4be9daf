// Patterns as KEYS and SCAN take them: * ? [abc] [^a-c] \x.
#pragma once

#include <string_view>

namespace ullage::command {

/// Whether the whole text matches. Linear in text for a pattern without '*', and at most
/// |pattern| x |text| for any: a failed '*' goes back to the last one only.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

/// The same without regard to the case of ASCII letters.
[[nodiscard]] bool glob_matches_nocase(std::string_view pattern, std::string_view text) noexcept;

}  // namespace ullage::command
