// Lines of source for a profile of addresses. A service has no debug data loaded and its profiles
// name functions only; whoever reads them has the files, and puts the lines in.
#pragma once

#include <ullage/result.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

/// A file that code of the profile is from.
struct CodeFile {
  std::string path;      ///< as the profiled process had it
  std::string build_id;  ///< in hexadecimal; empty if unknown
};

struct SourceLine {
  std::string function;  ///< may be a linker's name, as "_ZN1a1bEv"
  std::string file;
  std::int64_t line = 0;
};
/// The lines that a place in code is from: what was inlined first, its caller behind it, the
/// function that stands in the file last. Empty: nobody knows.
using SourceLines = std::vector<SourceLine>;

/// Answers as many as there are offsets, which are places in the file.
using LineFinder = std::function<std::vector<SourceLines>(
    const CodeFile& file, std::span<const std::uint64_t> file_offsets)>;

/// The profile, gzipped or not, with what `find` knows put into it, gzipped. Calls `find` once for
/// each file that the profile has addresses of. Errors: invalid_argument for what is no profile.
[[nodiscard]] Result<std::string> add_lines(std::string_view profile, const LineFinder& find);

/// What the tables of a file call those places: what tools as addr2line take. A place in none of
/// its segments is 0. Errors: not_found if the file is not there, or has another build-id.
[[nodiscard]] Result<std::vector<std::uint64_t>> code_addresses(
    const std::string& path, const std::string& build_id,
    std::span<const std::uint64_t> file_offsets);

}  // namespace ullage::observe
