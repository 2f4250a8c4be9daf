// A private copy of a bucket or leaf, edited with plain code and then stored back as a whole.
//
// Writers never edit shared bytes in place (but for same-size values and ranks): they load a page,
// change the image, and Pages::commit() stores it over the page, or in a page of another bin.
#pragma once

#include "base/check.h"
#include "engine/entry.h"
#include "engine/layout.h"
#include "engine/record.h"
#include "engine/slots.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ullage::engine {

/// The items of a bucket or leaf where they lie: in an image, or in the page itself for who holds
/// its shard's lock.
struct PageItems {
  SlotsView<PlainBytes> slots;
  bool is_leaf;

  static PageItems of(const std::byte* page) noexcept {
    PageHeader header;
    std::memcpy(&header, page, sizeof header);
    const std::uint32_t area = items_at(header.flags);
    ULLAGE_DCHECK(header.used >= area && header.used <= arena::k_page_max_bytes);
    return {{page + area, header.count, page_slots_cap(header.count), header.used - area},
            header.page_kind() == PageKind::leaf};
  }
};

class PageImage {
 public:
  /// Room for the largest page plus the largest record or entry that is then found not to fit.
  static constexpr std::size_t k_bytes = 2 * arena::k_page_max_bytes;

  PageImage() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the bytes unwritten
  PageImage(const PageImage&) = delete;  // its slots know where it lies
  PageImage& operator=(const PageImage&) = delete;

  void load(const std::byte* page) noexcept {
    std::memcpy(&header_, page, sizeof header_);
    ULLAGE_DCHECK(header_.used >= k_header_bytes && header_.used <= arena::k_page_max_bytes);
    std::memcpy(bytes_, page, header_.used);
    slots_ = SlotsEdit(bytes_ + area_at(), header_.count, header_.used - area_at(), false);
  }
  void reset(PageKind kind, unsigned depth, std::uint64_t owner) noexcept {
    header_ = PageHeader{};
    header_.kind = static_cast<std::uint8_t>(kind);
    header_.depth = static_cast<std::uint8_t>(depth);
    header_.owner = owner;
    slots_ = SlotsEdit(bytes_ + area_at(), 0, 0, false);
  }

  [[nodiscard]] PageKind kind() const noexcept { return header_.page_kind(); }
  [[nodiscard]] bool is_leaf() const noexcept { return kind() == PageKind::leaf; }
  [[nodiscard]] unsigned depth() const noexcept { return header_.depth; }
  void set_depth(unsigned depth) noexcept { header_.depth = static_cast<std::uint8_t>(depth); }
  [[nodiscard]] std::uint64_t owner() const noexcept { return header_.owner; }
  void set_owner(std::uint64_t owner) noexcept { header_.owner = owner; }
  [[nodiscard]] std::uint32_t count() const noexcept { return slots_.count(); }
  [[nodiscard]] std::uint32_t used() const noexcept { return area_at() + slots_.end(); }
  [[nodiscard]] SlotsEdit& slots() noexcept { return slots_; }
  [[nodiscard]] const SlotsEdit& slots() const noexcept { return slots_; }
  [[nodiscard]] PageItems items() const noexcept { return {slots_.view(), is_leaf()}; }

