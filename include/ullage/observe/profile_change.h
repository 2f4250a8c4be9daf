// What has come between two profiles of one kind, and what has gone.
#pragma once

#include <ullage/observe/parsed_profile.h>
#include <ullage/result.h>

#include <string>

namespace ullage::observe {

/// `now` minus `before`: each stack once, and none whose values have not changed; negative is what
/// has gone. Time and comments are those of `now`; it lasts since `before`. Error
/// (invalid_argument): they are of different kinds. O(n log n) for the samples of both.
[[nodiscard]] Result<ParsedProfile> difference(ParsedProfile now, const ParsedProfile& before);

/// A profile as tools read it, gzipped: what parse_profile() has read of it, so addresses, files
/// and labels are not in it.
[[nodiscard]] std::string encode_gzipped(const ParsedProfile& profile);

}  // namespace ullage::observe
