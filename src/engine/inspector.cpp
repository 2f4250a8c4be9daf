#include "engine/inspector.h"

#include "base/words.h"
#include "engine/items.h"
#include "engine/owner.h"
#include "engine/piece.h"

#include <algorithm>
#include <utility>

namespace ullage::engine {

namespace {
/// Decoders read whole words, a little behind what they are asked for.
constexpr std::size_t k_behind_bytes = 64;

bool group_ends(const State& state, const std::byte* record, const RecordHead& head) noexcept {
  return head.ttl_at != 0 || group_limits_of(state, record, head).idle_ttl.count() > 0;
}

bool has_owner(PageKind kind) noexcept {
  return kind != PageKind::free && kind != PageKind::pending;
}
std::optional<std::uint64_t> named_hash(const State& state, const PageHeader& header) noexcept {
  return header.page_kind() == PageKind::anchor ? std::optional(header.owner)
                                                : owner_group_hash(state, header);
}
}  // namespace

Inspector::Inspector(State& state, const Directory& directory)
    : state_(state),
      directory_(directory),
      lookup_(state, directory),
      tick_(state.ranking->now()),
      now_ms_(state.now_ms()),
      bytes_(std::make_unique<std::byte[]>(state.arena->slab_bytes() + k_behind_bytes)) {}

void Inspector::copy_free(Copy& copy) noexcept {
  for (int n = 0; n < k_tries; ++n) {
    copy.header = load_header(state_.page(copy.ref));
    if (!has_owner(copy.header.page_kind())) {
      copy.is_settled = true;
      return;
    }
    const auto hash = named_hash(state_, copy.header);
    if (!hash) continue;
    const base::VersionLock& lock = state_.shard_of(*hash).lock;
    // A page that is new is written while its shard is held, before the version says so.
    if (lock.is_held()) {
      base::cpu_pause();
      continue;
    }
    const auto version = lock.begin_read();
    const PageHeader header = load_header(state_.page(copy.ref));
    if (named_hash(state_, header) != hash || header.used < k_header_bytes) continue;
    const std::size_t room = state_.arena->page_bytes(copy.ref);
    if (header.used > room) continue;
    base::copy_out(bytes_.get() + used_, state_.page(copy.ref), header.used);
    if (!lock.validate(version) || lock.is_held()) continue;
    copy.header = header;
    copy.group_hash = *hash;
    copy.at = used_;
    copy.is_settled = true;
    used_ += (header.used + 7U) & ~std::size_t{7};
    return;
  }
}

void Inspector::copy_locked(Copy& copy, std::size_t page_bytes) {
  const auto owned = lock_owner(state_, copy.ref, true);
  if (!owned) return;
  const PageHeader& header = owned->header();
  const auto hash = owner_group_hash(state_, header);
  if (!hash || header.used < k_header_bytes || header.used > page_bytes) return;
  // The slab may have been cut anew: what looks like a page may be the middle of another. Of nodes
  // and pieces no more is used than the header says; a table of items must be one.
  const bool has_items =
      header.page_kind() == PageKind::bucket || header.page_kind() == PageKind::leaf;
  if (has_items && !target_of(state_, directory_, lookup_, *owned, copy.ref)) return;
  base::copy_out(bytes_.get() + used_, state_.page(copy.ref), header.used);
  copy.header = header;
  copy.group_hash = *hash;
  copy.at = used_;
  copy.is_settled = true;
  used_ += (header.used + 7U) & ~std::size_t{7};
}

bool Inspector::look_at(std::uint32_t slab) {
  copies_.clear();
  holdings_.clear();
  used_ = 0;
  // Nobody refers to names any more.
  old_groups_.clear();
  old_piece_owners_.clear();
  if (groups_.size() > k_names_max) groups_.clear();
  if (piece_owners_.size() > k_names_max) piece_owners_.clear();
  const arena::Arena::SlabLook look = state_.arena->look_at(slab, [&](Ref ref) {
    Copy& copy = copies_.emplace_back();
    copy.ref = ref;
    copy_free(copy);
  });
  hold_bytes_ = used_;
  if (!look.is_resident) return false;
  for (Copy& copy : copies_) {
    if (!copy.is_settled) copy_locked(copy, look.page_bytes);
    if (!copy.is_settled) ++unsettled_;
    add_page(copy, look.page_bytes);
  }
  // Pages that are free, what is left behind the last, and pages that were taken but not written.
  Holding free;
  free.bytes.slack = state_.arena->slab_bytes() - copies_.size() * look.page_bytes;
  if (free.bytes.slack != 0) holdings_.push_back(free);
  return true;
}

void Inspector::hold(const Holding& holding, std::uint64_t& left) {
  left -= holding.bytes.sum();
  holdings_.push_back(holding);
}

void Inspector::add_page(const Copy& copy, std::size_t page_bytes) {
  std::uint64_t left = page_bytes;
  Holding rest;  // what is left when the parts have theirs
  value_bytes_ = 0;
  if (copy.is_settled && has_owner(copy.header.page_kind())) {
    const std::byte* page = bytes_.get() + copy.at;
    const Ref anchor = owner_anchor(copy.header.owner);
    switch (copy.header.page_kind()) {
      case PageKind::bucket:
        add_bucket(page, copy.header, left);
        break;
      case PageKind::leaf:
        rest = of_group(anchor, copy.group_hash);
        add_leaf(copy, page, left);
        break;
      case PageKind::piece:
        rest = of_group(anchor, copy.group_hash);
        add_piece(copy, left);
        break;
      case PageKind::group_node:
        rest = of_group(anchor, copy.group_hash);
        [[fallthrough]];
      case PageKind::shard_node: {
        Holding index = rest;
        index.bytes.index = copy.header.used;
        hold(index, left);
        break;
      }
      case PageKind::anchor: {
        rest = of_group(copy.ref, copy.group_hash);
        Holding header = rest;
        header.bytes.header = std::min<std::uint64_t>(k_anchor_bytes, page_bytes);
        hold(header, left);
        break;
      }
      case PageKind::free:
      case PageKind::pending:
        break;
    }
  }
  rest.bytes.slack = left;
  rest.value_bytes = value_bytes_;
  if (left != 0) holdings_.push_back(rest);
}

void Inspector::add_bucket(const std::byte* page, const PageHeader& header, std::uint64_t& left) {
  const PageItems items = PageItems::of(page);
  const std::int64_t base_ms =
      header.has_time() ? load_page_base<PlainBytes>(page + k_header_bytes) : 0;
  Holding own;  // the page's own header and table
  own.bytes.header = header.used;
  items.slots.for_each([&](std::uint32_t /*i*/, auto item, policy::Rank only_rank) {
    const RecordHead head = decode_record<PlainBytes>(item.at, item.bytes);
    if (head.broken) return;
    own.bytes.header -= item.bytes + k_slot_bytes;
    Holding group;
    group.group = chars(item.at + head.name_at, head.name_bytes);
    group.has_group = true;
    group.class_pattern = class_pattern(head.class_id);
    group.ends = group_ends(state_, item.at, head);
    Holding record = group;
    record.bytes.header = item.bytes + k_slot_bytes;
    if (!head.is_stub()) {
      const RecordFields<PlainBytes> fields(item.at, head);
      for (std::uint32_t f = 0; f < fields.count(); ++f) {
        const auto entry = fields.item(f);
        const bool is_only = fields.count() == 1;
        const auto slot_bytes = is_only ? 0U : static_cast<std::uint32_t>(k_slot_bytes);
        add_entry(group, entry.at, entry.bytes, slot_bytes, base_ms,
                  is_only ? only_rank : fields.slots().rank(f), left);
        record.bytes.header -= entry.bytes + slot_bytes;
      }
    }
    hold(record, left);
  });
  hold(own, left);
}

void Inspector::add_leaf(const Copy& copy, const std::byte* page, std::uint64_t& left) {
  const PageItems items = PageItems::of(page);
  const std::int64_t base_ms =
      copy.header.has_time() ? load_page_base<PlainBytes>(page + k_header_bytes) : 0;
  const Holding group = of_group(owner_anchor(copy.header.owner), copy.group_hash);
  Holding own = group;
  own.bytes.header = copy.header.used;
  items.slots.for_each([&](std::uint32_t /*i*/, auto item, policy::Rank rank) {
    add_entry(group, item.at, item.bytes, k_slot_bytes, base_ms, rank, left);
    own.bytes.header -= item.bytes + k_slot_bytes;
  });
  hold(own, left);
}

void Inspector::add_piece(const Copy& copy, std::uint64_t& left) {
  const Ref anchor = owner_anchor(copy.header.owner);
  Holding piece = of_group(anchor, copy.group_hash);
  const PieceOwner& owner = piece_owner(anchor, copy.group_hash, owner_path(copy.header.owner));
  if (owner.field) {
    piece.field = *owner.field;
    piece.has_field = true;
    piece.value_bytes = value_bytes_ = owner.value_bytes;
    piece.idle = idle(owner.rank);
    piece.was_read = !policy::Ranking::is_unread(owner.rank);
    piece.ends = piece.ends || owner.ends;
  }
  piece.bytes.header = std::min<std::uint64_t>(k_piece_data_at, copy.header.used);
  piece.bytes.value = copy.header.used - piece.bytes.header;
  hold(piece, left);
}

void Inspector::add_entry(const Holding& owner, const std::byte* at, std::uint32_t bytes,
                          std::uint32_t slot_bytes, std::int64_t base_ms, policy::Rank rank,
                          std::uint64_t& left) {
  Holding entry = owner;
  entry.entries = 1;
  entry.bytes.header = bytes + slot_bytes;
  const EntryHead head = decode_entry<PlainBytes>(at, bytes, base_ms);
  if (!head.broken) {
    entry.field = chars(at + head.field_at, head.field_bytes);
    entry.has_field = true;
    entry.bytes.field = head.field_bytes;
    entry.bytes.value = head.pieces ? 0 : head.inline_bytes;
    entry.bytes.header -= entry.bytes.field + entry.bytes.value;
    entry.value_bytes =
        head.pieces ? decode_link<PlainBytes>(at + head.value_at).bytes : head.inline_bytes;
    value_bytes_ = entry.value_bytes;
    entry.idle = idle(rank);
    entry.was_read = !policy::Ranking::is_unread(rank);
    entry.ends = entry.ends || head.deadline_ms != k_never_ms;
  }
  hold(entry, left);
}

Holding Inspector::of_group(Ref anchor, std::uint64_t group_hash) {
  Holding holding;
  const GroupName& name = group_name(anchor, group_hash);
  if (!name.text) return holding;
  holding.group = *name.text;
  holding.has_group = true;
  holding.class_pattern = class_pattern(name.class_id);
  holding.ends = name.ends;
  return holding;
}

std::string_view Inspector::class_pattern(ClassId id) {
  if (id == k_no_class) return {};
  const auto found = class_patterns_.find(id);
  if (found != class_patterns_.end()) return found->second;
  return class_patterns_.emplace(id, state_.classes.copy_pattern(id)).first->second;
}

const Inspector::GroupName& Inspector::group_name(Ref anchor, std::uint64_t group_hash) {
  const auto found = groups_.find(anchor);
  if (found != groups_.end() && found->second.group_hash == group_hash) return found->second;
  GroupName name{group_hash, std::nullopt, k_no_class, false};
  {
    Shard& shard = state_.shard_of(group_hash);
    const ShardGuard guard(shard);
    const GroupPlace place = lookup_.group_of_anchor(shard, group_hash, anchor);
    if (place) {
      name.text = chars(place.record + place.head.name_at, place.head.name_bytes);
      name.class_id = place.head.class_id;
      name.ends = group_ends(state_, place.record, place.head);
    }
  }
  // Another group may have the anchor by now; who was named before keeps its name.
  if (found != groups_.end()) old_groups_.push_back(groups_.extract(found));
  return groups_.emplace(anchor, std::move(name)).first->second;
}

const Inspector::PieceOwner& Inspector::piece_owner(Ref anchor, std::uint64_t group_hash,
                                                    std::uint64_t path) {
  const std::uint64_t word = pack_owner(anchor, path);
  const auto found = piece_owners_.find(word);
  if (found != piece_owners_.end() && found->second.group_hash == group_hash) return found->second;
  if (found != piece_owners_.end()) old_piece_owners_.push_back(piece_owners_.extract(found));
  return piece_owners_.emplace(word, find_piece_owner(anchor, group_hash, path)).first->second;
}

Inspector::PieceOwner Inspector::find_piece_owner(Ref anchor, std::uint64_t group_hash,
                                                  std::uint64_t path) const {
  PieceOwner owner;
  owner.group_hash = group_hash;
  Shard& shard = state_.shard_of(group_hash);
  const ShardGuard guard(shard);
  const GroupPlace place = lookup_.group_of_anchor(shard, group_hash, anchor);
  if (!place) return owner;
  const auto look = [&](const auto& item, std::int64_t base_ms, policy::Rank rank) {
    const EntryHead head = decode_entry<PlainBytes>(item.at, item.bytes, base_ms);
    if (head.broken || !head.pieces) return;
    const std::string_view field = chars(item.at + head.field_at, head.field_bytes);
    if (owner_path(state_.hash_field(field)) != path) return;
    owner.field = field;
    owner.value_bytes = decode_link<PlainBytes>(item.at + head.value_at).bytes;
    owner.rank = rank;
    owner.ends = head.deadline_ms != k_never_ms;
  };
  if (!place.head.is_stub()) {
    const RecordFields<PlainBytes> fields(place.record, place.head);
    for (std::uint32_t i = 0; i < fields.count(); ++i) {
      look(fields.item(i), place.page.base_ms,
           fields.count() == 1 ? place.page.slots.rank(place.item) : fields.slots().rank(i));
    }
    return owner;
  }
  const Level level = directory_.group_level(shard, place.stub_body(), place.anchor());
  const Found found = directory_.find(level, path);
  if (found.page == k_no_ref) return owner;
  const PageSlots leaf = open_slots(state_.page(found.page), found.header);
  for (std::uint32_t i = 0; i < leaf.slots.count(); ++i)
    look(leaf.slots.item(i), leaf.base_ms, leaf.slots.rank(i));
  return owner;
}

}  // namespace ullage::engine
