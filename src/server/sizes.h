// Sizes as people write them: "64mb", "1.5gb", "4096". Powers of 1024.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ullage::server {

/// What may stand behind a number, in lower case.
struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

/// A number, not negative, with one of the units in any case, perhaps after blanks; none if it is
/// not that, or more than a double can count.
std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units);

/// None if it is no size.
std::optional<std::size_t> parse_size(std::string_view text);
/// The shortest exact form: "64mb", "1500".
std::string size_text(std::size_t bytes);

}  // namespace ullage::server
