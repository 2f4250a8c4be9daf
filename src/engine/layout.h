// The bytes of a page, as built. Everything in the arena but the fixed tables is one of these.
//
// Every page opens with a header of 16 bytes:
//
//   | kind 8 | depth 8 | flags 8 | 0 8 | used 16 | count 16 |  owner 64 |
//
//   kind    what the page is; 0 is free, which the arena writes
//   depth   leading hash bits that all content shares (bucket, leaf); for a node, bits consumed
//   before it used    bytes in use, header included count   items (bucket, leaf); log2 of the
//   references (node) owner   how to find who refers to the page, so that it can be moved:
//             bucket, shard node: a hash of a group in it (its leading `depth` bits count)
//             leaf, group node, piece: | path 32 | anchor 32 |, the leading bits of a field's hash
//             and the reference of the group's anchor, whose own `owner` is the hash of the group
//
// bucket      small groups, packed: see record.h
// leaf        fields of one large group, packed: see entry.h
// node        references to the pages of a range of hashes: see directory.h
// piece       a stretch of a value too large for a page: see piece.h
// anchor      32 bytes that never move: the identity of a group that owns other pages
//
// Bucket and leaf share the packed form of slots.h. Where anything in them has a deadline a time
// block of 12 bytes follows the header: | base_ms 48 | due_ms 48 |: deadlines count from the base
// in 23 or 31 bits, and nothing in the page ends before `due`.
#pragma once

#include <ullage/limits.h>

#include "arena/arena.h"
#include "base/words.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ullage::engine {

using arena::k_no_ref;
using arena::Ref;

/// A class of groups (classes.h): its place in the table, from 1 on.
using ClassId = std::uint16_t;
inline constexpr ClassId k_no_class = 0;

enum class PageKind : std::uint8_t {
  free = 0,
  bucket = 1,
  leaf = 2,
  shard_node = 3,
  group_node = 4,
  piece = 5,
  anchor = 6,
  pending = 7,  ///< being written or being freed: belongs to one thread or to the debt, never moved
};

inline constexpr std::uint8_t k_page_has_time = 1;  // flags: the time block is there
inline constexpr std::uint8_t k_anchor_sweeping =
    1;  // flags of an anchor: its group's due time is being worked out

/// A bucket or leaf above this is split in two; a single item may make it as large as the largest
/// page.
inline constexpr std::size_t k_split_bytes = 2048;
/// A group whose record would be larger moves to pages of its own.
inline constexpr std::size_t k_inline_group_bytes = 1024;
/// An entry that would be larger keeps its value in pieces.
inline constexpr std::size_t k_inline_entry_bytes = 576;
/// Hash bits that directories may consume. Items that share so many belong to a broken hash.
inline constexpr unsigned k_depth_max = 30;
/// The longest node: 2^6 references.
inline constexpr unsigned k_node_bits_max = 6;
inline constexpr unsigned k_node_bits_min = 3;

inline constexpr std::int64_t k_never_ms = std::numeric_limits<std::int64_t>::max();

struct PageHeader {
  std::uint8_t kind = 0;
  std::uint8_t depth = 0;
  std::uint8_t flags = 0;
  std::uint8_t zero = 0;
  std::uint16_t used = 0;
  std::uint16_t count = 0;
  std::uint64_t owner = 0;

  [[nodiscard]] PageKind page_kind() const noexcept { return static_cast<PageKind>(kind); }
  [[nodiscard]] bool has_time() const noexcept { return (flags & k_page_has_time) != 0; }
};
static_assert(sizeof(PageHeader) == 16);

inline constexpr std::size_t k_header_bytes = sizeof(PageHeader);
inline constexpr std::size_t k_time_bytes = 12;
inline constexpr std::size_t k_due_at = 6;  // in the time block
/// Where the items of a bucket or leaf begin.
constexpr std::uint32_t items_at(std::uint8_t flags) noexcept {
  return static_cast<std::uint32_t>(k_header_bytes +
                                    ((flags & k_page_has_time) != 0 ? k_time_bytes : 0));
}
/// Moments fit 48 bits: some 8,900 years. All ones are k_never_ms.
inline constexpr std::uint64_t k_time_mask = (std::uint64_t{1} << 48) - 1;
/// A page's base lies so far before the deadline that it was chosen for: half of what a deadline
/// at its cheapest can tell, over an hour, so that others may be earlier or later.
inline constexpr std::int64_t k_base_before_ms = std::int64_t{1} << 22;

/// Bytes of one group record at most that has no fields of its own: two-byte name length, all
/// extensions.
inline constexpr std::size_t k_record_head_max = 4 + 2 + 8 + 8 + 24 + 4 + 1 + k_name_max_bytes;
static_assert(
    k_header_bytes + k_time_bytes + 5 + k_record_head_max + 32 <= arena::k_page_max_bytes / 3,
    "three groups with the longest names fit the largest page, so that a full one can be split");
