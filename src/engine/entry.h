// One entry's bytes: the item of a leaf, and of a group record's table.
//
//   short   | 0 1 | timed 1 | field length 6 |                                     | field | value
//   | long    | 1 1 | flags 4 | field length 11 |   (two bytes, high byte first)     ...
//
//   then, by flag:  timed  | deadline 23 | 0 |   low byte first: ms after the page's base,
//                          | deadline 31 | 1 |   or, where that does not reach, ms after or before
//                   far    | deadline 64 |, ms of the clock: too far from the base for either
//   then            | field | value |   or with `pieces`   | field | first piece 32 | value length
//   32 |
//
// The value's length is what is left of the item. Flag `shared` is kept for a field name held once
// in a dictionary: nothing writes it yet, and a reader that meets it treats the entry as broken.
// Price: 1 byte an entry, 3 more with a deadline, 4 where those of the page are more than an hour
// apart, 9 where they are more than twelve days apart; 2 where the field is longer than 63 bytes.
#pragma once

#include "engine/layout.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::engine {

inline constexpr std::size_t k_piece_link_bytes = 8;  // in place of a value that is held in pieces

struct EntryHead {
  std::uint32_t field_at = 0;  ///< from the item's start
  std::uint32_t field_bytes = 0;
  std::uint32_t value_at = 0;
  std::uint32_t inline_bytes = 0;  ///< of the value, or of the piece link
  std::int64_t deadline_ms = k_never_ms;
  bool pieces = false;
  bool timed = false;  ///< the deadline counts from the page's base
  bool broken = true;
};

namespace detail {
inline constexpr std::uint8_t k_long = 0x80;
inline constexpr std::uint8_t k_short_timed = 0x40;
inline constexpr std::uint32_t k_short_field_max = 63;
inline constexpr std::int64_t k_near_offset_end = 1 << 23;
inline constexpr std::int64_t k_offset_end = 1 << 30;  // either way
inline constexpr std::uint32_t k_flag_timed = 1U << 14;
inline constexpr std::uint32_t k_flag_far = 1U << 13;
inline constexpr std::uint32_t k_flag_pieces = 1U << 12;
inline constexpr std::uint32_t k_flag_shared = 1U << 11;
inline constexpr std::uint32_t k_field_mask = (1U << 11) - 1;

/// The deadline of a timed entry in the four bytes behind its head, and how many of them it takes.
inline std::int64_t offset_ms(std::uint32_t bits) noexcept {
  return (bits & 1) == 0 ? std::int64_t{(bits & 0xffffff) >> 1}
                         : std::int64_t{static_cast<std::int32_t>(bits) >> 1};
}
inline std::uint32_t offset_bytes(std::uint32_t bits) noexcept {
  return 3 + (bits & 1);
}
}  // namespace detail
static_assert(k_name_max_bytes <= detail::k_field_mask);

/// Decodes an item of `bytes` bytes. `broken` if it cannot be an entry: a stale read, or
/// corruption.
template <class Bytes>
EntryHead decode_entry(const std::byte* at, std::uint32_t bytes, std::int64_t base_ms) noexcept {
  EntryHead e;
  if (bytes == 0) return e;
  std::uint32_t pos = 1;
  bool far = false;
  // One word has the head and mostly the deadline; a page's bytes go on behind any entry.
  const std::uint64_t word = Bytes::u64(at);
  const auto first = static_cast<std::uint8_t>(word);
  if ((first & detail::k_long) == 0) {
    e.field_bytes = first & detail::k_short_field_max;
    e.timed = (first & detail::k_short_timed) != 0;
  } else {
    if (bytes < 2) return e;
    const std::uint32_t head =
        (static_cast<std::uint32_t>(first) << 8) | static_cast<std::uint8_t>(word >> 8);
    pos = 2;
    e.field_bytes = head & detail::k_field_mask;
    e.timed = (head & detail::k_flag_timed) != 0;
    far = (head & detail::k_flag_far) != 0;
    e.pieces = (head & detail::k_flag_pieces) != 0;
    if ((head & detail::k_flag_shared) != 0) return e;
  }
  if (e.timed) {
    const auto bits = static_cast<std::uint32_t>(word >> (8 * pos));
    e.deadline_ms = base_ms + detail::offset_ms(bits);
    pos += detail::offset_bytes(bits);
    if (bytes < pos) return e;
  } else if (far) {
    if (bytes < pos + 8) return e;
    e.deadline_ms = static_cast<std::int64_t>(Bytes::u64(at + pos));
    pos += 8;
  }
  e.field_at = pos;
  if (bytes < pos + e.field_bytes) return e;
  e.value_at = pos + e.field_bytes;
  e.inline_bytes = bytes - e.value_at;
  if (e.pieces && e.inline_bytes != k_piece_link_bytes) return e;
  e.broken = false;
  return e;
}

