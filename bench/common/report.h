// The results of one benchmark: printed as they come, and written as JSON at the end.
#pragma once

#include "common/arguments.h"

#include <optional>
#include <string>
#include <vector>

namespace ullage::bench {

/// One row of docs/figures.md.
struct Figure {
  std::string figure;
  std::string bar;  ///< empty: reported only
  std::string result;
  std::optional<bool> met;  ///< none: nothing to judge
  std::string peer;
  std::string workload;
};

class Report {
 public:
  Report(std::string name, const Arguments& arguments);

  /// Adds a figure and prints it. A tiny run measures nothing real, so it judges nothing.
  void add(Figure figure);
  /// Prints a line for the reader, which is in no table.
  static void note(const std::string& line);

  /// Writes the JSON. Answers main()'s exit code: a bar that is missed is a result, not an error.
  [[nodiscard]] int finish() const;

 private:
  const std::string name_;
  const Arguments arguments_;
  std::vector<Figure> figures_;
};

}  // namespace ullage::bench
