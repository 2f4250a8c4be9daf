// The Writer's operations on whole groups.
#include "base/check.h"
#include "base/random.h"
#include "base/words.h"
#include "engine/class_charge.h"
#include "engine/rebase.h"
#include "engine/reclaim.h"
#include "engine/writer.h"

#include <algorithm>
#include <array>

namespace ullage::engine {

namespace {
constexpr int k_restarts_max = 64;
constexpr std::size_t k_limit_evictions_a_call = 256;
constexpr std::uint64_t k_limit_candidates = 128;
constexpr int k_limit_hops_max = 256;

/// A field whose own time had come before its group was dropped has expired, whatever the drop's
/// cause.
RemovalCause cause_of(const GroupPlace& place, const PageImage& image, std::uint32_t field,
                      RemovalCause cause, std::int64_t now_ms) {
  const RecordHead head = image.record(place.item);
  const auto item = RecordFields<PlainBytes>(image.slots().at(place.item), head).item(field);
  const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms());
  return e.deadline_ms <= now_ms ? RemovalCause::expired : cause;
}
}  // namespace

bool Writer::is_being_swept(Ref anchor) const noexcept {
  return load_header(state_.page(anchor)).flags == k_anchor_sweeping;
}
void Writer::end_sweep_of_renamed(Ref anchor) noexcept {
  PageHeader header = load_header(state_.page(anchor));
  header.flags = 0;
  store_header(state_.page(anchor), header);
}

Writer::Dropped Writer::take_out(PageImage& image, const GroupPlace& place, RemovalCause cause,
                                 RemovalLog& log) {
  const std::int64_t now_ms = state_.now_ms();
  Dropped dropped;
  dropped.now_ms = now_ms;
  dropped.cause =
      group_end_ms(state_, place.record, place.head) <= now_ms ? RemovalCause::expired : cause;
  if (place.head.is_stub()) {
    dropped.stub = decode_stub<SharedBytes>(place.stub_body());
    dropped.anchor = place.anchor();
    dropped.name = chars(place.record + place.head.name_at, place.head.name_bytes);
    dropped.class_id = place.head.class_id;
    image.slots().remove(place.item);
    return dropped;
  }
  for (std::uint32_t left = place.head.fields; left > 0; --left) {
    std::uint32_t payload = 0;
    remove_entry(image, {place.item, left - 1},
                 cause_of(place, image, left - 1, dropped.cause, now_ms), {}, log, payload);
  }
  return dropped;
}

void Writer::owe(const Dropped& dropped) {
  if (dropped.anchor == k_no_ref) return;
  state_.count(State::removed(dropped.cause), dropped.stub.fields);
  state_.entries.fetch_sub(dropped.stub.fields, std::memory_order_relaxed);
  state_.uncount(Counter::payload_bytes, dropped.stub.bytes);
  state_.uncount(Counter::groups, 1);
  if (const ClassId id = dropped.class_id; id != k_no_class) {
    state_.classes.uncharge(id, state_.hash_group(dropped.name),
                            dropped.stub.bytes + dropped.stub.fields * k_class_entry_bytes +
                                group_charge(dropped.name.size()));
    state_.classes.uncount_entries(id, dropped.stub.fields);
    state_.classes.uncount_groups(id, 1);
    state_.classes.count_removed(id, dropped.cause, dropped.stub.fields);
  }
  state_.trace.tell(TraceKind::drop_group, dropped.stub.fields, dropped.stub.bytes, dropped.anchor);
  debt_.owe_group(dropped.anchor, dropped.stub.root, dropped.name, dropped.cause, dropped.now_ms);
}

void Writer::drop_group(Shard& shard, const GroupPlace& place, RemovalCause cause, CallWork& work) {
  PageImage image;
  image.load(state_.page(place.bucket.page));
  RemovalLog log(state_, ring_);
  const std::uint64_t hash = state_.in_shard(
      state_.hash_group(chars(place.record + place.head.name_at, place.head.name_bytes)));
  const Dropped dropped = take_out(image, place, cause, log);
  commit_shrunk_bucket(shard, place.bucket, hash, image, log, work);
  owe(dropped);
}

