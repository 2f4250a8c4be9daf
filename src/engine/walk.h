// One of many walks towards entries that go in step, so that they wait for memory together.
//
// An entry is some five dependent lines away: reference, bucket, record, leaf, entry. A single read
// waits for each; walks in step, each asking for its next line before any looks at its own, wait
// for all of them together (after Kocberber, Falsafi, Grot: "Asynchronous memory access chaining",
// 2015). A walk takes no lock: every reference and offset is checked before it is followed, and who
// believes what it found asks the shard's version afterwards (Reader::finish()). What is not the
// common case ends as `unsure`.
#pragma once

#include "base/words.h"
#include "engine/directory.h"
#include "engine/layout.h"
#include "engine/lookup.h"
#include "engine/record.h"
#include "engine/state.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ullage::engine {

class Walk {
 public:
  /// Asks for the first line.
  void begin(const State& state, const Names& names) noexcept {
    state_ = &state;
    names_ = names;
    shard_ = &state.shard_of(names.group_hash);
    hash_ = state.in_shard(names.group_hash);
    page_kind_ = PageKind::bucket;
    ref_at_ = reinterpret_cast<const std::byte*>(shard_->refs) +
              4 * leading_bits(hash_, 0, k_shard_node_bits);
    stage_ = Stage::start;
    nodes_ = 0;
    has_group_ = false;
    class_id_ = k_no_class;
    __builtin_prefetch(shard_);
    __builtin_prefetch(ref_at_);
  }

  /// Looks at what was asked for, and asks for the next; false once there is nothing more to ask
  /// for.
  bool step() noexcept {
    switch (stage_) {
      case Stage::start:
        version_ = shard_->lock.begin_read();
        return follow(base::load_u32(ref_at_));
      case Stage::reference:
        return follow(base::load_u32(ref_at_));
      case Stage::page:
        return look_at_page();
      case Stage::slot:
        return look_at_slot();
      case Stage::record:
        return look_at_record();
      case Stage::absent:
      case Stage::found:
      case Stage::unsure:
        break;
    }
    return false;
  }

  // --- after the last step ---

  [[nodiscard]] bool is_absent() const noexcept { return stage_ == Stage::absent; }
  [[nodiscard]] bool is_unsure() const noexcept { return stage_ == Stage::unsure; }
  [[nodiscard]] const Names& names() const noexcept { return names_; }
  [[nodiscard]] Shard& shard() const noexcept { return *shard_; }
  [[nodiscard]] base::VersionLock::Version version() const noexcept { return version_; }
  /// Whether the group is there, and its class.
  [[nodiscard]] bool has_group() const noexcept { return has_group_; }
  [[nodiscard]] ClassId class_id() const noexcept { return class_id_; }

  /// The entry's bytes, among those that bear its tag. REQUIRES: neither absent nor unsure.
  [[nodiscard]] EntryPos entry() const noexcept {
    EntryPos pos;
    if (fields_ == 1) {
      if (matches(pos, body_, body_bytes_)) pos.rank_at = const_cast<std::byte*>(slot_rank_at_);
      return pos;
    }
    for (std::uint32_t i = candidate_; i < slots_.count();
         i = slots_.find_tag(names_.field_tag(), i + 1)) {
      const auto item = slots_.item(i);
      if (!matches(pos, item.at, item.bytes)) {
        if (pos.broken) return pos;
        continue;
      }
      pos.rank_at = const_cast<std::byte*>(slots_.rank_at(i));
      return pos;
    }
    return pos;
  }

 private:
  enum class Stage : std::uint8_t {
    start,
    reference,
    page,
    slot,
    record,
    absent,
    found,
    unsure,
  };
  static constexpr int k_nodes_max = 12;
  // The header and the tags of all but the fullest pages; more would be in each other's way.
  static constexpr std::size_t k_page_lines = 1;
  static constexpr std::size_t k_item_lines = 2;

  bool end(Stage stage) noexcept {
    stage_ = stage;
    return false;
  }

  bool follow(Ref ref) noexcept {
    if (ref == k_no_ref) return end(Stage::absent);
    if (!state_->arena->plausible(ref)) return end(Stage::unsure);
    page_ = state_->page(ref);
    prefetch_lines(page_, k_page_lines);
    stage_ = Stage::page;
    return true;
  }

  bool look_at_page() noexcept {
    const PageHeader header = load_header(page_);
    if (header.page_kind() != page_kind_) return look_at_node(header);
    const PageSlots page = open_slots(page_, header);
    if (!page.sane) return end(Stage::unsure);
    slots_ = page.slots;
    base_ms_ = page.base_ms;
    const bool is_leaf = page_kind_ == PageKind::leaf;
    candidate_ = slots_.find_tag(is_leaf ? names_.field_tag() : names_.group_tag(), 0);
    if (candidate_ >= slots_.count()) return end(Stage::absent);
    slots_.ask_offset(candidate_);
    stage_ = Stage::slot;
    return true;
  }

