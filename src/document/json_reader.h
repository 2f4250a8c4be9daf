// JSON text into a tree.
#pragma once

#include <ullage/result.h>

#include "document/tree.h"

#include <string_view>

namespace ullage::document {

/// The tree keeps what it needs of the text. Errors: bad_json, with line, column and what is wrong;
/// too_deep, too_many_leaves.
[[nodiscard]] Result<Tree> read_json(std::string_view text);

}  // namespace ullage::document
