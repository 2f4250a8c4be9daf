#include "engine/rebase.h"

#include "engine/items.h"

#include <algorithm>
#include <cstring>

namespace ullage::engine {

namespace {
EntryDraft draft_of(const std::byte* at, const EntryHead& e) noexcept {
  return {chars(at + e.field_at, e.field_bytes), chars(at + e.value_at, e.inline_bytes),
          e.deadline_ms, e.pieces};
}
}  // namespace

void rebuild_record(RecordImage& to, const RecordDraft& head, const std::byte* from,
                    const RecordHead& from_head, std::uint16_t single_rank,
                    std::int64_t from_base_ms, std::int64_t to_base_ms) {
  if (from_head.is_stub()) {
    to.start(head, true);
    to.finish_stub(decode_stub<PlainBytes>(from + from_head.body_at));
    return;
  }
  to.start(head, false);
  const RecordFields<PlainBytes> fields(from, from_head);
  for (std::uint32_t i = 0; i < fields.count(); ++i) {
    const auto item = fields.item(i);
    const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, from_base_ms);
    const EntryDraft draft = draft_of(item.at, e);
    const bool many = from_head.fields > 1;
    const std::uint8_t tag = many ? fields.slots().tag(i) : std::uint8_t{0};
    const std::uint8_t first_tag = many ? fields.slots().tag(0) : std::uint8_t{0};
    std::byte* at = to.append(tag, many ? fields.slots().rank(i) : single_rank,
                              encoded_bytes(draft, to_base_ms), first_tag);
    encode_entry(at, draft, to_base_ms);
  }
}

void rebase(PageImage& image, std::int64_t base_ms) {
  PageImage from;
  from.load(image.seal());
  const SlotsEdit& items = from.slots();
  image.reset(from.kind(), from.depth(), from.owner());
  image.start_time(base_ms, from.due_ms());
  RecordImage record;
  for (std::uint32_t i = 0; i < items.count(); ++i) {
    const std::byte* at = items.at(i);
    if (from.is_leaf()) {
      const EntryDraft draft =
          draft_of(at, decode_entry<PlainBytes>(at, items.size(i), from.base_ms()));
      std::byte* to =
          image.slots().append(items.tag(i), items.rank(i), encoded_bytes(draft, base_ms));
      encode_entry(to, draft, base_ms);
      continue;
    }
    const RecordHead head = from.record(i);
    rebuild_record(record, draft_of(at, head), at, head, items.rank(i), from.base_ms(), base_ms);
    std::byte* to = image.slots().append(items.tag(i), items.rank(i), record.size());
    std::memcpy(to, record.bytes(), record.size());
  }
}

void note_deadline(PageImage& image, std::int64_t deadline_ms) {
  if (deadline_ms == k_never_ms) return;
  const std::int64_t base_ms = std::max<std::int64_t>(deadline_ms - k_base_before_ms, 0);
  if (!image.has_time()) {
    image.start_time(base_ms, deadline_ms);
    return;
  }
  if (deadline_ms < image.due_ms()) image.set_due(deadline_ms);
  const std::int64_t offset = deadline_ms - image.base_ms();
  if (offset >= 0 && offset < detail::k_near_offset_end) return;
  // All deadlines are `due` or later: near to the new base, or at least within its reach.
  if (image.due_ms() >= base_ms) {
    rebase(image, base_ms);
  } else if (offset < -detail::k_offset_end || offset >= detail::k_offset_end) {
    if (deadline_ms - image.due_ms() < detail::k_offset_end) rebase(image, image.due_ms());
  }
}

}  // namespace ullage::engine
