// One group's bytes in a bucket.
//
//   | fields 8 | flags 8 | name length 8 or 16 | extensions | name | body |
//
//   extensions, in this order, each only where its flag is set:
//     class    2   the class that the group is in (classes.h)
//     ttl      8   the group's own deadline, ms of the clock
//     idle     8   the last use that was noted, ms of the clock
//     limits  24   max_fields, max_bytes, idle_ttl_ms of this group alone
//     anchor   4   the group's anchor: only groups that own other pages have one
//     kind     1   | lost 1 | kind 7 |: what its user says it is (group.h), and whether entries of
//                  it went that nobody erased; kept only for groups of a kind
//   body:
//     one field    its entry (entry.h); its rank is the bucket's slot's
//     more         slots (slots.h, exact) of entries
//     stub         | root 32 | fields 64 | bytes 64 | due_ms 64 |: the fields are in pages of their
//     own
//
// Price: 3 bytes a group, 5 more for its slot in the bucket; 5 a field from the second on.
#pragma once

#include <ullage/options.h>

#include "engine/entry.h"
#include "engine/layout.h"
#include "engine/slots.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::engine {

namespace detail {
inline constexpr std::uint8_t k_record_ttl = 1;
inline constexpr std::uint8_t k_record_idle = 2;
inline constexpr std::uint8_t k_record_limits = 4;
inline constexpr std::uint8_t k_record_anchor = 8;
inline constexpr std::uint8_t k_record_wide_name = 16;
inline constexpr std::uint8_t k_record_stub = 32;
inline constexpr std::uint8_t k_record_class = 64;
inline constexpr std::uint8_t k_record_kind = 128;
inline constexpr std::uint8_t k_record_extended = k_record_class | k_record_ttl | k_record_idle |
                                                  k_record_limits | k_record_anchor | k_record_kind;
}  // namespace detail

/// In a record's kind: entries were evicted, expired or over a limit.
inline constexpr std::uint8_t k_kind_lost = 128;

inline constexpr std::uint32_t k_stub_bytes = 28;
inline constexpr std::uint32_t k_stub_root_at = 0;
inline constexpr std::uint32_t k_stub_fields_at = 4;
inline constexpr std::uint32_t k_stub_bytes_at = 12;
inline constexpr std::uint32_t k_stub_due_at = 20;

/// Where everything in a record is, from its start. Decoded once, then used for any access.
struct RecordHead {
  std::uint32_t fields = 0;  ///< inline ones
  std::uint8_t flags = 0;
  ClassId class_id = k_no_class;
  std::uint32_t ttl_at = 0;  ///< 0: not there
  std::uint32_t idle_at = 0;
  std::uint32_t limits_at = 0;
  std::uint32_t anchor_at = 0;
  std::uint32_t kind_at = 0;
  std::uint32_t name_at = 0;
  std::uint32_t name_bytes = 0;
  std::uint32_t body_at = 0;
  std::uint32_t bytes = 0;  ///< of the whole record
  bool broken = true;

  [[nodiscard]] bool is_stub() const noexcept { return (flags & detail::k_record_stub) != 0; }
  [[nodiscard]] std::uint32_t body_bytes() const noexcept { return bytes - body_at; }
};

template <class Bytes>
RecordHead decode_record(const std::byte* at, std::uint32_t bytes) noexcept {
  RecordHead r;
  r.bytes = bytes;
  if (bytes < 3) return r;
  // One word has all that most records need; a page's bytes go on behind any record.
  const std::uint64_t head = Bytes::u64(at);
  r.fields = static_cast<std::uint8_t>(head);
  r.flags = static_cast<std::uint8_t>(head >> 8);
  std::uint32_t pos = 3;
  r.name_bytes = static_cast<std::uint8_t>(head >> 16);
  if ((r.flags & detail::k_record_wide_name) != 0) {
    if (bytes < 4) return r;
    r.name_bytes |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(head >> 24)) << 8;
    pos = 4;
  }
  if ((r.flags & detail::k_record_extended) != 0) {
    const auto extension = [&](std::uint8_t flag, std::uint32_t size) {
      if ((r.flags & flag) == 0) return std::uint32_t{0};
      const std::uint32_t here = pos;
      pos += size;
      return here;
    };
    if (const std::uint32_t class_at = extension(detail::k_record_class, 2); class_at != 0)
      r.class_id = static_cast<ClassId>(head >> (8 * class_at));  // within the first word
    r.ttl_at = extension(detail::k_record_ttl, 8);
    r.idle_at = extension(detail::k_record_idle, 8);
    r.limits_at = extension(detail::k_record_limits, 24);
    r.anchor_at = extension(detail::k_record_anchor, 4);
    r.kind_at = extension(detail::k_record_kind, 1);
  }
  r.name_at = pos;
  r.body_at = pos + r.name_bytes;
  if (r.body_at > bytes) return r;
  if (r.is_stub()) {
    if (r.body_bytes() != k_stub_bytes || r.anchor_at == 0) return r;
  } else if (r.fields == 0 || (r.fields > 1 && r.body_bytes() < r.fields * k_slot_bytes)) {
    return r;
  }
  r.broken = false;
  return r;
}

/// The extensions and name of a record to be written.
struct RecordDraft {
  std::string_view name;
  ClassId class_id = k_no_class;
  std::int64_t deadline_ms = k_never_ms;
  std::int64_t last_use_ms = -1;  ///< -1: not kept
  bool has_limits = false;
  GroupLimits limits;
  Ref anchor = k_no_ref;
  std::uint8_t kind = 0;  ///< 0: none
};

