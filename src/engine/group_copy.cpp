#include "engine/group_copy.h"

#include "base/words.h"
#include "engine/items.h"

#include <algorithm>

namespace ullage::engine {

namespace {
constexpr std::size_t k_pad_bytes = k_group_view_pad_bytes;
static_assert(k_pad_bytes >= 8, "codecs read whole words");
/// Steps along a directory that a group of the most fields may take; a torn one might have more.
constexpr std::size_t k_steps_max = 8 * k_group_edit_max_fields;

std::size_t padded(std::size_t bytes) noexcept {
  return (bytes + k_pad_bytes + 7) & ~std::size_t{7};
}
}  // namespace

void GroupCopy::clear() noexcept {
  kind_ = 0;
  class_id_ = k_no_class;
  has_record_ = wants_use_noted_ = false;
  bytes_ = 0;
  entries_.clear();
  places_.clear();
  ended_.clear();
  ended_places_.clear();
  blocks_.clear();
  free_ = inline_;
  left_ = sizeof inline_;
}

std::byte* GroupCopy::room_for(std::size_t bytes) {
  bytes = padded(bytes);
  if (bytes > left_) {
    left_ = std::max(bytes, k_block_bytes);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
    free_ = blocks_.back().get();
  }
  std::byte* const at = free_;
  free_ += bytes;
  left_ -= bytes;
  return at;
}

GroupCopy::Taken GroupCopy::take(Shard& shard, std::string_view name, std::uint64_t hash, For use) {
  clear();
  use_ = use;
  now_ms_ = state_.now_ms();
  const GroupPlace group = lookup_.group(shard, name, hash);
  if (group.broken) return Taken::torn;
  if (!group) return Taken::absent;
  has_record_ = true;
  class_id_ = group.head.class_id;
  if (group_end_ms(state_, group.record, group.head) <= now_ms_) return Taken::absent;
  if (group.head.kind_at != 0) kind_ = base::load_u8(group.record + group.head.kind_at);
  if (const std::int64_t idle_ms =
          group_limits_of(state_, group.record, group.head).idle_ttl.count();
      idle_ms > 0) {
    wants_use_noted_ =
        group.head.idle_at == 0 ||
        now_ms_ - static_cast<std::int64_t>(base::load_u64(group.record + group.head.idle_at)) >
            idle_ms / 16;
  }
  const Taken taken = group.head.is_stub() ? take_leaves(shard, group) : take_record(group);
  return taken == Taken::whole && entries_.empty() ? Taken::absent : taken;
}

GroupCopy::Taken GroupCopy::take_record(const GroupPlace& group) {
  const std::uint32_t bytes = group.head.bytes;
  std::byte* copy = room_for(bytes);
  base::copy_out(copy, group.record, bytes);
  const RecordHead head = decode_record<PlainBytes>(copy, bytes);
  if (head.broken || head.is_stub()) return Taken::torn;
  const RecordFields<PlainBytes> fields(copy, head);
  const RecordFields<SharedBytes> shared(group.record, head);
  if (head.fields == 1) {
    const std::byte* const rank_at = group.page.slots.rank_at(group.item);
    entries_.resize(1);
    GroupEntry* to = entries_.data();
    const Taken taken =
        add(to, fields.item(0), group.page.base_ms, rank_at, base::load_u16(rank_at));
    entries_.resize(static_cast<std::size_t>(to - entries_.data()));
    return taken;
  }
  return add_all(fields.slots(), shared.slots(), group.page.base_ms);
}

GroupCopy::Taken GroupCopy::take_leaves(Shard& shard, const GroupPlace& group) {
  const Level level = directory_.group_level(shard, group.stub_body(), group.anchor());
  const Stub stub = decode_stub<SharedBytes>(group.stub_body());
  if (stub.fields > k_group_edit_max_fields || stub.bytes > k_group_edit_max_bytes)
    return Taken::too_large;
  entries_.reserve(stub.fields);
  if (use_ == For::editing) places_.reserve(stub.fields);
  std::uint64_t at = 0;
  std::size_t steps = 0;
  do {
    const Found found = directory_.next_page(level, at, k_empty_refs_a_hold);
    if (found.broken || ++steps > k_steps_max) return Taken::torn;
    if (found.page == k_no_ref) continue;
    directory_.ask_after(found);
    if (const Taken taken = take_leaf(found); taken != Taken::whole) return taken;
    at = after_range(at, found.depth());
  } while (at != 0);
  return Taken::whole;
}

GroupCopy::Taken GroupCopy::take_leaf(const Found& found) {
  const std::uint32_t used = found.header.used;
  const std::uint32_t area = items_at(found.header.flags);
  if (used < area || used > arena::k_page_max_bytes) return Taken::torn;
  std::byte* page = state_.page(found.page);
  std::byte* copy = room_for(used);
  base::copy_out(copy, page, used);
  const std::uint32_t count = found.header.count;
  const std::uint32_t cap = page_slots_cap(count);
  const SlotsView<PlainBytes> slots(copy + area, count, cap, used - area);
  const SlotsView<SharedBytes> shared(page + area, count, cap, used - area);
  const std::int64_t base_ms =
      found.header.has_time() ? load_page_base<PlainBytes>(copy + k_header_bytes) : 0;
  return add_all(slots, shared, base_ms);
}

GroupCopy::Taken GroupCopy::add_all(SlotsView<PlainBytes> slots, SlotsView<SharedBytes> shared,
                                    std::int64_t base_ms) {
  if (!slots.sane()) return Taken::torn;
  // All the room first: what remains in the loop is three loads and the stores of an entry.
  const std::size_t had = entries_.size();
  entries_.resize(had + slots.count());
  const policy::Ranking::Fresh is_fresh = state_.ranking->fresh();
  const bool is_reading = use_ == For::reading;
  GroupEntry* to = entries_.data() + had;
  Taken taken = Taken::whole;
  const bool is_whole =
      slots.for_each_within([&](std::uint32_t i, SlotsView<PlainBytes>::Item item) {
        const policy::Rank rank = slots.rank(i);
        const std::uint32_t field_bytes = item.bytes == 0 ? 0xff : PlainBytes::u8(item.at);
        if (is_bare_entry(field_bytes) && field_bytes < item.bytes && is_reading && is_fresh(rank))
            [[likely]] {
          to->field = chars(item.at + 1, field_bytes);
          to->value = chars(item.at + 1 + field_bytes, item.bytes - 1 - field_bytes);
          ++to;
          return true;
        }
        GroupEntry* after = to;  // whose address is known elsewhere is no register
        taken = add(after, item, base_ms, shared.rank_at(i), rank);
        to = after;
        return taken == Taken::whole;
      });
  if (!is_whole) return taken == Taken::whole ? Taken::torn : taken;
  entries_.resize(static_cast<std::size_t>(to - entries_.data()));
  return entries_.size() > k_group_edit_max_fields ? Taken::too_large : Taken::whole;
}

GroupCopy::Taken GroupCopy::add(GroupEntry*& to, const SlotsView<PlainBytes>::Item& item,
                                std::int64_t base_ms, const std::byte* rank_at, policy::Rank rank) {
  const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, base_ms);
  if (e.broken) return Taken::torn;
  GroupEntry& entry = *to;
  entry.field = chars(item.at + e.field_at, e.field_bytes);
  entry.value = chars(item.at + e.value_at, e.inline_bytes);
  Ref pieces = k_no_ref;
  if (e.pieces) {
    const PieceLink link = decode_link<PlainBytes>(item.at + e.value_at);
    pieces = link.first;
    if (const Taken taken = take_pieces(link, entry); taken != Taken::whole) return taken;
  }
  const Place place{const_cast<std::byte*>(rank_at), rank,
                    static_cast<std::uint32_t>(to - entries_.data()), pieces, e.deadline_ms};
  if (e.deadline_ms <= now_ms_) {
    ended_.push_back(entry);
    ended_places_.push_back(place);
    return Taken::whole;
  }
  if (e.deadline_ms != k_never_ms) entry.ttl.remaining = Millis(e.deadline_ms - now_ms_);
  ++to;
  if (use_ == For::editing || !state_.ranking->is_fresh(rank)) places_.push_back(place);
  return Taken::whole;
}

GroupCopy::Taken GroupCopy::take_pieces(const PieceLink& link, GroupEntry& entry) {
  bytes_ += link.bytes;
  if (bytes_ > k_group_edit_max_bytes) return Taken::too_large;
  std::byte* value = room_for(link.bytes);
  if (!pieces_.read(link, 0, reinterpret_cast<char*>(value), link.bytes)) return Taken::torn;
  entry.value = chars(value, link.bytes);
  return Taken::whole;
}

}  // namespace ullage::engine
