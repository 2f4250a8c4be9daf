// Bytes of strangers, made safe to print.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ullage::app {

/// At most `max` characters of `bytes` with control and non-ASCII bytes as \xNN, so that a message
/// never changes a terminal's state; "..." shows that there was more.
std::string escape_excerpt(std::string_view bytes, std::size_t max = 60);

/// Text for HTML and SVG: & < > " and ' as entities.
std::string escape_html(std::string_view text);

}  // namespace ullage::app
