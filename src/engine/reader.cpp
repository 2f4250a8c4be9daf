#include "engine/reader.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/writer.h"

#include <algorithm>

namespace ullage::engine {

namespace {
constexpr int k_optimistic_tries = 12;
constexpr int k_tick_tries = 4;
constexpr int k_group_tries = 3;  // a large group takes its time: others would disturb it again
}  // namespace

Reader::Look Reader::look(Shard& shard, const Names& names, ValueSink& sink, bool use) {
  Look seen;
  const GroupPlace group = lookup_.group(shard, names.group, names.group_hash);
  seen.broken = group.broken;
  if (!group) return seen;
  std::int64_t now_ms = -1;
  const auto now = [&] { return now_ms >= 0 ? now_ms : now_ms = state_.now_ms(); };
  seen.has_group = true;
  seen.class_id = group.head.class_id;
  const std::int64_t idle_ms = group_limits_of(state_, group.record, group.head).idle_ttl.count();
  if ((group.head.ttl_at != 0 || idle_ms > 0) &&
      group_end_ms(state_, group.record, group.head) <= now())
    return seen;

  const EntryPos pos = lookup_.entry(shard, group, names.field, names.field_hash);
  seen.broken = pos.broken;
  if (!pos || (pos.head.deadline_ms != k_never_ms && pos.head.deadline_ms <= now())) return seen;
  seen.result.deadline_ms = pos.head.deadline_ms;
  if (pos.head.pieces) {
    const PieceLink link = decode_link<SharedBytes>(pos.at + pos.head.value_at);
    if (link.bytes > k_value_max_bytes) {
      seen.broken = true;
      return seen;
    }
    seen.result.bytes = link.bytes;
    if (char* to = sink.start(link.bytes)) seen.broken = !pieces_.read(link, 0, to, link.bytes);
  } else {
    seen.result.bytes = pos.head.inline_bytes;
    if (char* to = sink.start(pos.head.inline_bytes))
      base::copy_out(to, pos.at + pos.head.value_at, pos.head.inline_bytes);
  }
  seen.result.hit = !seen.broken;
  if (!use || !seen.result.hit) return seen;
  const policy::Rank rank = base::load_u16(pos.rank_at);
  const policy::Rank next =
      state_.ranking->on_read(entry_hash(names.group_hash, names.field_hash), rank);
  if (next != rank) seen.rank_at = pos.rank_at, seen.rank = next;
  if (idle_ms > 0) {
    if (group.head.idle_at == 0) {
      seen.use_has_no_place = true;
    } else if (now() -
                   static_cast<std::int64_t>(base::load_u64(group.record + group.head.idle_at)) >
               idle_ms / 16) {
      seen.use_at = group.record + group.head.idle_at, seen.use_ms = now();
    }
  }
  return seen;
}

void Reader::store(Shard& shard, const Look& seen) {
  if (seen.rank_at != nullptr) base::store_bytes(seen.rank_at, &seen.rank, sizeof seen.rank);
  if (seen.use_at != nullptr) {
    const Change change(shard);  // eight bytes anywhere: nobody may see half of them
    base::store_bytes(seen.use_at, &seen.use_ms, sizeof seen.use_ms);
  }
}

void Reader::note(Shard& shard, base::VersionLock::Version version, const Look& seen,
                  const Names& names) {
  if (seen.rank_at == nullptr && seen.use_at == nullptr && !seen.use_has_no_place) return;
  // A tick that meets a writer is not worth waiting for; but an idle time must never end early.
  for (int i = 0; i < k_tick_tries; ++i) {
    if (shard.lock.try_tick(version)) {
      base::count_tick();
      store(shard, seen);
      shard.lock.unlock();
      if (!seen.use_has_no_place) return;
      break;
    }
    if (seen.use_at == nullptr && !seen.use_has_no_place) return;
    base::cpu_pause();
  }
  if (seen.use_at != nullptr || seen.use_has_no_place) writer_->note_use(names.group);
}

ReadResult Reader::read_in_full(const Names& names, ValueSink& sink, bool use) {
  Shard& shard = state_.shard_of(names.group_hash);
  for (int i = 0; i < k_optimistic_tries; ++i) {
    const auto version = shard.lock.begin_read();
    const Look seen = look(shard, names, sink, use);
    if (shard.lock.validate(version)) {
      ULLAGE_CHECK(!seen.broken);
      if (use) {
        count(seen, names);
        note(shard, version, seen, names);
      }
      return seen.result;
    }
    state_.count(Counter::read_retries);
    base::cpu_pause();
  }
  state_.count(Counter::read_locks);
  Look seen;
  {
    const ShardGuard guard(shard);
    seen = look(shard, names, sink, use);
    ULLAGE_CHECK(!seen.broken);
    store(shard, seen);
  }
  if (use) count(seen, names);
  if (seen.use_has_no_place) writer_->note_use(names.group);
  return seen.result;
}

GroupCopy::Taken Reader::read_group(std::string_view name, GroupCopy& copy, bool use) {
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  base::VersionLock::Version version = 0;
  GroupCopy::Taken taken = GroupCopy::Taken::torn;
  for (int i = 0; i < k_group_tries; ++i) {
    version = shard.lock.begin_read();
    taken = copy.take(shard, name, hash, GroupCopy::For::reading);
    if (shard.lock.validate(version)) break;
    taken = GroupCopy::Taken::torn;
    state_.count(Counter::read_retries);
    base::cpu_pause();
  }
  if (taken == GroupCopy::Taken::torn) {
    state_.count(Counter::read_locks);
    const ShardGuard guard(shard);
    taken = copy.take(shard, name, hash, GroupCopy::For::reading);
    ULLAGE_CHECK(taken != GroupCopy::Taken::torn);
    version = shard.lock.begin_read();
  }
  if (!use || taken == GroupCopy::Taken::too_large) return taken;
  if (taken == GroupCopy::Taken::absent) {
    count_miss(copy.has_record(), copy.class_id(), Names{name, {}, hash, 0, k_no_class});
    return taken;
  }
  count_hit(copy.class_id());
  note_uses(shard, version, hash, copy);
  if (copy.wants_use_noted()) writer_->note_use(name);
  return taken;
}

void Reader::note_uses(Shard& shard, base::VersionLock::Version version, std::uint64_t group_hash,
                       GroupCopy& copy) {
  if (copy.places().empty()) return;
  for (GroupCopy::Place& place : copy.places()) {
    const std::uint64_t field_hash = state_.hash_field(copy.entries()[place.entry].field);
    place.rank = state_.ranking->on_read(entry_hash(group_hash, field_hash), place.rank);
  }
  // A tick that meets a writer is not worth waiting for.
  if (!shard.lock.try_tick(version)) return;
  base::count_tick();
  for (const GroupCopy::Place& place : copy.places())
    base::store_bytes(place.rank_at, &place.rank, sizeof place.rank);
  shard.lock.unlock();
}

Reader::Chunk Reader::read_chunk(const Names& names, std::size_t offset, std::span<char> buffer) {
  Shard& shard = state_.shard_of(names.group_hash);
  const ShardGuard guard(shard);
  Chunk chunk;
  const GroupPlace group = lookup_.group(shard, names.group, names.group_hash);
  const std::int64_t now_ms = state_.now_ms();
  if (!group || group_end_ms(state_, group.record, group.head) <= now_ms) return chunk;
  const EntryPos pos = lookup_.entry(shard, group, names.field, names.field_hash);
  if (!pos || pos.head.deadline_ms <= now_ms || !pos.head.pieces) return chunk;
  const PieceLink link = decode_link<SharedBytes>(pos.at + pos.head.value_at);
  if (offset >= link.bytes) return chunk;
  chunk.total = link.bytes;
  chunk.stamp = pieces_.stamp(link.first);
  chunk.bytes = std::min(buffer.size(), link.bytes - offset);
  chunk.hit = pieces_.read(link, offset, buffer.data(), chunk.bytes);
  return chunk;
}

std::optional<Reader::GroupFacts> Reader::group(std::string_view name) {
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  const ShardGuard guard(shard);
  const GroupPlace place = lookup_.group(shard, name, hash);
  if (!place || group_end_ms(state_, place.record, place.head) <= state_.now_ms())
    return std::nullopt;
  GroupFacts facts;
  if (place.head.ttl_at != 0)
    facts.deadline_ms = static_cast<std::int64_t>(base::load_u64(place.record + place.head.ttl_at));
  facts.limits = group_limits_of(state_, place.record, place.head);
  if (place.head.kind_at != 0) facts.kind = base::load_u8(place.record + place.head.kind_at);
  if (place.head.is_stub()) {
    const Stub stub = decode_stub<SharedBytes>(place.stub_body());
    facts.fields = stub.fields;
    facts.timed_fields = stub.due_ms <= state_.now_ms() ||
                         load_header(state_.page(place.anchor())).flags == k_anchor_sweeping;
    return facts;
  }
  const std::int64_t now_ms = state_.now_ms();
  const RecordFields<SharedBytes> fields(place.record, place.head);
  for (std::uint32_t i = 0; i < fields.count(); ++i) {
    const auto item = fields.item(i);
    if (decode_entry<SharedBytes>(item.at, item.bytes, place.page.base_ms).deadline_ms > now_ms) {
      ++facts.fields;
    } else {
      facts.timed_fields = true;
    }
  }
  return facts;
}

}  // namespace ullage::engine
