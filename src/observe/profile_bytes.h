// What a file of a profile holds, as both readers of profiles take it.
#pragma once

#include <ullage/observe/parsed_profile.h>

#include "observe/gzip.h"

#include <optional>
#include <string>
#include <string_view>

namespace ullage::observe {

inline Error no_profile() {
  return {Errc::invalid_argument, "this is no profile: it is cut short, or something else"};
}

/// The message in it, unpacked if it is packed; none if that fails.
inline std::optional<std::string> profile_message(std::string_view bytes) {
  if (!bytes.starts_with("\x1f\x8b")) return std::string(bytes);
  return gunzip(bytes, ParsedProfile::k_bytes_max);
}

}  // namespace ullage::observe
