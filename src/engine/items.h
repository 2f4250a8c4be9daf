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

/// Calls visit(place, bytes, size, rank) for every entry of a page. Stubs have none. Runs for
/// every page that is ranked: it reads the tables as they lie, and a record's head only as far as
/// it must.
template <class Visit>
[[gnu::always_inline]] inline void for_each_entry(const PageItems& page, Visit visit) {
  const auto walk = [&](const std::byte* table, std::uint32_t count, std::uint32_t cap,
                        const std::byte* end, auto each) {
    const std::byte* const data = table + k_slot_bytes * cap;
    const std::byte* at = data;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::byte* const stop =
          i + 1 < count ? data + PlainBytes::u16(table + cap + 2 * (i + 1)) : end;
      each(i, at, static_cast<std::uint32_t>(stop - at), PlainBytes::u16(table + 3 * cap + 2 * i));
      at = stop;
    }
  };
  const SlotsView<PlainBytes>& slots = page.slots;
  const std::byte* const area = slots.area();
  const std::byte* const end = area + slots.end();
  if (page.is_leaf) {
    walk(area, slots.count(), slots.cap(), end,
         [&](std::uint32_t i, const std::byte* at, std::uint32_t bytes, policy::Rank rank) {
           visit(EntryPlace{i, 0}, at, bytes, rank);
         });
    return;
  }
  walk(area, slots.count(), slots.cap(), end,
       [&](std::uint32_t i, const std::byte* record, std::uint32_t bytes, policy::Rank only_rank) {
         std::uint32_t fields = PlainBytes::u8(record);
         std::uint32_t body_at = 3U + PlainBytes::u8(record + 2);
         if (PlainBytes::u8(record + 1) != 0) {
           const RecordHead head = decode_record<PlainBytes>(record, bytes);
           ULLAGE_CHECK(!head.broken);
           if (head.is_stub()) return;
           body_at = head.body_at;
         }
         ULLAGE_DCHECK(body_at <= bytes && fields != 0);
         if (fields == 1) {
           visit(EntryPlace{i, 0}, record + body_at, bytes - body_at, only_rank);
           return;
         }
         walk(record + body_at, fields, fields, record + bytes,
              [&](std::uint32_t f, const std::byte* at, std::uint32_t size, policy::Rank rank) {
                visit(EntryPlace{i, f}, at, size, rank);
              });
       });
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
/// `group` is the name of a leaf's group; a bucket's records know theirs. `payload_out` gets the
/// entry's payload.
void remove_entry(PageImage& image, EntryPlace place, RemovalCause cause,
                  std::string_view leaf_group, RemovalLog& log, std::uint32_t& payload_out);

/// Takes out all entries whose deadline has come, at most as many as the log has room for, and
/// works the image's due time out anew; drops the time block when nothing needs it. Answers the
/// payload removed from a leaf. Groups with deadlines of their own are not looked at: the caller
/// does that first.
std::uint32_t remove_expired(PageImage& image, std::int64_t now_ms, std::string_view leaf_group,
                             RemovalLog& log, std::uint32_t& removed_out);

/// The earliest moment at which a group ends by its own time to live or by idleness.
std::int64_t group_end_ms(const State& state, const std::byte* record,
                          const RecordHead& head) noexcept;

}  // namespace ullage::engine
