// Walks towards many entries at once, only so that their bytes are near when they are read or
// written one by one.
//
// An entry is some five dependent lines away: reference, bucket, record, leaf, entry. One walk
// waits for each; many walks in step, each asking for its next line before any looks at its own,
// wait for all of them together. Nothing is believed: a walk that meets something odd, because a
// writer is at it, ends there. So no versions are looked at, and nothing is counted as a use.
#pragma once

#include "base/words.h"
#include "engine/directory.h"
#include "engine/layout.h"
#include "engine/lookup.h"
#include "engine/record.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>

namespace ullage::engine {

class AheadWalk {
 public:
  /// Hashes the names and asks for the first line.
  void begin(const State& state, std::string_view group, std::string_view field) noexcept {
    state_ = &state;
    names_ = state.names(group, field);
    hash_ = state.in_shard(names_.group_hash);
    page_kind_ = PageKind::bucket;
    ref_at_ = reinterpret_cast<const std::byte*>(state.shard_of(names_.group_hash).refs) +
              4 * leading_bits(hash_, 0, k_shard_node_bits);
    stage_ = Stage::reference;
    nodes_ = 0;
    __builtin_prefetch(ref_at_);
  }

  /// Looks at what was asked for, and asks for the next; false once there is nothing more to ask
  /// for.
  bool step() noexcept {
    switch (stage_) {
      case Stage::reference:
        return follow(base::load_u32(ref_at_));
      case Stage::page:
        return look_at_page();
      case Stage::record:
        return look_at_record();
      case Stage::done:
        break;
    }
    return false;
  }

 private:
  enum class Stage : std::uint8_t { reference, page, record, done };
  static constexpr int k_nodes_max = 12;
  // Header, tags, offsets and ranks of all but the fullest pages.
  static constexpr std::size_t k_page_lines = 6;
  static constexpr std::size_t k_item_lines = 2;

  bool done() noexcept {
    stage_ = Stage::done;
    return false;
  }

  bool follow(Ref ref) noexcept {
    if (ref == k_no_ref || !state_->arena->plausible(ref)) return done();
    page_ = state_->page(ref);
    prefetch_lines(page_, k_page_lines);
    stage_ = Stage::page;
    return true;
  }

  bool look_at_page() noexcept {
    const PageHeader header = load_header(page_);
    if (header.page_kind() == page_kind_) {
      slots_ = open_slots(page_, header);
      if (!slots_.sane) return done();
      tag_ = page_kind_ == PageKind::bucket ? names_.group_tag() : names_.field_tag();
      candidate_ = slots_.slots.find_tag(tag_, 0);
      if (candidate_ >= slots_.slots.count()) return done();
      prefetch_lines(slots_.slots.item(candidate_).at, k_item_lines);
      if (page_kind_ == PageKind::leaf) return done();
      stage_ = Stage::record;
      return true;
    }
    const bool is_node =
        header.page_kind() ==
        (page_kind_ == PageKind::bucket ? PageKind::shard_node : PageKind::group_node);
    if (!is_node || header.depth > k_depth_max || header.count == 0 ||
        header.count > k_node_bits_max || ++nodes_ > k_nodes_max)
      return done();
    ref_at_ = page_ + k_header_bytes + 4 * leading_bits(hash_, header.depth, header.count);
    __builtin_prefetch(ref_at_);
    stage_ = Stage::reference;
    return true;
  }

  bool look_at_record() noexcept {
    const auto& slots = slots_.slots;
    for (std::uint32_t i = candidate_; i < slots.count(); i = slots.find_tag(tag_, i + 1)) {
      const auto item = slots.item(i);
      const RecordHead head = decode_record<SharedBytes>(item.at, item.bytes);
      if (head.broken || head.name_bytes != names_.group.size() ||
          !base::equals(item.at + head.name_at, names_.group))
        continue;
      if (!head.is_stub()) {
        const RecordFields<SharedBytes> fields(item.at, head);
        const std::uint32_t found = fields.find_tag(names_.field_tag(), 0);
        if (found < fields.count()) prefetch_lines(fields.item(found).at, k_item_lines);
        return done();
      }
      hash_ = names_.field_hash;
      page_kind_ = PageKind::leaf;
      return follow(base::load_u32(item.at + head.body_at + k_stub_root_at));
    }
    return done();
  }

  const State* state_ = nullptr;
  Names names_{};
  std::uint64_t hash_ = 0;
  const std::byte* ref_at_ = nullptr;
  std::byte* page_ = nullptr;
  PageSlots slots_;
  PageKind page_kind_ = PageKind::bucket;
  Stage stage_ = Stage::done;
  std::uint8_t tag_ = 0;
  std::uint32_t candidate_ = 0;
  int nodes_ = 0;
};

}  // namespace ullage::engine
