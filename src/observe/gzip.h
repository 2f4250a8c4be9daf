// One gzip member (RFC 1952) of some bytes.
#pragma once

#include <string>
#include <string_view>

namespace ullage::observe {

/// Never fails but for memory. A fast level: profiles are small, and whoever asks waits.
[[nodiscard]] std::string gzip(std::string_view bytes);

}  // namespace ullage::observe
