// One gzip member (RFC 1952) of some bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::observe {

/// Never fails but for memory. A fast level: profiles are small, and whoever asks waits.
[[nodiscard]] std::string gzip(std::string_view bytes);

/// What one such member holds; none if it is none, is cut short, or holds more than `bytes_max`.
[[nodiscard]] std::optional<std::string> gunzip(std::string_view bytes, std::size_t bytes_max);

}  // namespace ullage::observe