Writer::Step Writer::promote(Shard& shard, const GroupPlace& group, CallWork& work) {
  PageImage image;
  image.load(state_.page(group.bucket.page));
  RecordImage record;
  record.load(image.slots().at(group.item), image.slots().size(group.item),
              image.slots().rank(group.item));
  const std::string_view name =
      chars(record.bytes() + record.head().name_at, record.head().name_bytes);
  const std::uint64_t group_hash = state_.hash_group(name);

  RecordDraft head = draft_of(record.bytes(), record.head());
  Ref new_anchor = k_no_ref;
  if (head.anchor == k_no_ref) {
    new_anchor = state_.alloc_anchor(work);
    if (new_anchor == k_no_ref) return Step::need_room;
    head.anchor = new_anchor;
  }
  PageImage leaf;
  leaf.reset(PageKind::leaf, 0, 0);
  leaf.adopt_time(image);
  Stub stub;
  const auto fields = record.fields();
  for (std::uint32_t i = 0; i < fields.count(); ++i) {
    const auto item = fields.item(i);
    const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, image.base_ms());
    const std::uint64_t field_hash = state_.hash_field(chars(item.at + e.field_at, e.field_bytes));
    leaf.set_owner(pack_owner(head.anchor, field_hash));
    std::byte* to =
        leaf.slots().append(static_cast<std::uint8_t>(field_hash), record.rank(i), item.bytes);
    std::memcpy(to, item.at, item.bytes);
    stub.bytes += e.field_bytes +
                  (e.pieces ? decode_link<PlainBytes>(item.at + e.value_at).bytes : e.inline_bytes);
    stub.due_ms = std::min(stub.due_ms, e.deadline_ms);
  }
  stub.fields = fields.count();
  if (stub.due_ms == k_never_ms) leaf.drop_time();
  work.entries_moved += stub.fields;
  const Ref page = state_.alloc(leaf.used(), work);
  if (page == k_no_ref) {
    if (new_anchor != k_no_ref) state_.arena->free(new_anchor);
    return Step::need_room;
  }
  base::store_image(state_.page(page), leaf.seal(), leaf.used());
  if (new_anchor != k_no_ref) {
    PageHeader header;
    header.kind = static_cast<std::uint8_t>(PageKind::anchor);
    header.used = static_cast<std::uint16_t>(k_anchor_bytes);
    header.owner = group_hash;
    store_header(state_.page(new_anchor), header);
  }
  stub.root = page;
  RecordImage short_record;
  short_record.start(head, true);
  short_record.finish_stub(stub);
  image.replace_item(group.item, short_record.bytes(), short_record.size());
  image.slots().set_rank(group.item, 0);
  // With a long name the stub may be longer than what it replaces: the bucket may have to grow or
  // split.
  RemovalLog log(state_, ring_);
  std::uint64_t payload = 0;
  std::uint32_t removed = 0;
  const Names keep{name, {}, group_hash, 0, record.head().class_id};
  const Level level = directory_.shard_level(shard);
  const std::uint64_t hash = state_.in_shard(group_hash);
  Step fitted = fit(level, group.bucket, hash, image, keep, log, payload, removed, work);
  if (fitted == Step::done) {
    if (pages_.commit(level, group.bucket, hash, image, work, k_nothing_else)) {
      log.publish(state_, ring_, debt_);
      return Step::restart;
    }
    fitted = Step::need_room;
  }
  state_.arena->free(page);
  if (new_anchor != k_no_ref) state_.arena->free(new_anchor);
  return fitted;
}

