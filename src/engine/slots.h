// The packed form that buckets, leaves and group records share: a table of slots, then the items'
// bytes.
//
//   | tag 8 x cap | offset 16 x cap | rank 16 x cap | item 0 | item 1 | ... | item n-1 | end
//
//   tag     eight bits of the item's hash: a word compare finds candidates eight at a time
//   offset  where the item starts, counted from item 0; items are contiguous and in order of
//   insertion rank    what the policy keeps of the entry (policy/ranking.h) cap     the count
//   rounded up: to 4 in pages, so that three of four insertions move no item's bytes;
//           exact in records, which are rewritten whole anyway
//
// Price: 5 bytes an item. An item's end is the next one's start, so lengths are not stored.
#pragma once

#include "engine/layout.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ullage::engine {

inline constexpr std::size_t k_slot_bytes = 5;

constexpr std::uint32_t page_slots_cap(std::uint32_t count) noexcept {
  return (count + 3) & ~3U;
}

/// Slots in memory that may be changing: nothing read here is trusted until the version is
/// validated, but every offset is checked against `end` so that no read leaves the page.
template <class Bytes>
class SlotsView {
 public:
  SlotsView(const std::byte* area, std::uint32_t count, std::uint32_t cap,
            std::uint32_t end) noexcept
      : area_(area), count_(count), cap_(cap), end_(end) {}

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] bool sane() const noexcept { return cap_ * k_slot_bytes <= end_; }
  [[nodiscard]] std::uint16_t rank(std::uint32_t i) const noexcept {
    return Bytes::u16(rank_at(i));
  }
  [[nodiscard]] const std::byte* rank_at(std::uint32_t i) const noexcept {
    return area_ + 3 * cap_ + 2 * i;
  }
  [[nodiscard]] std::uint8_t tag(std::uint32_t i) const noexcept { return Bytes::u8(area_ + i); }

  struct Item {
    const std::byte* at;
    std::uint32_t bytes;
  };
  [[nodiscard]] Item item(std::uint32_t i) const noexcept {
    const std::uint32_t data = cap_ * static_cast<std::uint32_t>(k_slot_bytes);
    // The next item's offset lies beside this one's; behind the last there are ranks, which are not
    // looked at.
    const std::uint32_t two = Bytes::u32(area_ + cap_ + 2 * i);
    std::uint32_t begin = data + (two & 0xffff);
    std::uint32_t stop = i + 1 < count_ ? data + (two >> 16) : end_;
    if (stop > end_) stop = end_;
    if (begin > stop) begin = stop;
    return {area_ + begin, stop - begin};
  }

  /// Asks for the memory that says where an item lies.
  void ask_offset(std::uint32_t i) const noexcept { __builtin_prefetch(area_ + cap_ + 2 * i); }

  /// Calls visit(i, item, rank) for every item, in order; for memory that nobody changes, whose
  /// offsets are true.
  template <class Visit>
  [[gnu::always_inline]] void for_each(Visit visit) const {
    const std::byte* const data = area_ + cap_ * k_slot_bytes;
    const std::byte* at = data;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::byte* const stop =
          i + 1 < count_ ? data + Bytes::u16(area_ + cap_ + 2 * (i + 1)) : area_ + end_;
      visit(i, Item{at, static_cast<std::uint32_t>(stop - at)}, rank(i));
      at = stop;
    }
  }

  /// The same of memory that may be torn: no item leaves it. visit(i, item) answers whether to go
  /// on; so does this, false also where offsets are not true. REQUIRES: sane().
  template <class Visit>
  [[gnu::always_inline]] bool for_each_within(Visit visit) const {
    const std::uint32_t data = cap_ * static_cast<std::uint32_t>(k_slot_bytes);
    std::uint32_t begin = data;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::uint32_t stop =
          i + 1 < count_ ? data + Bytes::u16(area_ + cap_ + 2 * (i + 1)) : end_;
      if (begin > stop || stop > end_ || !visit(i, Item{area_ + begin, stop - begin})) return false;
      begin = stop;
    }
    return true;
  }

  /// The first item from `from` on whose tag may be `tag`; count() if there is none. May answer an
  /// item with another tag (the word trick errs upwards): callers compare the item itself.
  [[nodiscard]] std::uint32_t find_tag(std::uint8_t tag, std::uint32_t from) const noexcept {
    constexpr std::uint64_t k_ones = 0x0101010101010101ULL;
    const std::uint64_t want = k_ones * tag;
    for (std::uint32_t i = from; i < count_; i += 8) {
      const std::uint32_t n = count_ - i < 8 ? count_ - i : 8;
      const std::uint64_t x = Bytes::upto8(area_ + i, n) ^ want;
      std::uint64_t zero = (x - k_ones) & ~x & (k_ones << 7);
      if (n < 8) zero &= (std::uint64_t{1} << (8 * n)) - 1;
      if (zero != 0) return i + static_cast<std::uint32_t>(__builtin_ctzll(zero)) / 8;
    }
    return count_;
  }

 private:
  const std::byte* area_;
  std::uint32_t count_;
  std::uint32_t cap_;
  std::uint32_t end_;
};

