#include "engine/scan.h"

#include "base/words.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace ullage::engine {

namespace {
constexpr unsigned k_rounds = 4;

/// Whether a page of so many hash bits covers hashes before the position: it was merged with a page
/// that the scan has passed, and what lies before the position has been seen.
bool begins_before(std::uint64_t position, unsigned depth) noexcept {
  return (depth == 0 ? position : position << depth) != 0;
}
}  // namespace

void ScanBatch::grow(std::size_t bytes) {
  const std::size_t capacity = std::max(2 * capacity_, bytes_ + bytes);
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  std::memcpy(larger.get(), data_, bytes_);
  heap_ = std::move(larger);
  data_ = heap_.get();
  capacity_ = capacity;
}

void Scan::add_entry(const std::byte* at, std::uint32_t bytes, std::int64_t base_ms,
                     std::int64_t now_ms, ScanBatch& out) const {
  const EntryHead e = decode_entry<PlainBytes>(at, bytes, base_ms);
  if (e.deadline_ms <= now_ms) return;
  const std::string_view field = chars(at + e.field_at, e.field_bytes);
  if (!e.pieces) {
    out.add(field, chars(at + e.value_at, e.inline_bytes), 0);
    return;
  }
  out.add_in_pieces(field);
}

std::uint64_t Scan::group_step(std::string_view group, std::uint64_t position, std::size_t count,
                               ScanBatch& out) {
  const std::uint64_t hash = state_.hash_group(group);
  Shard& shard = state_.shard_of(hash);
  for (int ranges = 0; !out.is_enough(count) || ranges == 0;) {
    const ShardGuard guard(shard);
    const std::int64_t now_ms = state_.now_ms();
    const GroupPlace place = lookup_.group(shard, group, hash);
    if (!place || group_end_ms(state_, place.record, place.head) <= now_ms) return 0;
    if (!place.head.is_stub()) {
      const RecordFields<PlainBytes> fields(place.record, place.head);
      for (std::uint32_t i = 0; i < fields.count(); ++i) {
        const auto item = fields.item(i);
        if (position != 0) {
          const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, place.page.base_ms);
          if (state_.hash_field(chars(item.at + e.field_at, e.field_bytes)) < position) continue;
        }
        add_entry(item.at, item.bytes, place.page.base_ms, now_ms, out);
      }
      return 0;
    }
    const Level level = directory_.group_level(shard, place.stub_body(), place.anchor());
    const Found found = directory_.next_page(level, position, k_empty_refs_a_hold);
    if (found.page == k_no_ref && position == 0) return 0;
    if (found.page == k_no_ref) continue;
    ++ranges;
    directory_.ask_after(found);
    const PageSlots leaf = open_slots(state_.page(found.page), found.header);
    const bool merged = begins_before(position, found.depth());
    for (std::uint32_t i = 0; i < leaf.slots.count(); ++i) {
      const auto item = leaf.slots.item(i);
      if (merged) {
        const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, leaf.base_ms);
        if (state_.hash_field(chars(item.at + e.field_at, e.field_bytes)) < position) continue;
      }
      add_entry(item.at, item.bytes, leaf.base_ms, now_ms, out);
    }
    position = after_range(position, found.depth());
    if (position == 0) return 0;
  }
  return position;
}

std::uint64_t Scan::groups_step(std::uint64_t position, std::size_t count, ScanBatch& out) {
  while (!out.is_enough(count)) {
    Shard& shard = state_.shard_of(position);
    const ShardGuard guard(shard);
    const std::int64_t now_ms = state_.now_ms();
    const Level level = directory_.shard_level(shard);
    const std::uint64_t in_shard = state_.in_shard(position);
    const Found found = directory_.find(level, in_shard);
    if (found.page != k_no_ref) {
      const PageSlots page = open_slots(state_.page(found.page), found.header);
      const bool merged = begins_before(in_shard, found.depth());
      for (std::uint32_t i = 0; i < page.slots.count(); ++i) {
        const auto item = page.slots.item(i);
        const RecordHead head = decode_record<PlainBytes>(item.at, item.bytes);
        const std::string_view name = chars(item.at + head.name_at, head.name_bytes);
        if (merged && state_.in_shard(state_.hash_group(name)) < in_shard) continue;
        if (group_end_ms(state_, item.at, head) <= now_ms) continue;
        std::uint64_t fields = 0;
        if (head.is_stub()) {
          fields = decode_stub<PlainBytes>(item.at + head.body_at).fields;
        } else {
          const RecordFields<PlainBytes> all(item.at, head);
          for (std::uint32_t f = 0; f < all.count(); ++f) {
            const auto entry = all.item(f);
            if (decode_entry<PlainBytes>(entry.at, entry.bytes, page.base_ms).deadline_ms > now_ms)
              ++fields;
          }
          if (fields == 0) continue;
        }
        out.add(name, {}, fields);
      }
    }
    // A shard's bits and the bucket's are the leading ones of the group's hash.
    position = after_range(position, state_.shard_bits + found.depth());
    if (position == 0) return 0;
  }
  return position;
}

// A Feistel network over two halves with SipHash as its round function: a keyed permutation of 64
// bits (Luby and Rackoff 1988).
std::uint64_t Scan::permute(std::uint64_t value, bool forward) const noexcept {
  auto left = static_cast<std::uint32_t>(value >> 32);
  auto right = static_cast<std::uint32_t>(value);
  for (unsigned r = 0; r < k_rounds; ++r) {
    const unsigned round = forward ? r : k_rounds - 1 - r;
    char block[8];
    const std::uint32_t in = forward ? right : left;
    std::memcpy(block, &in, 4);
    std::memcpy(block + 4, &round, 4);
    const auto mix = static_cast<std::uint32_t>(
        base::siphash13({state_.field_key.k1, state_.group_key.k0}, {block, sizeof block}));
    if (forward) {
      const std::uint32_t next = left ^ mix;
      left = right;
      right = next;
    } else {
      const std::uint32_t previous = right ^ mix;
      right = left;
      left = previous;
    }
  }
  return (static_cast<std::uint64_t>(left) << 32) | right;
}

// 0 stands for start and end on both sides; the one position that would become 0 trades places with
// it.
std::uint64_t Scan::seal(std::uint64_t position) const noexcept {
  if (position == 0) return 0;
  const std::uint64_t cursor = permute(position, true);
  return cursor != 0 ? cursor : permute(0, true);
}
std::uint64_t Scan::unseal(std::uint64_t cursor) const noexcept {
  if (cursor == 0) return 0;
  const std::uint64_t position = permute(cursor, false);
  return position != 0 ? position : permute(0, false);
}

}  // namespace ullage::engine