bool Writer::over_limits(const GroupPlace& place) const noexcept {
  const GroupLimits limits = limits_of(place, place.head.class_id);
  if (limits.max_fields == 0 && limits.max_bytes == 0) return false;
  std::uint64_t fields = place.head.fields;
  std::uint64_t bytes = 0;
  if (place.head.is_stub()) {
    const Stub stub = decode_stub<SharedBytes>(place.stub_body());
    fields = stub.fields;
    bytes = stub.bytes;
  } else if (limits.max_bytes != 0) {
    bytes = payload_of(RecordFields<SharedBytes>(place.record, place.head));
  }
  return fields > 1 && ((limits.max_fields != 0 && fields > limits.max_fields) ||
                        (limits.max_bytes != 0 && bytes > limits.max_bytes));
}

bool Writer::remove_some_expired(Shard& shard, const GroupPlace& group, std::string_view name,
                                 std::uint64_t from, std::int64_t now_ms, CallWork& work) {
  const Level level = directory_.group_level(shard, group.stub_body(), group.anchor());
  std::uint64_t at = from;
  for (int hop = 0; hop < k_limit_hops_max; ++hop) {
    const Found leaf = directory_.find(level, at);
    if (leaf.page != k_no_ref && leaf.header.has_time()) {
      PageImage image;
      image.load(state_.page(leaf.page));
      RemovalLog log(state_, ring_);
      std::uint32_t removed = 0;
      const std::uint32_t payload =
          image.due_ms() <= now_ms
              ? remove_expired(image, now_ms, {name, group.head.class_id}, log, removed)
              : 0;
      if (removed != 0) {
        commit_shrunk_leaf(shard, group, leaf, at, image, removed, payload, log, work);
        return true;
      }
    }
    at = after_range(at, leaf.depth());
    if (leaf.depth() == 0) break;
  }
  return false;
}

std::size_t Writer::enforce_group_limits(Shard& shard, std::string_view name, std::uint64_t hash,
                                         const Names* keep, CallWork& work) {
  base::Random random(hash ^ state_.entries.load(std::memory_order_relaxed));
  const std::int64_t now_ms = state_.now_ms();
  std::size_t evicted = 0;
  bool look_for_expired = true;
  while (evicted < k_limit_evictions_a_call) {
    const GroupPlace group = lookup_.group(shard, name, hash);
    if (!group) break;
    const GroupLimits limits = limits_of(group, group.head.class_id);
    RemovalLog log(state_, ring_);
    if (!group.head.is_stub()) {
      PageImage image;
      image.load(state_.page(group.bucket.page));
      RecordImage record;
      record.load(image.slots().at(group.item), image.slots().size(group.item),
                  image.slots().rank(group.item));
      const bool over = record.head().fields > 1 &&
                        ((limits.max_fields != 0 && record.head().fields > limits.max_fields) ||
                         (limits.max_bytes != 0 && payload_of(record.fields()) > limits.max_bytes));
      if (!over) break;
      const auto victim = evictor_.worst_of_record(image, group.item, keep, now_ms, work);
      if (!victim) break;
      std::uint32_t payload = 0;
      remove_entry(image, victim->place, victim->cause(RemovalCause::limit), {}, log, payload);
      commit_shrunk_bucket(shard, group.bucket, state_.in_shard(hash), image, log, work);
      ++evicted;
      continue;
    }
    const Stub stub = decode_stub<SharedBytes>(group.stub_body());
    const bool over =
        stub.fields > 1 && ((limits.max_fields != 0 && stub.fields > limits.max_fields) ||
                            (limits.max_bytes != 0 && stub.bytes > limits.max_bytes));
    if (!over) break;
    const bool may_hold_expired =
        stub.due_ms <= now_ms || (look_for_expired && is_being_swept(group.anchor()));
    if (look_for_expired && may_hold_expired &&
        remove_some_expired(shard, group, name, random.next(), now_ms, work)) {
      ++evicted;  // a leaf's worth: it counts for the bound, and the caller's places are gone
      continue;
    }
    look_for_expired = false;
    // The coldest of a few of the group's own pages.
    const Level level = directory_.group_level(shard, group.stub_body(), group.anchor());
    std::optional<Victim> worst;
    Found worst_leaf;
    std::uint64_t worst_hash = 0;
    PageImage image;
    const std::uint64_t ranked_before = work.candidates_ranked;
    std::uint64_t at = random.next();
    for (int hop = 0; hop < k_limit_hops_max; ++hop) {
      // From a random place on until enough fields were looked at: places are even over hashes, but
      // a leaf with few fields may cover as many of them as one with many.
      if (work.candidates_ranked - ranked_before >= k_limit_candidates && worst) break;
      if (hop != 0) at = after_range(at, directory_.find(level, at).depth());
      const Found leaf = directory_.find(level, at);
      if (leaf.page == k_no_ref || leaf.page == worst_leaf.page) continue;
      image.load(state_.page(leaf.page));
      Wanted wanted;
      wanted.entries = 1;
      Victims victims;
      evictor_.pick(image, keep, wanted, victims, work);
      if (!victims.empty() && (!worst || victims.begin()->score > worst->score)) {
        worst =
            Victim{victims.begin()->place, victims.begin()->score, victims.begin()->score, false};
        worst_leaf = leaf, worst_hash = at;
      }
    }
    if (!worst) break;
    image.load(state_.page(worst_leaf.page));
    std::uint32_t payload = 0;
    remove_entry(image, worst->place, RemovalCause::limit, {name, group.head.class_id}, log,
                 payload);
    commit_shrunk_leaf(shard, group, worst_leaf, worst_hash, image, 1, payload, log, work);
    ++evicted;
  }
  return evicted;
}

