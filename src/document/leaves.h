// The leaves of a document, or of a part of it, in their order; and their text.
//
// A group's entries come in the order of their hashes. Each leaf says how many stand before it, so
// one pass puts all in their places, and a second one writes them: where two leaves part is where
// containers end and begin.
#pragma once

#include <ullage/document.h>
#include <ullage/group.h>

#include "document/leaf.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::document {

class Leaves {
 public:
  struct One {
    std::string_view pointer;
    std::string_view token;
    std::uint64_t names;
  };

  /// Those at or below `base`. The group's views must outlive it. Error: wrong_kind.
  static Result<Leaves> of(const GroupView& group, std::string_view base);

  [[nodiscard]] const std::vector<One>& all() const noexcept { return all_; }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] std::string_view base() const noexcept { return base_; }
  /// Of what the base names. REQUIRES: not empty.
  [[nodiscard]] JsonType type() const noexcept;
  /// Adds the text of what the base names. REQUIRES: not empty.
  void write(std::string& to) const;
  /// How many members or elements the base has; a scalar has none.
  [[nodiscard]] std::uint64_t count() const;
  /// Names of an object's members in their order.
  [[nodiscard]] std::vector<std::string> keys() const;

 private:
  /// The step of a leaf's pointer that begins at `at`, a slash.
  [[nodiscard]] static std::string_view step_at(const One& leaf, std::size_t at) noexcept;
  [[nodiscard]] static bool is_index(const One& leaf, std::string_view step,
                                     std::size_t depth) noexcept;

  std::vector<One> all_;
  std::string_view base_;
  std::size_t base_depth_ = 0;  // its steps
};

}  // namespace ullage::document
