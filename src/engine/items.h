// The entries of a page image, whatever kind of page it is: what eviction, expiry and scans walk
// over.
#pragma once

#include "engine/page_image.h"
#include "engine/removal_events.h"
#include "engine/state.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ullage::engine {

/// Where an entry is in an image: its item in a leaf, or its record and field in a bucket.
struct EntryPlace {
  std::uint32_t item;  // no initialisers: arrays of places are made without writing them
  std::uint32_t field;
};

inline std::string_view chars(const std::byte* at, std::size_t n) noexcept {
  return {reinterpret_cast<const char*>(at), n};
}

/// Calls visit(place, bytes, size, rank, class) for every entry of a page; those of a leaf are in
/// `leaf_class`. Stubs have none. Runs for every page that is ranked: it reads the tables as they
/// lie, and a record's head only as far as it must.
template <class Visit>
[[gnu::always_inline]] inline void for_each_entry_in_class(const PageItems& page,
                                                           ClassId leaf_class, Visit visit) {
  using Item = SlotsView<PlainBytes>::Item;
  if (page.is_leaf) {
    page.slots.for_each([&](std::uint32_t i, Item item, policy::Rank rank) {
      visit(EntryPlace{i, 0}, item.at, item.bytes, rank, leaf_class);
    });
    return;
  }
  page.slots.for_each([&](std::uint32_t i, Item record, policy::Rank only_rank) {
    const std::uint32_t fields = PlainBytes::u8(record.at);
    std::uint32_t body_at = 3U + PlainBytes::u8(record.at + 2);
    ClassId class_id = k_no_class;
    if (PlainBytes::u8(record.at + 1) != 0) {
      const RecordHead head = decode_record<PlainBytes>(record.at, record.bytes);
      ULLAGE_CHECK(!head.broken);
      if (head.is_stub()) return;
      body_at = head.body_at;
      class_id = head.class_id;
    }
    ULLAGE_DCHECK(body_at <= record.bytes && fields != 0);
    const RecordFields<PlainBytes> body(record.at + body_at, record.bytes - body_at, fields);
    if (fields == 1) {
      visit(EntryPlace{i, 0}, record.at + body_at, record.bytes - body_at, only_rank, class_id);
      return;
    }
    body.slots().for_each([&](std::uint32_t f, Item item, policy::Rank rank) {
      visit(EntryPlace{i, f}, item.at, item.bytes, rank, class_id);
    });
  });
}
/// The same where classes do not matter: visit(place, bytes, size, rank).
template <class Visit>
[[gnu::always_inline]] inline void for_each_entry(const PageItems& page, Visit visit) {
  for_each_entry_in_class(
      page, k_no_class,
      [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank rank, ClassId)
          __attribute__((always_inline)) { visit(place, at, size, rank); });
}

/// Ranks of a few entries of a page, spread over it whatever their ranks.
class ResidentSample {
 public:
  void take(const PageItems& page) {
    // One pass: when the places are full every second one is given up and the stride doubles.
    std::uint32_t stride = 1;
    std::uint32_t met = 0;
    for_each_entry(page, [&](EntryPlace, const std::byte*, std::uint32_t, policy::Rank rank) {
      if (met++ % stride != 0) return;
      if (count_ == ranks_.size()) {
        for (std::size_t i = 0; i < ranks_.size() / 2; ++i)
          ranks_[i] = ranks_[2 * i];
        count_ = ranks_.size() / 2;
        stride *= 2;
        if ((met - 1) % stride != 0) return;
      }
      ranks_[count_++] = rank;
    });
  }
  [[nodiscard]] std::span<const policy::Rank> ranks() const noexcept {
    return std::span(ranks_).first(count_);
  }

 private:
  std::array<policy::Rank, policy::k_census_max> ranks_{};
  std::size_t count_ = 0;
};

/// Takes an entry out of the image and notes it in the log. A record that is left empty goes too.
/// `leaf_group` is a leaf's group; a bucket's records know theirs. `payload_out` gets the entry's
/// payload.
void remove_entry(PageImage& image, EntryPlace place, RemovalCause cause, GroupOf leaf_group,
                  RemovalLog& log, std::uint32_t& payload_out);

/// Takes out all entries whose deadline has come, at most as many as the log has room for, and
/// works the image's due time out anew; drops the time block when nothing needs it. Answers the
/// payload removed from a leaf. Groups with deadlines of their own are not looked at: the caller
/// does that first.
std::uint32_t remove_expired(PageImage& image, std::int64_t now_ms, GroupOf leaf_group,
                             RemovalLog& log, std::uint32_t& removed_out);

/// The limits of a group: its own, else those of its class, else the cache's. `head` as decoded
/// from `record`.
GroupLimits group_limits_of(const State& state, const std::byte* record,
                            const RecordHead& head) noexcept;
/// Those of a group that is in a class and has none of its own.
GroupLimits class_limits_of(const State& state, ClassId id) noexcept;

/// Names and values of an inline record's fields, wherever the values lie.
template <class Bytes>
std::uint64_t payload_of(const RecordFields<Bytes>& fields) noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < fields.count(); ++i) {
    const auto item = fields.item(i);
    const EntryHead e = decode_entry<Bytes>(item.at, item.bytes, 0);
    bytes += e.field_bytes +
             (e.pieces ? decode_link<Bytes>(item.at + e.value_at).bytes : e.inline_bytes);
  }
  return bytes;
}

/// What a class is charged for an entry, and for a group.
inline std::uint64_t entry_charge(std::uint64_t payload_bytes) noexcept {
  return payload_bytes + k_class_entry_bytes;
}
inline std::uint64_t group_charge(std::uint64_t name_bytes) noexcept {
  return name_bytes + k_class_group_bytes;
}

/// What a class is charged for a group, its name included, and for how many entries. With the
/// shard's lock held, or of a private record.
struct GroupCharge {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};
GroupCharge charge_of(const std::byte* record, const RecordHead& head) noexcept;

/// The earliest moment at which a group ends by its own time to live or by idleness.
std::int64_t group_end_ms(const State& state, const std::byte* record,
                          const RecordHead& head) noexcept;

}  // namespace ullage::engine