bool Writer::erase_group(std::string_view name, RemovalCause cause) {
  CallWork work;
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  bool erased = false;
  {
    const ShardGuard guard(shard);
    const GroupPlace place = lookup_.group(shard, name, hash);
    if (place) {
      const bool expired = group_end_ms(state_, place.record, place.head) <= state_.now_ms();
      drop_group(shard, place, expired ? RemovalCause::expired : cause, work);
      erased = !expired;
    }
  }
  reclaim_.after_write(work);
  state_.flush(work);
  return erased;
}

Result<bool> Writer::edit_head(std::string_view name, FunctionRef<void(RecordDraft&)> edit) {
  CallWork work;
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  const Names keep{name, {}, hash, 0, k_no_class};
  Patience patience(work, name.size());
  do {
    work.keep_slabs = slabs_to_keep(patience.rounds());
    {
      const ShardGuard guard(shard);
      for (int restart = 0; restart < k_restarts_max; ++restart) {
        const std::int64_t now_ms = state_.now_ms();
        const GroupPlace place = lookup_.group(shard, name, hash);
        if (!place) return false;
        if (group_end_ms(state_, place.record, place.head) <= now_ms) {
          drop_group(shard, place, RemovalCause::expired, work);
          return false;
        }
        PageImage image;
        image.load(state_.page(place.bucket.page));
        RecordImage record;
        record.load(image.slots().at(place.item), image.slots().size(place.item),
                    image.slots().rank(place.item));
        RecordDraft head = draft_of(record.bytes(), record.head());
        const std::string own_name(head.name);
        head.name = own_name;
        edit(head);
        record.rehead(head);
        image.replace_item(place.item, record.bytes(), record.size());
        const std::int64_t end = group_end_ms(state_, record.bytes(), record.head());
        RemovalLog log(state_, ring_);
        std::uint64_t payload = 0;
        std::uint32_t removed = 0;
        const Level level = directory_.shard_level(shard);
        const Step fitted = fit(level, place.bucket, state_.in_shard(hash), image, keep, log,
                                payload, removed, work);
        if (fitted == Step::restart) continue;
        if (fitted != Step::done || !pages_.commit(level, place.bucket, state_.in_shard(hash),
                                                   image, work, k_nothing_else)) {
          break;
        }
        lower_due(shard, end);
        log.publish(state_, ring_, debt_);
        enforce_group_limits(shard, name, hash, nullptr, work);
        // What one call may not evict is left to the next sweep.
        if (const GroupPlace now = lookup_.group(shard, name, hash); now && over_limits(now))
          lower_due(shard, 1);
        state_.flush(work);
        return true;
      }
    }
    reclaim_.make_room(patience, work);
  } while (patience.again());
  state_.trace.tell(TraceKind::no_room, 0, 0);
  return Error{
      Errc::no_room,
      "the cache is full and nothing could be reclaimed within the work bound of one call"};
}

