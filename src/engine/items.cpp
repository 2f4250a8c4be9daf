#include "engine/items.h"

#include <algorithm>

namespace ullage::engine {

namespace {
void note(RemovalLog& log, RemovalCause cause, std::string_view group, const std::byte* at,
          const EntryHead& e, policy::Rank rank, std::uint32_t& payload_out) {
  const std::string_view field = chars(at + e.field_at, e.field_bytes);
  if (e.pieces) {
    const PieceLink link = decode_link<PlainBytes>(at + e.value_at);
    payload_out = e.field_bytes + link.bytes;
    log.entry(cause, group, field, {}, link, rank);
  } else {
    payload_out = e.field_bytes + e.inline_bytes;
    log.entry(cause, group, field, chars(at + e.value_at, e.inline_bytes), {}, rank);
  }
}
}  // namespace

void remove_entry(PageImage& image, EntryPlace place, RemovalCause cause,
                  std::string_view leaf_group, RemovalLog& log, std::uint32_t& payload_out) {
  SlotsEdit& slots = image.slots();
  const std::uint32_t i = place.item;
  if (image.is_leaf()) {
    const std::byte* at = slots.at(i);
    note(log, cause, leaf_group, at, decode_entry<PlainBytes>(at, slots.size(i), image.base_ms()),
         slots.rank(i), payload_out);
    slots.remove(i);
    return;
  }
  RecordImage record;
  record.load(slots.at(i), slots.size(i), slots.rank(i));
  const auto item = record.fields().item(place.field);
  const std::string_view name =
      chars(record.bytes() + record.head().name_at, record.head().name_bytes);
  note(log, cause, name, item.at, decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms()),
       record.rank(place.field), payload_out);
  if (record.head().fields == 1) {
    log.group(record.head().anchor_at != 0
                  ? PlainBytes::u32(record.bytes() + record.head().anchor_at)
                  : k_no_ref);
    slots.remove(i);
    return;
  }
  record.remove(place.field);
  image.replace_item(i, record.bytes(), record.size());
  slots.set_rank(i, record.slot_rank());
}

std::int64_t group_end_ms(const State& state, const std::byte* record,
                          const RecordHead& head) noexcept {
  std::int64_t end = k_never_ms;
  if (head.ttl_at != 0) end = static_cast<std::int64_t>(base::load_u64(record + head.ttl_at));
  std::int64_t idle = state.group_idle_ms.load(std::memory_order_relaxed);
  if (head.limits_at != 0) idle = decode_limits<SharedBytes>(record, head).idle_ttl.count();
  if (idle > 0) {
    // What was noted before the default limit was switched on may be long ago: until then nobody
    // noted uses.
    std::int64_t last =
        head.limits_at != 0 ? 0 : state.idle_since_ms.load(std::memory_order_relaxed);
    if (head.idle_at != 0)
      last = std::max(last, static_cast<std::int64_t>(base::load_u64(record + head.idle_at)));
    // A use is noted at most once in a tick, so the last one may be a tick later than noted: never
    // early.
    end = std::min(end, last + idle + idle / 16 + 1);
  }
  return end;
}

std::uint32_t remove_expired(PageImage& image, std::int64_t now_ms, std::string_view leaf_group,
                             RemovalLog& log, std::uint32_t& removed_out) {
  std::uint32_t payload = 0;
  removed_out = 0;
  if (!image.has_time()) return 0;
  for (;;) {
    EntryPlace expired{};
    bool found = false;
    std::int64_t due = k_never_ms;
    for_each_entry(image.items(),
                   [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank) {
                     const EntryHead e = decode_entry<PlainBytes>(at, size, image.base_ms());
                     if (e.deadline_ms <= now_ms) {
                       if (!found) expired = place, found = true;
                     } else {
                       due = std::min(due, e.deadline_ms);
                     }
                   });
    if (!found || log.full()) {
      image.set_due(found ? now_ms : due);
      return payload;
    }
    std::uint32_t bytes = 0;
    remove_entry(image, expired, RemovalCause::expired, leaf_group, log, bytes);
    payload += bytes;
    ++removed_out;
  }
}

}  // namespace ullage::engine
