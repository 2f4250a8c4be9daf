// Sizes as people write them: "64mb", "1.5gb", "4096". Powers of 1024.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::server {

/// None if it is no size, or larger than memory can be.
std::optional<std::size_t> parse_size(std::string_view text) noexcept;
/// The shortest exact form: "64mb", "1500".
std::string size_text(std::size_t bytes);

}  // namespace ullage::server