void Writer::note_use(std::string_view name) {
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  {
    const ShardGuard guard(shard);
    const GroupPlace place = lookup_.group(shard, name, hash);
    if (!place) return;
    if (place.head.idle_at != 0) {
      const std::int64_t now_ms = state_.now_ms();
      const Change change(shard);
      base::store_bytes(place.record + place.head.idle_at, &now_ms, sizeof now_ms);
      return;
    }
  }
  // The group is from before idle times counted: it gets room for its last use.
  static_cast<void>(
      edit_head(name, [&](RecordDraft& head) { head.last_use_ms = state_.now_ms(); }));
}

Result<void> Writer::rename_group(std::string_view from, std::string_view to, bool replace) {
  CallWork work;
  const std::uint64_t from_hash = state_.hash_group(from);
  const std::uint64_t to_hash = state_.hash_group(to);
  Shard& a = state_.shard_of(from_hash);
  Shard& b = state_.shard_of(to_hash);
  Names keep{to, {}, to_hash, 0, k_no_class};
  Patience patience(work, from.size() + to.size());
  do {
    work.keep_slabs = slabs_to_keep(patience.rounds());
    ClassId full = k_no_class;
    std::uint64_t wanted_bytes = 0;
    {
      // Two shards in the order of their place in the table; everybody else holds one.
      const ShardGuard first(&a < &b ? a : b);
      std::optional<ShardGuard> second;
      if (&a != &b) second.emplace(&a < &b ? b : a);
      for (int restart = 0; restart < k_restarts_max; ++restart) {
        const std::int64_t now_ms = state_.now_ms();
        const GroupPlace source = lookup_.group(a, from, from_hash);
        if (!source)
          return Error{Errc::not_found, "rename_group: there is no group of the old name"};
        if (group_end_ms(state_, source.record, source.head) <= now_ms) {
          drop_group(a, source, RemovalCause::expired, work);
          continue;
        }
        if (from == to) return {};
        const GroupPlace target = lookup_.group(b, to, to_hash);
        if (target) {
          const bool expired = group_end_ms(state_, target.record, target.head) <= now_ms;
          if (!expired && !replace)
            return Error{Errc::exists, "rename_group: a group of the new name exists"};
        }
        const Change change_a(a);
        const Change change_b(b);
        PageImage image;
        const Found& found = target.bucket;
        if (found.page != k_no_ref) {
          image.load(state_.page(found.page));
        } else {
          image.reset(PageKind::bucket, 0, to_hash);
        }
        // The group that is replaced leaves in the same commit as the renamed one comes.
        RemovalLog log(state_, ring_);
        Dropped dropped;
        if (target) dropped = take_out(image, target, RemovalCause::erased, log);
        PageImage source_image;
        source_image.load(state_.page(source.bucket.page));
        if (source_image.has_time()) note_deadline(image, source_image.due_ms());
        const std::byte* bytes = source_image.slots().at(source.item);
        const RecordHead from_head = source_image.record(source.item);
        RecordDraft head = draft_of(bytes, from_head);
        head.name = to;
        keep.class_id = head.class_id =
            state_.classes.any() ? state_.classes.match(to) : k_no_class;
        const GroupCharge leaves = charge_of(bytes, from_head);
        const std::uint64_t comes = leaves.bytes - from.size() + to.size();
        ClassMove move(state_.classes, {from_head.class_id, from_hash, leaves.bytes},
                       {head.class_id, to_hash, comes});
        if (comes > state_.classes.tightest_max(head.class_id))
          return Error{Errc::no_room, "rename_group: the group's " + std::to_string(comes) +
                                          " bytes are more than its new class's max"};
        full = move.reserve();
        if (full != k_no_class) {
          wanted_bytes = comes;
          break;
        }
        RecordImage record;
        rebuild_record(record, head, bytes, from_head, source_image.slots().rank(source.item),
                       source_image.base_ms(), image.base_ms());
        if (from_head.is_stub() && is_being_swept(head.anchor)) {
          // The sweep will not find the group under its new name: to the next one all of it is due.
          Stub stub = decode_stub<PlainBytes>(bytes + from_head.body_at);
          stub.due_ms = now_ms;
          record.start(head, true);
          record.finish_stub(stub);
        }
        std::byte* at = image.slots().append(keep.group_tag(), record.slot_rank(), record.size());
        std::memcpy(at, record.bytes(), record.size());
        const Level level = directory_.shard_level(b);
        const std::uint64_t hash = state_.in_shard(to_hash);
        const Step fitted = fit_whole(level, found, hash, image, work);
        if (fitted == Step::restart) continue;
        if (fitted != Step::done || !pages_.commit(level, found, hash, image, work, k_nothing_else))
          break;
        move.keep(leaves.entries);
        log.publish(state_, ring_, debt_);
        owe(dropped);
        if (head.anchor != k_no_ref)
          base::store_bytes(state_.page(head.anchor) + 8, &to_hash, sizeof to_hash);
        if (source_image.has_time()) lower_due(b, source_image.due_ms());
        lower_due(b, group_end_ms(state_, record.bytes(), record.head()));
        if (from_head.is_stub()) {
          lower_due(b, decode_stub<PlainBytes>(record.bytes() + record.head().body_at).due_ms);
          end_sweep_of_renamed(head.anchor);
        }

        // The bucket may be the same page: look the old record up again.
        const GroupPlace old = lookup_.group(a, from, from_hash);
        if (old) {
          PageImage rest;
          rest.load(state_.page(old.bucket.page));
          rest.slots().remove(old.item);
          RemovalLog nothing(state_, ring_);
          commit_shrunk_bucket(a, old.bucket, state_.in_shard(from_hash), rest, nothing, work);
        }
        state_.flush(work);
        return {};
      }
    }
    if (full != k_no_class) {
      reclaim_.make_class_room(full, wanted_bytes, patience, work);
    } else {
      reclaim_.make_room(patience, work);
    }
  } while (patience.again());
  state_.trace.tell(TraceKind::no_room, 0, 0);
  return Error{Errc::no_room,
               "rename_group: the cache is full and nothing could be reclaimed within the work "
               "bound of one call"};
}

void Writer::clear() {
  CallWork work;
  for (std::size_t i = 0; i < state_.shard_count(); ++i) {
    Shard& shard = state_.shards[i];
    const Level level = directory_.shard_level(shard);
    std::uint64_t at = 0;
    do {
      // One hold of the lock per record dropped in the worst case per page: readers and writers get
      // in between.
      const ShardGuard guard(shard);
      Found found = directory_.find(level, at);
      while (found.page != k_no_ref) {
        const PageSlots page = open_slots(state_.page(found.page), found.header);
        GroupPlace place;
        place.bucket = found;
        place.page = page;
        place.item = 0;
        const auto item = page.slots.item(0);
        place.record = const_cast<std::byte*>(item.at);
        place.head = decode_record<SharedBytes>(item.at, item.bytes);
        drop_group(shard, place, RemovalCause::erased, work);
        found = directory_.find(level, at);
      }
      at = after_range(at, found.depth());
    } while (at != 0);
  }
}

}  // namespace ullage::engine