/// Whether an entry's first byte is all of its head, the field's length: short and without a
/// deadline, as most are.
inline bool is_bare_entry(std::uint32_t first) noexcept {
  return first <= detail::k_short_field_max;
}
static_assert((detail::k_short_field_max & (detail::k_long | detail::k_short_timed)) == 0);

/// What an entry is to say.
struct EntryDraft {
  std::string_view field;
  std::string_view value;  ///< inline bytes; the packed link if `pieces`
  std::int64_t deadline_ms = k_never_ms;
  bool pieces = false;
};

/// How a draft is written in a page whose base is `base_ms`.
struct EntryForm {
  bool is_long = false;
  bool timed = false;
  bool far = false;
  std::uint32_t bits = 0;  ///< of a timed one's deadline
};
inline EntryForm form_of(const EntryDraft& draft, std::int64_t base_ms) noexcept {
  EntryForm form;
  form.is_long = draft.pieces || draft.field.size() > detail::k_short_field_max;
  if (draft.deadline_ms == k_never_ms) return form;
  const std::int64_t offset = draft.deadline_ms - base_ms;
  const bool near = offset >= 0 && offset < detail::k_near_offset_end;
  form.timed = near || (offset >= -detail::k_offset_end && offset < detail::k_offset_end);
  form.far = !form.timed;
  form.is_long |= form.far;
  if (form.timed) form.bits = static_cast<std::uint32_t>(offset << 1) | (near ? 0U : 1U);
  return form;
}
inline std::uint32_t deadline_bytes(const EntryForm& form) noexcept {
  if (form.far) return 8;
  return form.timed ? detail::offset_bytes(form.bits) : 0;
}
inline std::uint32_t encoded_bytes(const EntryDraft& draft, std::int64_t base_ms) noexcept {
  const EntryForm form = form_of(draft, base_ms);
  return static_cast<std::uint32_t>((form.is_long ? 2U : 1U) + deadline_bytes(form) +
                                    draft.field.size() + draft.value.size());
}
inline void encode_entry(std::byte* at, const EntryDraft& draft, std::int64_t base_ms) noexcept {
  const EntryForm form = form_of(draft, base_ms);
  if (form.is_long) {
    const std::uint32_t head =
        (std::uint32_t{detail::k_long} << 8) | (form.timed ? detail::k_flag_timed : 0) |
        (form.far ? detail::k_flag_far : 0) | (draft.pieces ? detail::k_flag_pieces : 0) |
        static_cast<std::uint32_t>(draft.field.size());
    *at++ = static_cast<std::byte>(head >> 8);
    *at++ = static_cast<std::byte>(head & 0xff);
  } else {
    *at++ = static_cast<std::byte>((form.timed ? detail::k_short_timed : 0) | draft.field.size());
  }
  const std::uint64_t deadline =
      form.timed ? form.bits : static_cast<std::uint64_t>(draft.deadline_ms);
  std::memcpy(at, &deadline, deadline_bytes(form));  // little-endian: the low bytes
  at += deadline_bytes(form);
  if (!draft.field.empty()) std::memcpy(at, draft.field.data(), draft.field.size());
  at += draft.field.size();
  if (!draft.value.empty()) std::memcpy(at, draft.value.data(), draft.value.size());
}

/// The first piece and the length of a value held in pieces.
struct PieceLink {
  Ref first = k_no_ref;
  std::uint32_t bytes = 0;
};
template <class Bytes>
PieceLink decode_link(const std::byte* at) noexcept {
  return {Bytes::u32(at), Bytes::u32(at + 4)};
}
inline void encode_link(std::byte* at, PieceLink link) noexcept {
  put_u32(at, link.first);
  put_u32(at + 4, link.bytes);
}

}  // namespace ullage::engine
