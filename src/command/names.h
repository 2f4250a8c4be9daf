// How keys and fields are named in the cache.
//
// A Redis hash is a group, its fields are the group's. A plain string is a group with one entry
// whose field has no name. Hash fields may be empty too, so what begins with a zero byte is marked:
//
//   field of a hash      ""         -> 00
//                        00 ...     -> 00 00 ...
//                        any other  -> itself
//   value of a string               -> ""
//   key of database 0    00 ...     -> 00 00 00 ...
//                        any other  -> itself
//   key of database n               -> 00 n ...
//
// So what most people store costs no byte more than its name.
#pragma once

#include "command/limits.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace ullage::command {

/// A name in the cache. Views what it was made of where that is the name itself: valid as long as
/// that is.
class StoredName {
 public:
  StoredName(const StoredName&) = delete;
  StoredName& operator=(const StoredName&) = delete;

  [[nodiscard]] std::string_view view() const noexcept { return view_; }
  operator std::string_view() const noexcept { return view_; }
  [[nodiscard]] bool fits() const noexcept { return view_.size() <= k_name_max_bytes; }

 protected:
  explicit StoredName(std::string_view name) noexcept : view_(name) {}
  ~StoredName() = default;
  /// Puts bytes in front, which takes a copy.
  void mark(std::string_view with) {
    marked_.reserve(with.size() + view_.size());
    marked_ += with;
    marked_ += view_;
    view_ = marked_;
  }

 private:
  std::string marked_;
  std::string_view view_;
};

/// A group's name in the cache.
class GroupName : public StoredName {
 public:
  GroupName(unsigned database, std::string_view key) : StoredName(key) {
    if (database == 0 && (key.empty() || key[0] != '\0')) return;
    const char bytes[k_key_mark_bytes] = {'\0', static_cast<char>(database)};
    mark({bytes, sizeof bytes});
  }
};

struct DecodedGroup {
  unsigned database = 0;
  std::string_view key;
};
inline DecodedGroup decode_group(std::string_view name) noexcept {
  if (name.size() < k_key_mark_bytes || name[0] != '\0') return {0, name};
  return {static_cast<unsigned char>(name[1]), name.substr(k_key_mark_bytes)};
}

/// A hash field's name in the cache.
class FieldName : public StoredName {
 public:
  explicit FieldName(std::string_view field) : StoredName(field) {
    if (!field.empty() && field[0] != '\0') return;
    const char bytes[k_field_mark_bytes] = {'\0'};
    mark({bytes, sizeof bytes});
  }
};

/// Whether a key of database 0, or a field, has another name in the cache.
inline bool is_marked(std::string_view name) noexcept {
  return name.empty() || name[0] == '\0';
}

/// Whether an entry's field is the value of a plain string.
inline bool is_string_value(std::string_view stored_field) noexcept {
  return stored_field.empty();
}
/// REQUIRES: !is_string_value(stored).
inline std::string_view decode_field(std::string_view stored) noexcept {
  return stored[0] == '\0' ? stored.substr(k_field_mark_bytes) : stored;
}
inline constexpr std::string_view k_string_field;

}  // namespace ullage::command