  [[nodiscard]] bool has_time() const noexcept { return header_.has_time(); }
  [[nodiscard]] std::int64_t base_ms() const noexcept {
    return has_time() ? load_page_base<PlainBytes>(bytes_ + k_header_bytes) : 0;
  }
  [[nodiscard]] std::int64_t due_ms() const noexcept {
    return has_time() ? load_page_due<PlainBytes>(bytes_ + k_header_bytes) : k_never_ms;
  }
  /// Sets both times, adding the time block if it is not there. Entries that are timed keep their
  /// bytes: only for a base that they were written for, or where there are none (see rebase.h).
  void start_time(std::int64_t base_ms, std::int64_t due_ms) noexcept {
    if (!has_time()) {
      std::memmove(bytes_ + k_header_bytes + k_time_bytes, bytes_ + k_header_bytes, slots_.end());
      header_.flags |= k_page_has_time;
      slots_ = SlotsEdit(bytes_ + area_at(), slots_.count(), slots_.end(), false);
    }
    put_time(bytes_ + k_header_bytes, base_ms);
    set_due(due_ms);
  }
  /// Takes over another image's time block, so that its timed entries can be copied as they are.
  void adopt_time(const PageImage& from) noexcept {
    if (!from.has_time()) return;
    start_time(from.base_ms(), from.due_ms());
  }
  void set_due(std::int64_t due_ms) noexcept {
    put_time(bytes_ + k_header_bytes + k_due_at, std::max<std::int64_t>(due_ms, 0));
  }
  /// Takes the time block out; only when nothing in the page has a deadline.
  void drop_time() noexcept {
    if (!has_time()) return;
    std::memmove(bytes_ + k_header_bytes, bytes_ + k_header_bytes + k_time_bytes, slots_.end());
    header_.flags = static_cast<std::uint8_t>(header_.flags & ~k_page_has_time);
    slots_ = SlotsEdit(bytes_ + area_at(), slots_.count(), slots_.end(), false);
  }

  /// The image's bytes, complete with its header, padded to whole words with zeroes.
  const std::byte* seal() noexcept {
    header_.used = static_cast<std::uint16_t>(used());
    header_.count = static_cast<std::uint16_t>(count());
    std::memcpy(bytes_, &header_, sizeof header_);
    std::memset(bytes_ + used(), 0, 8);
    return bytes_;
  }

  // --- records of a bucket ---

  [[nodiscard]] RecordHead record(std::uint32_t i) const noexcept {
    const RecordHead head = decode_record<PlainBytes>(slots_.at(i), slots_.size(i));
    ULLAGE_CHECK(!head.broken);
    return head;
  }
  /// Puts other bytes in place of record i.
  void replace_item(std::uint32_t i, const std::byte* bytes, std::uint32_t size) noexcept {
    slots_.resize(i, size);
    std::memcpy(slots_.at(i), bytes, size);
  }

 private:
  [[nodiscard]] std::uint32_t area_at() const noexcept { return items_at(header_.flags); }

  PageHeader header_;
  SlotsEdit slots_{nullptr, 0, 0, false};
  alignas(16) std::byte bytes_[k_bytes + 64];
};

/// A group record in private memory, to change its fields or extensions.
class RecordImage {
 public:
  static constexpr std::size_t k_bytes = 2 * arena::k_page_max_bytes;