inline std::uint32_t encoded_head_bytes(const RecordDraft& d) noexcept {
  return static_cast<std::uint32_t>(
      3U + (d.name.size() > 255 ? 1U : 0U) + (d.class_id != k_no_class ? 2U : 0U) +
      (d.deadline_ms != k_never_ms ? 8U : 0U) + (d.last_use_ms >= 0 ? 8U : 0U) +
      (d.has_limits ? 24U : 0U) + (d.anchor != k_no_ref ? 4U : 0U) + (d.kind != 0 ? 1U : 0U) +
      d.name.size());
}
/// Writes everything up to the body; answers where the body goes.
inline std::byte* encode_head(std::byte* at, const RecordDraft& d, std::uint32_t fields,
                              bool stub) noexcept {
  const bool wide = d.name.size() > 255;
  std::uint8_t flags = 0;
  if (d.class_id != k_no_class) flags |= detail::k_record_class;
  if (d.deadline_ms != k_never_ms) flags |= detail::k_record_ttl;
  if (d.last_use_ms >= 0) flags |= detail::k_record_idle;
  if (d.has_limits) flags |= detail::k_record_limits;
  if (d.anchor != k_no_ref) flags |= detail::k_record_anchor;
  if (d.kind != 0) flags |= detail::k_record_kind;
  if (wide) flags |= detail::k_record_wide_name;
  if (stub) flags |= detail::k_record_stub;
  *at++ = static_cast<std::byte>(fields);
  *at++ = static_cast<std::byte>(flags);
  *at++ = static_cast<std::byte>(d.name.size() & 0xff);
  if (wide) *at++ = static_cast<std::byte>(d.name.size() >> 8);
  if (d.class_id != k_no_class) put_u16(at, d.class_id), at += 2;
  if (d.deadline_ms != k_never_ms) put_u64(at, static_cast<std::uint64_t>(d.deadline_ms)), at += 8;
  if (d.last_use_ms >= 0) put_u64(at, static_cast<std::uint64_t>(d.last_use_ms)), at += 8;
  if (d.has_limits) {
    put_u64(at, d.limits.max_fields);
    put_u64(at + 8, d.limits.max_bytes);
    put_u64(at + 16, static_cast<std::uint64_t>(d.limits.idle_ttl.count()));
    at += 24;
  }
  if (d.anchor != k_no_ref) put_u32(at, d.anchor), at += 4;
  if (d.kind != 0) *at++ = static_cast<std::byte>(d.kind);
  if (!d.name.empty()) std::memcpy(at, d.name.data(), d.name.size());
  return at + d.name.size();
}

template <class Bytes>
GroupLimits decode_limits(const std::byte* record, const RecordHead& head) noexcept {
  return {Bytes::u64(record + head.limits_at), Bytes::u64(record + head.limits_at + 8),
          Millis(static_cast<std::int64_t>(Bytes::u64(record + head.limits_at + 16)))};
}
/// Everything but fields and body; the name's view is into the record.
inline RecordDraft draft_of(const std::byte* record, const RecordHead& head) noexcept {
  RecordDraft d;
  d.name = {reinterpret_cast<const char*>(record + head.name_at), head.name_bytes};
  d.class_id = head.class_id;
  if (head.ttl_at != 0)
    d.deadline_ms = static_cast<std::int64_t>(PlainBytes::u64(record + head.ttl_at));
  if (head.idle_at != 0)
    d.last_use_ms = static_cast<std::int64_t>(PlainBytes::u64(record + head.idle_at));
  if (head.limits_at != 0) d.has_limits = true, d.limits = decode_limits<PlainBytes>(record, head);
  if (head.anchor_at != 0) d.anchor = PlainBytes::u32(record + head.anchor_at);
  if (head.kind_at != 0) d.kind = PlainBytes::u8(record + head.kind_at);
  return d;
}

/// What a stub keeps of a large group.
struct Stub {
  Ref root = k_no_ref;
  std::uint64_t fields = 0;
  std::uint64_t bytes = 0;  ///< of field names and values
  std::int64_t due_ms = k_never_ms;
};
template <class Bytes>
Stub decode_stub(const std::byte* body) noexcept {
  return {Bytes::u32(body + k_stub_root_at), Bytes::u64(body + k_stub_fields_at),
          Bytes::u64(body + k_stub_bytes_at),
          static_cast<std::int64_t>(Bytes::u64(body + k_stub_due_at))};
}
inline void encode_stub(std::byte* body, const Stub& stub) noexcept {
  put_u32(body + k_stub_root_at, stub.root);
  put_u64(body + k_stub_fields_at, stub.fields);
  put_u64(body + k_stub_bytes_at, stub.bytes);
  put_u64(body + k_stub_due_at, static_cast<std::uint64_t>(stub.due_ms));
}

/// The entries of an inline record, one or many alike: `item(i)`, and where their ranks are.
template <class Bytes>
class RecordFields {
 public:
  RecordFields(const std::byte* record, const RecordHead& head) noexcept
      : body_(record + head.body_at), bytes_(head.body_bytes()), count_(head.fields) {}
  RecordFields(const std::byte* body, std::uint32_t bytes, std::uint32_t fields) noexcept
      : body_(body), bytes_(bytes), count_(fields) {}
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] typename SlotsView<Bytes>::Item item(std::uint32_t i) const noexcept {
    if (count_ == 1) return {body_, bytes_};
    return slots().item(i);
  }
  [[nodiscard]] std::uint32_t find_tag(std::uint8_t tag, std::uint32_t from) const noexcept {
    if (count_ == 1) return from;  // no tag is kept: the one entry is the candidate
    return slots().find_tag(tag, from);
  }
  [[nodiscard]] SlotsView<Bytes> slots() const noexcept { return {body_, count_, count_, bytes_}; }

 private:
  const std::byte* body_;
  std::uint32_t bytes_;
  std::uint32_t count_;
};

}  // namespace ullage::engine
