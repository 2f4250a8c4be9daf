#include "document/pointer.h"

#include <ullage/document.h>

#include <algorithm>
#include <charconv>

#include <simdjson.h>

namespace ullage::document {

static_assert(k_index_end == k_document_max_leaves);

std::optional<Error> check_pointer(std::string_view pointer) {
  if (pointer.size() > k_document_pointer_max_bytes) {
    return Error{Errc::path_too_long, "a path of " + std::to_string(pointer.size()) +
                                          " bytes is longer than " +
                                          std::to_string(k_document_pointer_max_bytes)};
  }
  if (pointer.empty()) return std::nullopt;
  if (pointer[0] != '/') {
    return Error{Errc::bad_pointer, "a JSON Pointer is empty or begins with /, \"" +
                                        std::string(pointer) + "\" does not"};
  }
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] != '~') continue;
    if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) {
      return Error{Errc::bad_pointer, "in a JSON Pointer ~ is followed by 0 or 1; at byte " +
                                          std::to_string(i) + " it is not"};
    }
  }
  // What it names would come out as no JSON text.
  if (!simdjson::validate_utf8(pointer.data(), pointer.size()))
    return Error{Errc::bad_pointer, "a JSON Pointer is UTF-8, and this one is not"};
  const auto depth = static_cast<std::size_t>(std::ranges::count(pointer, '/'));
  if (depth > k_document_max_depth) {
    return Error{Errc::too_deep, "a path of " + std::to_string(depth) + " steps is longer than " +
                                     std::to_string(k_document_max_depth)};
  }
  return std::nullopt;
}

void append_token(std::string& pointer, std::string_view name) {
  pointer += '/';
  if (name.find_first_of("~/") == std::string_view::npos) {
    pointer += name;
    return;
  }
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

void append_index(std::string& pointer, std::size_t index) {
  char digits[20];
  const auto done = std::to_chars(digits, digits + sizeof digits, index);
  pointer += '/';
  pointer.append(digits, done.ptr);
}

std::string unescaped(std::string_view token) {
  std::string name;
  name.reserve(token.size());
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      ++i;
      name += token[i] == '1' ? '/' : '~';
    } else {
      name += token[i];
    }
  }
  return name;
}

}  // namespace ullage::document
