// Makes a failing sequence of commands short, so that a person can read it.
#pragma once

#include "support/model.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace ullage::test {

/// What kind of failure a message tells of: its first words, without numbers and names.
inline std::string kind_of(const std::string& failure) {
  const std::size_t from = failure.find(": ");
  const std::string what = from == std::string::npos ? failure : failure.substr(from + 2);
  return what.substr(0, what.find_first_of("0123456789(;"));
}

/// Leaves out ever smaller pieces as long as the rest still fails in the same way; a bounded number
/// of runs.
inline std::vector<Command> shrink(const ModelSetup& setup, std::vector<Command> commands,
                                   std::size_t runs_max = 400) {
  const std::string kind = kind_of(run_model(setup, commands));
  std::size_t runs = 0;
  for (std::size_t piece = std::max<std::size_t>(1, commands.size() / 2); runs < runs_max;) {
    bool shorter = false;
    for (std::size_t at = 0; at < commands.size() && runs < runs_max;) {
      std::vector<Command> rest(commands.begin(),
                                commands.begin() + static_cast<std::ptrdiff_t>(at));
      rest.insert(
          rest.end(),
          commands.begin() + static_cast<std::ptrdiff_t>(std::min(commands.size(), at + piece)),
          commands.end());
      ++runs;
      const std::string failure = rest.empty() ? "" : run_model(setup, rest);
      if (!failure.empty() && kind_of(failure) == kind) {
        commands = std::move(rest);
        shorter = true;
      } else {
        at += piece;
      }
    }
    if (piece == 1 && !shorter) break;
    piece = std::max<std::size_t>(1, piece / 2);
  }
  return commands;
}

inline std::string listing(const std::vector<Command>& commands, std::size_t at_most = 60) {
  std::string out;
  for (std::size_t i = 0; i < commands.size() && i < at_most; ++i)
    out += to_text(commands[i]) + "\n";
  if (commands.size() > at_most) out += "... " + std::to_string(commands.size()) + " commands\n";
  return out;
}

}  // namespace ullage::test