static_assert(k_inline_entry_bytes + k_name_max_bytes <= arena::k_page_max_bytes / 2);
static_assert(k_inline_group_bytes < k_split_bytes && k_split_bytes < arena::k_page_max_bytes);

/// Lines that a look asks for as soon as it knows a page: half of the longest bucket. Which of them
/// it needs it would learn only from the first, and wait again; measured, the waits cost more than
/// the lines.
inline constexpr std::size_t k_lookahead_lines = 16;
/// Asks for `lines` lines from `at` on, of memory that stays mapped whatever it holds.
inline void prefetch_lines(const std::byte* at, std::size_t lines) noexcept {
#pragma GCC unroll 8
  for (std::size_t i = 0; i < lines; ++i)
    __builtin_prefetch(at + 64 * i);
}

/// A header read as two shared words.
inline PageHeader load_header(const std::byte* page) noexcept {
  std::uint64_t words[2];
  const auto* at = reinterpret_cast<const std::uint64_t*>(page);
  words[0] = base::load_word(at);
  words[1] = base::load_word(at + 1);
  PageHeader header;
  std::memcpy(&header, words, sizeof header);
  return header;
}
inline void store_header(std::byte* page, const PageHeader& header) noexcept {
  base::store_bytes(page, &header, sizeof header);
}

inline std::uint64_t pack_owner(Ref anchor, std::uint64_t field_hash) noexcept {
  return (field_hash & 0xffffffff00000000ULL) | anchor;
}
inline Ref owner_anchor(std::uint64_t owner) noexcept {
  return static_cast<Ref>(owner);
}
inline std::uint64_t owner_path(std::uint64_t owner) noexcept {
  return owner & 0xffffffff00000000ULL;
}

/// Where bytes are read from: private memory, or shared memory through atomic words. One codec
/// serves both.
struct PlainBytes {
  static std::uint8_t u8(const std::byte* at) noexcept { return static_cast<std::uint8_t>(*at); }
  static std::uint16_t u16(const std::byte* at) noexcept { return get<std::uint16_t>(at); }
  static std::uint32_t u32(const std::byte* at) noexcept { return get<std::uint32_t>(at); }
  static std::uint64_t u64(const std::byte* at) noexcept { return get<std::uint64_t>(at); }
  static std::uint64_t upto8(const std::byte* at, std::size_t n) noexcept {
    std::uint64_t bits = 0;
    std::memcpy(&bits, at, n);
    return bits;
  }
  static bool equals(const std::byte* at, std::string_view bytes) noexcept {
    return bytes.empty() || std::memcmp(at, bytes.data(), bytes.size()) == 0;
  }

 private:
  template <class T>
  static T get(const std::byte* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
};
struct SharedBytes {
  static std::uint8_t u8(const std::byte* at) noexcept { return base::load_u8(at); }
  static std::uint16_t u16(const std::byte* at) noexcept { return base::load_u16(at); }
  static std::uint32_t u32(const std::byte* at) noexcept { return base::load_u32(at); }
  static std::uint64_t u64(const std::byte* at) noexcept { return base::load_u64(at); }
  static std::uint64_t upto8(const std::byte* at, std::size_t n) noexcept {
    return base::load_bytes(at, n);
  }
  static bool equals(const std::byte* at, std::string_view bytes) noexcept {
    return base::equals(at, bytes);
  }
};

inline void put_u16(std::byte* at, std::uint16_t value) noexcept {
  std::memcpy(at, &value, 2);
}
inline void put_u32(std::byte* at, std::uint32_t value) noexcept {
  std::memcpy(at, &value, 4);
}
inline void put_u64(std::byte* at, std::uint64_t value) noexcept {
  std::memcpy(at, &value, 8);
}

/// The two moments of a time block. The base is never so large that a deadline's sum overflows,
/// whatever the bytes are.
template <class Bytes>
std::int64_t load_page_base(const std::byte* block) noexcept {
  return static_cast<std::int64_t>(Bytes::upto8(block, 6));
}
template <class Bytes>
std::int64_t load_page_due(const std::byte* block) noexcept {
  const std::uint64_t bits = Bytes::upto8(block + k_due_at, 6);
  return bits == k_time_mask ? k_never_ms : static_cast<std::int64_t>(bits);
}
/// REQUIRES: 0 <= ms.
inline void put_time(std::byte* at, std::int64_t ms) noexcept {
  const std::uint64_t bits =
      static_cast<std::uint64_t>(ms) < k_time_mask ? static_cast<std::uint64_t>(ms) : k_time_mask;
  std::memcpy(at, &bits, 6);
}

}  // namespace ullage::engine
