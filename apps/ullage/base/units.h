// Numbers with units, to and from text. kb, mb and gb are powers of 1024, as everywhere in Ullage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ullage::app {

/// "64mb", "64MiB", "1.5gb", "4096": bytes. Throws Failure naming the value and what is allowed.
/// `what` names the option, as in "--memory-limit".
std::uint64_t parse_bytes(std::string_view what, std::string_view text);

/// "250k", "1.5m", "1000000": a count; k, m and g are powers of 1000. Throws as parse_bytes() does.
std::uint64_t parse_count(std::string_view what, std::string_view text);

/// "7.9 MiB": three significant digits or so.
std::string format_bytes(double bytes);

/// "5,000,000".
std::string format_count(std::uint64_t count);

/// "2.4M": short, for axes and progress.
std::string format_short(double number);

/// "93.42 %".
std::string format_percent(double ratio);

/// "1.2 s", "350 ms", "2 min 5 s".
std::string format_seconds(double seconds);

}  // namespace ullage::app
