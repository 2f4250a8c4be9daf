#include "engine/items.h"

#include <algorithm>

namespace ullage::engine {

namespace {
void note(RemovalLog& log, RemovalCause cause, GroupOf group, const std::byte* at,
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

void remove_entry(PageImage& image, EntryPlace place, RemovalCause cause, GroupOf leaf_group,
                  RemovalLog& log, std::uint32_t& payload_out) {
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
  const GroupOf group{chars(record.bytes() + record.head().name_at, record.head().name_bytes),
                      record.head().class_id};
  note(log, cause, group, item.at, decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms()),
       record.rank(place.field), payload_out);
  if (record.head().fields == 1) {
    log.group(record.head().anchor_at != 0
                  ? PlainBytes::u32(record.bytes() + record.head().anchor_at)
                  : k_no_ref,
              group);
    slots.remove(i);
    return;
  }
  record.remove(place.field);
  if (is_loss(cause)) record.note_loss();
  image.replace_item(i, record.bytes(), record.size());
  slots.set_rank(i, record.slot_rank());
}

std::int64_t group_end_ms(const State& state, const std::byte* record,
                          const RecordHead& head) noexcept {
  std::int64_t end = k_never_ms;
  if (head.ttl_at != 0) end = static_cast<std::int64_t>(base::load_u64(record + head.ttl_at));
  std::int64_t idle = state.group_idle_ms.load(std::memory_order_relaxed);
  // What was noted before a limit for many was switched on may be long ago: until then nobody
  // noted uses.
  std::int64_t last = state.idle_since_ms.load(std::memory_order_relaxed);
  if (head.limits_at != 0) {
    idle = decode_limits<SharedBytes>(record, head).idle_ttl.count();
    last = 0;
  } else if (head.class_id != k_no_class && state.classes.limit_groups() &&
             state.classes.idle_ms(head.class_id) > 0) {
    idle = state.classes.idle_ms(head.class_id);
    last = state.classes.idle_since_ms(head.class_id);
  }
  if (idle > 0) {
    if (head.idle_at != 0)
      last = std::max(last, static_cast<std::int64_t>(base::load_u64(record + head.idle_at)));
    // A use is noted at most once in a tick, so the last one may be a tick later than noted: never
    // early.
    end = std::min(end, last + idle + idle / 16 + 1);
  }
  return end;
}

GroupLimits class_limits_of(const State& state, ClassId id) noexcept {
  GroupLimits limits{state.group_max_fields.load(std::memory_order_relaxed),
                     state.group_max_bytes.load(std::memory_order_relaxed),
                     Millis(state.group_idle_ms.load(std::memory_order_relaxed))};
  if (id == k_no_class || !state.classes.limit_groups()) return limits;
  const Classes& classes = state.classes;
  if (const std::uint64_t n = classes.max_fields(id); n != 0) limits.max_fields = n;
  if (const std::uint64_t n = classes.max_bytes(id); n != 0) limits.max_bytes = n;
  if (const std::int64_t ms = classes.idle_ms(id); ms != 0) limits.idle_ttl = Millis(ms);
  return limits;
}

GroupLimits group_limits_of(const State& state, const std::byte* record,
                            const RecordHead& head) noexcept {
  return head.limits_at != 0 ? decode_limits<SharedBytes>(record, head)
                             : class_limits_of(state, head.class_id);
}

GroupCharge charge_of(const std::byte* record, const RecordHead& head) noexcept {
  GroupCharge charge;
  if (head.is_stub()) {
    const Stub stub = decode_stub<PlainBytes>(record + head.body_at);
    charge.entries = stub.fields;
    charge.bytes = stub.bytes;
  } else {
    const RecordFields<PlainBytes> fields(record, head);
    charge.entries = fields.count();
    charge.bytes = payload_of(fields);
  }
  charge.bytes += charge.entries * k_class_entry_bytes + group_charge(head.name_bytes);
  return charge;
}

std::uint32_t remove_expired(PageImage& image, std::int64_t now_ms, GroupOf leaf_group,
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