  void load(const std::byte* record, std::uint32_t bytes, std::uint16_t single_rank) noexcept {
    ULLAGE_CHECK(bytes <= k_bytes / 2);
    std::memcpy(bytes_, record, bytes);
    head_ = decode_record<PlainBytes>(bytes_, bytes);
    ULLAGE_CHECK(!head_.broken);
    single_rank_ = single_rank;
  }
  [[nodiscard]] const RecordHead& head() const noexcept { return head_; }
  [[nodiscard]] const std::byte* bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return head_.bytes; }
  /// The rank that the bucket's slot must carry: that of the only field, else 0.
  [[nodiscard]] std::uint16_t slot_rank() const noexcept {
    return head_.fields == 1 && !head_.is_stub() ? single_rank_ : std::uint16_t{0};
  }
  [[nodiscard]] std::uint16_t rank(std::uint32_t i) const noexcept {
    return head_.fields == 1 ? single_rank_ : fields_edit().rank(i);
  }
  [[nodiscard]] RecordFields<PlainBytes> fields() const noexcept { return {bytes_, head_}; }

  void start(const RecordDraft& draft, bool stub) noexcept {
    std::byte* body = encode_head(bytes_, draft, 0, stub);
    head_ = RecordHead{};
    head_.flags = static_cast<std::uint8_t>(bytes_[1]);
    head_.body_at = static_cast<std::uint32_t>(body - bytes_);
    head_.bytes = head_.body_at;
  }
  void finish_stub(const Stub& stub) noexcept {
    encode_stub(bytes_ + head_.body_at, stub);
    reread(head_.body_at + k_stub_bytes);
  }
  /// Adds an entry of `size` bytes; answers where to write them. The tag of a present single entry
  /// must be given, since a record of one field keeps none.
  std::byte* append(std::uint8_t tag, std::uint16_t rank, std::uint32_t size,
                    std::uint8_t single_tag) noexcept {
    std::byte* body = bytes_ + head_.body_at;
    if (head_.fields == 0) {
      single_rank_ = rank;
      finish(1, head_.body_at + size);
      return body;
    }
    if (head_.fields == 1) {
      const std::uint32_t first = head_.body_bytes();
      std::memmove(body + k_slot_bytes, body, first);
      SlotsEdit table(body, 1, first + static_cast<std::uint32_t>(k_slot_bytes), true);
      body[0] = static_cast<std::byte>(single_tag);
      put_u16(body + 1, 0);
      table.set_rank(0, single_rank_);
      std::byte* to = table.append(tag, rank, size);
      finish(2, head_.body_at + table.end());
      return to;
    }
    SlotsEdit table = fields_edit();
    std::byte* to = table.append(tag, rank, size);
    finish(head_.fields + 1, head_.body_at + table.end());
    return to;
  }
  /// Makes entry i `size` bytes long; answers where it is.
  std::byte* resize(std::uint32_t i, std::uint32_t size) noexcept {
    if (head_.fields == 1) {
      finish(1, head_.body_at + size);
      return bytes_ + head_.body_at;
    }
    SlotsEdit table = fields_edit();
    table.resize(i, size);
    finish(head_.fields, head_.body_at + table.end());
    return bytes_ + head_.body_at + table.begin_of(i);
  }
  /// Notes in the record's kind, if it keeps one, that an entry of it was lost.
  void note_loss() noexcept {
    if (head_.kind_at != 0) bytes_[head_.kind_at] |= std::byte{k_kind_lost};
  }
  void set_rank(std::uint32_t i, std::uint16_t rank) noexcept {
    if (head_.fields == 1) {
      single_rank_ = rank;
    } else {
      fields_edit().set_rank(i, rank);
    }
  }
  /// Removes entry i; a record that is left without fields must be removed by the caller.
  void remove(std::uint32_t i) noexcept {
    if (head_.fields == 1) {
      finish(0, head_.body_at);
      return;
    }
    SlotsEdit table = fields_edit();
    if (head_.fields == 2) {
      const std::uint32_t stay = 1 - i;
      single_rank_ = table.rank(stay);
      const std::uint32_t size = table.size(stay);
      std::memmove(bytes_ + head_.body_at, bytes_ + head_.body_at + table.begin_of(stay), size);
      finish(1, head_.body_at + size);
      return;
    }
    table.remove(i);
    finish(head_.fields - 1, head_.body_at + table.end());
  }
  /// Writes the head anew (extensions, name), keeping the body. The draft's name must not view this
  /// image.
  void rehead(const RecordDraft& draft) noexcept {
    std::byte copy[k_bytes];
    const std::uint32_t body = head_.body_bytes();
    std::memcpy(copy, bytes_ + head_.body_at, body);
    const bool stub = head_.is_stub();
    const std::uint32_t fields = head_.fields;
    std::byte* to = encode_head(bytes_, draft, fields, stub);
    std::memcpy(to, copy, body);
    reread(static_cast<std::uint32_t>(to - bytes_) + body);
  }

 private:
  [[nodiscard]] SlotsEdit fields_edit() const noexcept {
    return {const_cast<std::byte*>(bytes_) + head_.body_at, head_.fields, head_.body_bytes(), true};
  }
  void finish(std::uint32_t fields, std::uint32_t bytes) noexcept {
    bytes_[0] = static_cast<std::byte>(fields);
    if (fields == 0) {
      head_.fields = 0;
      head_.bytes = bytes;
      return;
    }
    reread(bytes);
  }
  void reread(std::uint32_t bytes) noexcept {
    head_ = decode_record<PlainBytes>(bytes_, bytes);
    ULLAGE_DCHECK(!head_.broken);
  }

  RecordHead head_;
  std::uint16_t single_rank_ = 0;
  alignas(16) std::byte bytes_[k_bytes];
};

}  // namespace ullage::engine
