// What every benchmark understands on its command line.
#pragma once

#include <string>

namespace ullage::bench {

struct Arguments {
  bool tiny = false;      ///< a run of a second or two that proves the program works, nothing else
  std::string json_path;  ///< where the results go for tools/write_figures.py; empty: nowhere

  /// Parses `--tiny`, `--json FILE` and `--help`. Ends the process on anything else.
  static Arguments parse(int count, char** words);

  /// `normal`, or `tiny` in a tiny run.
  template <class T>
  [[nodiscard]] T scaled(T normal, T in_tiny) const {
    return tiny ? in_tiny : normal;
  }
};

}  // namespace ullage::bench
