// Where a JSON command points to: a JSONPath of names and indexes ($.a.b[0]), such a path as it was
// written before there were any ($ left out: .a.b[0]), or a JSON Pointer (/a/b/0).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

struct JsonPath {
  /// The value itself is the answer; of a path that begins with $, an array of all that it fits.
  bool is_single = true;
  std::string pointer;
  /// Where steps end in the pointer, and of those that are digits whether they are an index or a
  /// name: to a pointer both are the same.
  struct Step {
    std::size_t end;
    bool is_index;
    bool is_name;
  };
  std::vector<Step> steps;

  [[nodiscard]] bool is_root() const noexcept { return pointer.empty(); }

  /// None with `problem` set: it is broken, or one of those that may fit many values.
  static std::optional<JsonPath> parse(std::string_view text, std::string& problem);
};

}  // namespace ullage::command