/// Slots in private memory, to change. `Exact` tables have cap == count.
class SlotsEdit {
 public:
  SlotsEdit(std::byte* area, std::uint32_t count, std::uint32_t end, bool exact) noexcept
      : area_(area), count_(count), end_(end), exact_(exact) {}

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint32_t end() const noexcept { return end_; }
  [[nodiscard]] std::uint32_t cap() const noexcept { return cap_of(count_); }
  [[nodiscard]] std::uint8_t tag(std::uint32_t i) const noexcept {
    return static_cast<std::uint8_t>(area_[i]);
  }
  [[nodiscard]] std::uint16_t rank(std::uint32_t i) const noexcept {
    return PlainBytes::u16(area_ + 3 * cap() + 2 * i);
  }
  void set_rank(std::uint32_t i, std::uint16_t rank) noexcept {
    put_u16(area_ + 3 * cap() + 2 * i, rank);
  }
  [[nodiscard]] std::uint32_t begin_of(std::uint32_t i) const noexcept {
    return data() + PlainBytes::u16(area_ + cap() + 2 * i);
  }
  [[nodiscard]] std::uint32_t end_of(std::uint32_t i) const noexcept {
    return i + 1 < count_ ? begin_of(i + 1) : end_;
  }
  [[nodiscard]] std::byte* at(std::uint32_t i) const noexcept { return area_ + begin_of(i); }
  [[nodiscard]] std::uint32_t size(std::uint32_t i) const noexcept {
    return end_of(i) - begin_of(i);
  }
  [[nodiscard]] SlotsView<PlainBytes> view() const noexcept { return {area_, count_, cap(), end_}; }

  /// Bytes by which append() of `bytes` makes the area longer.
  [[nodiscard]] std::uint32_t growth_for(std::uint32_t bytes) const noexcept {
    return bytes + (cap_of(count_ + 1) - cap()) * static_cast<std::uint32_t>(k_slot_bytes);
  }

  /// Adds an item of `bytes` unwritten bytes at the end; answers where to write them.
  std::byte* append(std::uint8_t tag, std::uint16_t rank, std::uint32_t bytes) noexcept {
    const auto offset = static_cast<std::uint16_t>(end_ - data());
    recap(cap_of(count_ + 1));
    const std::uint32_t i = count_++;
    area_[i] = static_cast<std::byte>(tag);
    put_u16(area_ + cap() + 2 * i, offset);
    set_rank(i, rank);
    std::byte* to = area_ + end_;
    end_ += bytes;
    return to;
  }

  /// Makes item i `bytes` long, keeping its leading bytes and all others.
  void resize(std::uint32_t i, std::uint32_t bytes) noexcept {
    const std::uint32_t begin = begin_of(i);
    const std::uint32_t stop = end_of(i);
    const std::int32_t by =
        static_cast<std::int32_t>(bytes) - static_cast<std::int32_t>(stop - begin);
    if (by == 0) return;
    std::memmove(area_ + begin + bytes, area_ + stop, end_ - stop);
    for (std::uint32_t j = i + 1; j < count_; ++j)
      shift_offset(j, by);
    end_ = static_cast<std::uint32_t>(static_cast<std::int32_t>(end_) + by);
  }

  void remove(std::uint32_t i) noexcept {
    resize(i, 0);
    const std::uint32_t after = count_ - i - 1;
    const std::uint32_t c = cap();
    std::memmove(area_ + i, area_ + i + 1, after);
    std::memmove(area_ + c + 2 * i, area_ + c + 2 * i + 2, std::size_t{2} * after);
    std::memmove(area_ + 3 * c + 2 * i, area_ + 3 * c + 2 * i + 2, std::size_t{2} * after);
    // The freed slot's bytes are zeroed so that equal content has equal bytes.
    area_[count_ - 1] = std::byte{0};
    put_u16(area_ + c + 2 * (count_ - 1), 0);
    put_u16(area_ + 3 * c + 2 * (count_ - 1), 0);
    const std::uint32_t want = cap_of(count_ - 1);
    recap(want);
    --count_;
  }

 private:
  [[nodiscard]] std::uint32_t cap_of(std::uint32_t count) const noexcept {
    return exact_ ? count : page_slots_cap(count);
  }
  [[nodiscard]] std::uint32_t data() const noexcept {
    return cap() * static_cast<std::uint32_t>(k_slot_bytes);
  }
  void shift_offset(std::uint32_t j, std::int32_t by) noexcept {
    std::byte* at = area_ + cap() + 2 * j;
    put_u16(at, static_cast<std::uint16_t>(PlainBytes::u16(at) + by));
  }
  /// Widens or narrows the table from cap() to `want`, moving the items. count_ is not changed.
  void recap(std::uint32_t want) noexcept {
    const std::uint32_t have = cap();
    if (want == have) return;
    const std::uint32_t keep = have < want ? have : want;
    const std::uint32_t items = end_ - data();
    const std::uint32_t to = want * static_cast<std::uint32_t>(k_slot_bytes);
    if (want > have) {
      std::memmove(area_ + to, area_ + data(), items);
      std::memmove(area_ + 3 * want, area_ + 3 * have, std::size_t{2} * keep);
      std::memmove(area_ + want, area_ + have, std::size_t{2} * keep);
      std::memset(area_ + have, 0, want - have);
      std::memset(area_ + want + 2 * have, 0, std::size_t{2} * (want - have));
      std::memset(area_ + 3 * want + 2 * have, 0, std::size_t{2} * (want - have));
    } else {
      std::memmove(area_ + want, area_ + have, std::size_t{2} * keep);
      std::memmove(area_ + 3 * want, area_ + 3 * have, std::size_t{2} * keep);
      std::memmove(area_ + to, area_ + data(), items);
    }
    end_ = to + items;
  }

  std::byte* area_;
  std::uint32_t count_;
  std::uint32_t end_;
  bool exact_;
};

}  // namespace ullage::engine
