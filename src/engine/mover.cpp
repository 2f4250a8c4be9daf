#include "engine/mover.h"

#include "base/words.h"
#include "engine/items.h"

#include <cstring>

namespace ullage::engine {

bool Mover::move(const OwnedPage& owned, Ref page, std::size_t keep_slabs, CallWork& work) {
  Shard& shard = owned.shard();
  const PageHeader& header = owned.header();
  bool moved = false;
  if (header.page_kind() == PageKind::bucket || header.page_kind() == PageKind::shard_node) {
    moved = pages_.relocate(directory_.shard_level(shard), page, header,
                            state_.in_shard(header.owner), keep_slabs);
  } else if (header.page_kind() == PageKind::piece) {
    moved = move_piece(owned, page, keep_slabs);
  } else {
    const Ref anchor = owner_anchor(header.owner);
    const GroupPlace group =
        lookup_.group_of_anchor(shard, load_header(state_.page(anchor)).owner, anchor);
    moved = group && group.head.is_stub() &&
            pages_.relocate(directory_.group_level(shard, group.stub_body(), anchor), page, header,
                            owner_path(header.owner), keep_slabs);
  }
  if (moved) {
    state_.count(Counter::pages_moved);
    ++work.pages_freed;
    work.entries_moved += header.count;
  }
  return moved;
}

bool Mover::move_piece(const OwnedPage& owned, Ref page, std::size_t keep_slabs) {
  // Later pieces of an owed chain look like any other: the debt must stand still, and what the
  // header said before is looked at again.
  const auto debt_stands_still = debt_.hold();
  const PageHeader header = load_header(state_.page(page));
  if (header.page_kind() != PageKind::piece || header.owner != owned.header().owner) return false;
  std::byte* referrer = nullptr;
  if ((header.flags & k_piece_first) == 0) {
    const Ref before = base::load_u32(state_.page(page) + k_piece_back_at);
    if (base::load_u32(state_.page(before) + k_piece_next_at) == page)
      referrer = state_.page(before) + k_piece_next_at;
  } else if (const auto target = target_of(state_, directory_, lookup_, owned, page)) {
    const PageItems items = PageItems::of(state_.page(target->found.page));
    for_each_entry(items, [&](EntryPlace, const std::byte* at, std::uint32_t size, policy::Rank) {
      // Only the long form has pieces; and what is shorter may end with the page.
      if (PlainBytes::u8(at) < detail::k_long) return;
      const EntryHead e = decode_entry<PlainBytes>(at, size, 0);
      if (!e.pieces || decode_link<PlainBytes>(at + e.value_at).first != page) return;
      referrer = const_cast<std::byte*>(at + e.value_at);
    });
  }
  if (referrer == nullptr) return false;
  const Ref fresh = state_.arena->alloc(header.used, keep_slabs);
  if (fresh == k_no_ref) return false;
  alignas(8) std::byte copy[arena::k_page_max_bytes + 8];
  std::memcpy(copy, state_.page(page), header.used);
  std::memset(copy + header.used, 0, 8);
  base::store_image(state_.page(fresh), copy, header.used);
  const Ref next = base::load_u32(state_.page(page) + k_piece_next_at);
  {
    const Change change(owned.shard());
    base::store_bytes(referrer, &fresh, sizeof fresh);
    if (next != k_no_ref)
      base::store_bytes(state_.page(next) + k_piece_back_at, &fresh, sizeof fresh);
  }
  state_.arena->free(page);
  return true;
}

}  // namespace ullage::engine
