// What a profile says, for people: a table of functions, and a drawing of stacks.
#pragma once

#include <ullage/observe/parsed_profile.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ullage::app {

/// One function, or whatever the profile's frames are.
struct ProfileRow {
  std::string name;
  std::int64_t flat = 0;        ///< where it is the leaf
  std::int64_t cumulative = 0;  ///< wherever it is in the stack, once a stack
};

/// By flat value, the largest first; of a difference, by how far it is from zero.
std::vector<ProfileRow> profile_rows(const observe::ParsedProfile& profile, std::size_t type);

/// As `go tool pprof -top` prints it, at most `most` rows.
std::string profile_table(const observe::ParsedProfile& profile, std::size_t type,
                          std::size_t most);

/// A flame graph as a file of its own: the width of a box is its share, the leaves are on top.
std::string flame_graph(const observe::ParsedProfile& profile, std::size_t type,
                        const std::string& title);

/// "12.3 MiB", "1.2 s", "1,234": by the unit of a profile's type.
std::string format_value(std::int64_t value, const std::string& unit);

}  // namespace ullage::app
