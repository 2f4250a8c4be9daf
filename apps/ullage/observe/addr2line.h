// Lines of source from debug data, by the tool that every system has for it.
#pragma once

#include <ullage/observe/source_lines.h>

#include <string>
#include <vector>

namespace ullage::app {

struct Addr2line {
  std::string program = "addr2line";  ///< or one that takes and answers the same
  std::string binary{};               ///< where the profiled program lies here; empty: as it was
};

/// The lines of those places in the file; what is wrong is told on the standard error, and the
/// answer is empty then. A file whose debug data lies apart is found by its build-id, under
/// /usr/lib/debug. Cost: a process.
std::vector<observe::SourceLines> source_lines(const Addr2line& tool, const observe::CodeFile& file,
                                               std::span<const std::uint64_t> file_offsets);

/// What `addr2line -a -f -i` prints for so many addresses.
std::vector<observe::SourceLines> parse_addr2line(const std::string& text, std::size_t count);

}  // namespace ullage::app
