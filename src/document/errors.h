// Refusals that several parts have in common, each in one wording.
#pragma once

#include <ullage/document.h>
#include <ullage/result.h>

#include <string>

namespace ullage::document {

inline Error no_document() {
  return {Errc::wrong_kind, "the group holds something that is no document"};
}
inline Error too_many_leaves() {
  return {Errc::too_many_leaves,
          "a document has at most " + std::to_string(k_document_max_leaves) + " leaves"};
}
inline Error too_deep() {
  return {Errc::too_deep,
          "a document is at most " + std::to_string(k_document_max_depth) + " levels deep"};
}

}  // namespace ullage::document
