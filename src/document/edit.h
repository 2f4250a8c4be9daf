// A document as an edit of its group has it: read into a tree, changed, written back.
#pragma once

#include <ullage/cache.h>
#include <ullage/document.h>

#include "document/tree.h"

#include <string_view>

namespace ullage::document {

/// How new leaves are written.
struct NewLeafOptions {
  EditOptions entry{};
  /// The tree is all that there is to be: what was lost before is not missed any more.
  bool is_whole = false;
};

/// Makes the group be what the tree says: new leaves are set, those that stay keep their times to
/// live, and what is no longer there is erased. The tree must live until the edit is done.
[[nodiscard]] Result<void> write_back(GroupEdit& edit, Tree& tree, const NewLeafOptions& options);

/// Puts a value where a place is. REQUIRES: is_puttable().
void put_at(Tree& tree, const Tree::Place& place, Tree::Node value);
/// Whether something may be put there: it is there, or what would hold it is.
[[nodiscard]] bool is_puttable(const Tree& tree, std::string_view pointer,
                               const Tree::Place& place) noexcept;

/// What a place that is not there is called in an error.
[[nodiscard]] Error not_there(std::string_view pointer, const Tree::Place& place);

}  // namespace ullage::document
