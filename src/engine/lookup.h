// Finding a group's record and an entry's bytes, for readers (shared bytes, no lock) and writers
// alike.
#pragma once

#include "engine/directory.h"
#include "engine/entry.h"
#include "engine/items.h"
#include "engine/record.h"
#include "engine/slots.h"
#include "engine/state.h"

#include <cstdint>

namespace ullage::engine {

/// A page's packed slots, through shared words.
struct PageSlots {
  std::byte* page = nullptr;
  std::int64_t base_ms = 0;
  SlotsView<SharedBytes> slots{nullptr, 0, 0, 0};
  bool sane = false;
};
inline PageSlots open_slots(std::byte* page, const PageHeader& header) noexcept {
  PageSlots p;
  p.page = page;
  const std::uint32_t area = items_at(header.flags);
  if (header.has_time()) p.base_ms = load_page_base<SharedBytes>(page + k_header_bytes);
  if (header.used < area || header.used > arena::k_page_max_bytes) return p;
  p.slots = {page + area, header.count, page_slots_cap(header.count), header.used - area};
  p.sane = p.slots.sane();
  return p;
}

/// A group's record in its bucket.
struct GroupPlace {
  Found bucket;
  PageSlots page;
  std::uint32_t item = 0;
  std::byte* record = nullptr;  ///< none: no such group
  RecordHead head;
  bool broken = false;  ///< a stale read

  [[nodiscard]] explicit operator bool() const noexcept { return record != nullptr; }
  [[nodiscard]] std::byte* stub_body() const noexcept { return record + head.body_at; }
  [[nodiscard]] Ref anchor() const noexcept {
    return head.anchor_at != 0 ? base::load_u32(record + head.anchor_at) : k_no_ref;
  }
};

/// Whether every field of an inline record has ended, so that the group has. Ends with the first
/// that has not.
[[nodiscard]] bool all_expired(const GroupPlace& place, std::int64_t now_ms) noexcept;

/// An entry's bytes, in a leaf or a record.
struct EntryPos {
  std::byte* at = nullptr;  ///< none: no such entry
  std::uint32_t bytes = 0;
  std::byte* rank_at = nullptr;
  std::uint32_t index = 0;  ///< field in the record, or item in the leaf
  std::int64_t base_ms = 0;
  EntryHead head;
  Found leaf;  ///< of a large group
  bool broken = false;
  [[nodiscard]] explicit operator bool() const noexcept { return at != nullptr; }
};

class Lookup {
 public:
  Lookup(State& state, const Directory& directory) noexcept
      : state_(state), directory_(directory) {}

  [[nodiscard]] GroupPlace group(Shard& shard, std::string_view name,
                                 std::uint64_t hash) const noexcept;
  /// The group that owns an anchor: how a page that names it is traced to its record. Needs the
  /// lock.
  [[nodiscard]] GroupPlace group_of_anchor(Shard& shard, std::uint64_t hash,
                                           Ref anchor) const noexcept;
  [[nodiscard]] EntryPos entry(Shard& shard, const GroupPlace& place, std::string_view field,
                               std::uint64_t hash) const noexcept;

 private:
  State& state_;
  const Directory& directory_;
};

}  // namespace ullage::engine
