// A leaf's value: where it stands in its document, and what it is.
//
//   | place varint | names varint, if any | token |
//
//   place   (number of leaves before it) * 2 + 1 if `names` follows: so that a document comes out
//           in the order in which it was written, and is put together without sorting
//   names   bit i: step i of its pointer looks like an index and is a member's name. So each leaf
//           knows what is an array above it, whatever becomes of the others.
//   token   JSON text: a number as it was written, true as "t", false as "f", null as "n",
//           a string as its quote and its characters escaped as little as may be, without the
//           closing quote, "{" and "[" for an object or array that is empty
//
// Price: 2 bytes a leaf, 3 from the 64th on.
#pragma once

#include "document/pointer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::document {

struct Leaf {
  std::uint32_t place = 0;
  std::uint64_t names = 0;
  std::string_view token;
};

/// The index that step `depth` of a leaf's pointer is; none: it is a member's name.
inline std::optional<std::uint32_t> index_at(std::uint64_t names, std::size_t depth,
                                             std::string_view step) noexcept {
  if (depth < 64 && (names >> depth & 1) != 0) return std::nullopt;
  return index_of(step);
}

/// A token's text but for what closes a string.
constexpr std::string_view characters_of(std::string_view token) noexcept {
  switch (token[0]) {
    case 't':
      return "true";
    case 'f':
      return "false";
    case 'n':
      return "null";
    case '{':
      return "{}";
    case '[':
      return "[]";
    default:
      return token;
  }
}

namespace detail {
inline void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to += static_cast<char>(value | 0x80);
  to += static_cast<char>(value);
}
/// False if there is none.
inline bool take_varint(std::string_view& from, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(from[0]);
    from.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}
}  // namespace detail

inline void encode_leaf(std::string& to, const Leaf& leaf) {
  detail::put_varint(to, std::uint64_t{leaf.place} << 1 | (leaf.names != 0 ? 1 : 0));
  if (leaf.names != 0) detail::put_varint(to, leaf.names);
  to += leaf.token;
}

/// What stands before a leaf's token.
struct LeafHead {
  std::uint32_t place;
  std::uint8_t token_at;  ///< 0: it is no leaf, somebody else wrote it
  bool has_names;
};
namespace detail {
LeafHead decode_any_leaf_head(std::string_view value) noexcept;
}
[[gnu::always_inline]] inline LeafHead decode_leaf_head(std::string_view value) noexcept {
  // Nearly always one byte or two, and no step looks like what it is not.
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(value[i]); };
  if (value.size() > 2 && (byte(0) & 1) == 0) [[likely]] {
    if (byte(0) < 0x80) return {std::uint32_t{byte(0)} >> 1, 1, false};
    if (byte(1) < 0x80) [[likely]]
      return {(std::uint32_t{byte(0)} & 0x7f) >> 1 | std::uint32_t{byte(1)} << 6, 2, false};
  }
  return detail::decode_any_leaf_head(value);
}
/// The whole of it.
inline std::optional<Leaf> decode_leaf(std::string_view value) noexcept {
  const LeafHead head = decode_leaf_head(value);
  if (head.token_at == 0) return std::nullopt;
  Leaf leaf{.place = head.place, .token = value.substr(head.token_at)};
  if (head.has_names) {
    std::uint64_t place = 0;
    detail::take_varint(value, place);
    detail::take_varint(value, leaf.names);
  }
  return leaf;
}

}  // namespace ullage::document
