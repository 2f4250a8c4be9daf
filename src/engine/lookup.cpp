#include "engine/lookup.h"

namespace ullage::engine {

bool all_expired(const GroupPlace& place, std::int64_t now_ms) noexcept {
  const RecordFields<SharedBytes> fields(place.record, place.head);
  for (std::uint32_t i = 0; i < fields.count(); ++i) {
    const auto item = fields.item(i);
    if (decode_entry<SharedBytes>(item.at, item.bytes, place.page.base_ms).deadline_ms > now_ms)
      return false;
  }
  return true;
}

GroupPlace Lookup::group(Shard& shard, std::string_view name, std::uint64_t hash) const noexcept {
  GroupPlace place;
  place.bucket = directory_.find(directory_.shard_level(shard), state_.in_shard(hash));
  place.broken = place.bucket.broken;
  if (place.bucket.page == k_no_ref) return place;
  place.page = open_slots(state_.page(place.bucket.page), place.bucket.header);
  if (!place.page.sane) {
    place.broken = true;
    return place;
  }
  const auto& slots = place.page.slots;
  const auto tag = static_cast<std::uint8_t>(hash);
  for (std::uint32_t i = slots.find_tag(tag, 0); i < slots.count();
       i = slots.find_tag(tag, i + 1)) {
    const auto item = slots.item(i);
    const RecordHead head = decode_record<SharedBytes>(item.at, item.bytes);
    if (head.broken || head.name_bytes != name.size() ||
        !base::equals(item.at + head.name_at, name))
      continue;
    place.item = i;
    place.record = const_cast<std::byte*>(item.at);
    place.head = head;
    return place;
  }
  return place;
}

GroupPlace Lookup::group_of_anchor(Shard& shard, std::uint64_t hash, Ref anchor) const noexcept {
  GroupPlace place;
  place.bucket = directory_.find(directory_.shard_level(shard), state_.in_shard(hash));
  if (place.bucket.page == k_no_ref) return place;
  place.page = open_slots(state_.page(place.bucket.page), place.bucket.header);
  const auto& slots = place.page.slots;
  const auto tag = static_cast<std::uint8_t>(hash);
  for (std::uint32_t i = slots.find_tag(tag, 0); i < slots.count();
       i = slots.find_tag(tag, i + 1)) {
    const auto item = slots.item(i);
    const RecordHead head = decode_record<SharedBytes>(item.at, item.bytes);
    if (head.broken || head.anchor_at == 0 || base::load_u32(item.at + head.anchor_at) != anchor)
      continue;
    place.item = i;
    place.record = const_cast<std::byte*>(item.at);
    place.head = head;
    return place;
  }
  return place;
}

EntryPos Lookup::entry(Shard& shard, const GroupPlace& place, std::string_view field,
                       std::uint64_t hash) const noexcept {
  EntryPos pos;
  const auto tag = static_cast<std::uint8_t>(hash);
  const auto matches = [&](const std::byte* at, std::uint32_t bytes, std::int64_t base_ms) {
    const EntryHead e = decode_entry<SharedBytes>(at, bytes, base_ms);
    if (e.broken || e.field_bytes != field.size() || !base::equals(at + e.field_at, field))
      return false;
    pos.at = const_cast<std::byte*>(at);
    pos.bytes = bytes;
    pos.base_ms = base_ms;
    pos.head = e;
    return true;
  };
  if (!place.head.is_stub()) {
    const RecordFields<SharedBytes> fields(place.record, place.head);
    if (place.head.fields == 1) {
      const auto item = fields.item(0);
      if (matches(item.at, item.bytes, place.page.base_ms)) {
        pos.rank_at = const_cast<std::byte*>(place.page.slots.rank_at(place.item));
      }
      return pos;
    }
    const auto slots = fields.slots();
    for (std::uint32_t i = slots.find_tag(tag, 0); i < slots.count();
         i = slots.find_tag(tag, i + 1)) {
      const auto item = slots.item(i);
      if (!matches(item.at, item.bytes, place.page.base_ms)) continue;
      pos.rank_at = const_cast<std::byte*>(slots.rank_at(i));
      pos.index = i;
      return pos;
    }
    return pos;
  }
  pos.leaf =
      directory_.find(directory_.group_level(shard, place.stub_body(), place.anchor()), hash);
  pos.broken = pos.leaf.broken;
  if (pos.leaf.page == k_no_ref) return pos;
  const PageSlots leaf = open_slots(state_.page(pos.leaf.page), pos.leaf.header);
  if (!leaf.sane) {
    pos.broken = true;
    return pos;
  }
  for (std::uint32_t i = leaf.slots.find_tag(tag, 0); i < leaf.slots.count();
       i = leaf.slots.find_tag(tag, i + 1)) {
    const auto item = leaf.slots.item(i);
    if (!matches(item.at, item.bytes, leaf.base_ms)) continue;
    pos.rank_at = const_cast<std::byte*>(leaf.slots.rank_at(i));
    pos.index = i;
    return pos;
  }
  return pos;
}

}  // namespace ullage::engine