  bool look_at_slot() noexcept {
    prefetch_lines(slots_.item(candidate_).at, k_item_lines);
    if (page_kind_ == PageKind::leaf) return end(Stage::found);
    stage_ = Stage::record;
    return true;
  }

  bool look_at_node(const PageHeader& header) noexcept {
    const bool is_node =
        header.page_kind() ==
        (page_kind_ == PageKind::bucket ? PageKind::shard_node : PageKind::group_node);
    if (!is_node || header.depth > k_depth_max || header.count == 0 ||
        header.count > k_node_bits_max || ++nodes_ > k_nodes_max)
      return end(Stage::unsure);
    ref_at_ = page_ + k_header_bytes + 4 * leading_bits(hash_, header.depth, header.count);
    __builtin_prefetch(ref_at_);
    stage_ = Stage::reference;
    return true;
  }

  bool look_at_record() noexcept {
    for (std::uint32_t i = candidate_; i < slots_.count();
         i = slots_.find_tag(names_.group_tag(), i + 1)) {
      const auto item = slots_.item(i);
      const RecordHead head = decode_record<SharedBytes>(item.at, item.bytes);
      if (head.broken) return end(Stage::unsure);
      if (head.name_bytes != names_.group.size() ||
          !base::equals(item.at + head.name_at, names_.group))
        continue;
      has_group_ = true;
      class_id_ = head.class_id;
      return head.is_stub() ? enter_large(item.at, head) : enter_small(item.at, head, i);
    }
    return end(Stage::absent);
  }

  // The group has times or limits of its own to look at.
  [[nodiscard]] bool is_special(const RecordHead& head) const noexcept {
    return head.ttl_at != 0 || head.idle_at != 0 || head.limits_at != 0 ||
           (head.class_id != k_no_class && state_->classes.limit_groups() &&
            state_->classes.idle_ms(head.class_id) > 0);
  }

  bool enter_small(const std::byte* record, const RecordHead& head, std::uint32_t slot) noexcept {
    const RecordFields<SharedBytes> fields(record, head);
    if (fields.count() != 1 && !fields.slots().sane()) return end(Stage::unsure);
    candidate_ = fields.find_tag(names_.field_tag(), 0);
    if (candidate_ < fields.count()) prefetch_lines(fields.item(candidate_).at, k_item_lines);
    if (is_special(head)) return end(Stage::unsure);
    if (candidate_ >= fields.count()) return end(Stage::absent);
    fields_ = fields.count();
    body_ = record + head.body_at;
    body_bytes_ = head.body_bytes();
    slot_rank_at_ = slots_.rank_at(slot);
    slots_ = fields.slots();
    return end(Stage::found);
  }

  bool enter_large(const std::byte* record, const RecordHead& head) noexcept {
    if (is_special(head)) return end(Stage::unsure);
    fields_ = 0;
    hash_ = names_.field_hash;
    page_kind_ = PageKind::leaf;
    nodes_ = 0;
    return follow(base::load_u32(record + head.body_at + k_stub_root_at));
  }

  [[nodiscard]] bool matches(EntryPos& pos, const std::byte* at,
                             std::uint32_t bytes) const noexcept {
    const EntryHead e = decode_entry<SharedBytes>(at, bytes, base_ms_);
    pos.broken = e.broken;
    if (e.broken || e.field_bytes != names_.field.size() ||
        !base::equals(at + e.field_at, names_.field))
      return false;
    pos.at = const_cast<std::byte*>(at);
    pos.bytes = bytes;
    pos.head = e;
    return true;
  }

  const State* state_ = nullptr;
  Shard* shard_ = nullptr;
  base::VersionLock::Version version_ = 0;
  Names names_{};
  std::uint64_t hash_ = 0;  // at the level that is being walked
  const std::byte* ref_at_ = nullptr;
  std::byte* page_ = nullptr;
  SlotsView<SharedBytes> slots_{nullptr, 0, 0, 0};
  std::int64_t base_ms_ = 0;
  std::uint32_t candidate_ = 0;  // the first slot that bears the tag
  std::uint32_t fields_ = 0;     // of a small group
  const std::byte* body_ = nullptr;
  std::uint32_t body_bytes_ = 0;
  const std::byte* slot_rank_at_ = nullptr;
  int nodes_ = 0;
  bool has_group_ = false;
  ClassId class_id_ = k_no_class;
  PageKind page_kind_ = PageKind::bucket;
  Stage stage_ = Stage::unsure;
};

/// Up to 64 walks in step, to their ends.
template <std::size_t N>
void walk_together(std::array<Walk, N>& walks, std::uint64_t under_way) noexcept {
  static_assert(N <= 64, "a bit each");
  while (under_way != 0) {
    for (std::uint64_t left = under_way; left != 0; left &= left - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(left));
      if (!walks[i].step()) under_way &= ~(std::uint64_t{1} << i);
    }
  }
}

}  // namespace ullage::engine
