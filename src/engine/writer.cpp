#include "engine/writer.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/class_charge.h"
#include "engine/rebase.h"
#include "engine/reclaim.h"

#include <algorithm>
#include <array>
#include <span>

namespace ullage::engine {

namespace {
constexpr int k_rounds_above_reserve = 4;  // after them a write may take from reclaim's slabs
constexpr int k_restarts_max = 64;         // splits and promotions within one hold of the lock

Ref first_piece(const EntryDraft& draft) noexcept {
  return decode_link<PlainBytes>(reinterpret_cast<const std::byte*>(draft.value.data())).first;
}
std::uint64_t payload_of(const EntryPos& pos) noexcept {
  return pos.head.field_bytes + (pos.head.pieces
                                     ? decode_link<SharedBytes>(pos.at + pos.head.value_at).bytes
                                     : pos.head.inline_bytes);
}
}  // namespace

Writer::Writer(State& state, const Directory& directory, RemovalRing& ring, Debt& debt,
               Evictor& evictor, Reclaim& reclaim) noexcept
    : state_(state),
      directory_(directory),
      ring_(ring),
      debt_(debt),
      evictor_(evictor),
      reclaim_(reclaim),
      lookup_(state, directory),
      pages_(state, directory),
      pieces_(state) {}

Result<WriteOutcome> Writer::write(const Names& names, bool wants_value, Decide decide) {
  CallWork work;
  Prepared prepared;
  Patience patience(work, names.group.size() + names.field.size());
  state_.ranking->prefetch(entry_hash(names.group_hash, names.field_hash));
  // Whatever ends the write, `decide` that throws too: pieces that found no entry go.
  struct Discard {
    Writer& writer;
    Prepared& prepared;
    Discard(Writer& w, Prepared& p) noexcept : writer(w), prepared(p) {}
    Discard(const Discard&) = delete;
    Discard& operator=(const Discard&) = delete;
    ~Discard() { writer.discard(prepared); }
  };
  const Discard at_the_end(*this, prepared);
  bool overtaken = false;  // the entry changed after pieces were written for it
  do {
    work.keep_slabs = slabs_to_keep(patience.rounds());
    const Attempt done = attempt(names, wants_value, decide, prepared, work);
    if (done.step == Step::done) {
      discard(prepared);
      if (done.use_has_no_place) note_use(names.group);
      reclaim_.after_write(work);
      state_.flush(work);
      return done.outcome;
    }
    if (done.step == Step::too_large_for_group) {
      state_.flush(work);
      return Error{Errc::value_too_long,
                   "field and value of " + std::to_string(names.field.size() + done.value.size()) +
                       " bytes are more than the group's max_bytes"};
    }
    if (done.step == Step::too_large_for_class) {
      state_.flush(work);
      return Error{Errc::value_too_long, "an entry of " + std::to_string(done.bytes) +
                                             " bytes is more than its class's max"};
    }
    if (done.step == Step::class_is_full) {
      reclaim_.make_class_room(done.full, done.bytes, patience, work);
    } else if (done.step == Step::need_pieces) {
      overtaken = prepared.first != k_no_ref;
      discard(prepared);
      patience.allow(done.value.size());
      if (auto made = prepare_pieces(done.value, done.answer, prepared, work); !made) {
        state_.flush(work);
        return made.error();
      }
    } else {
      reclaim_.make_room(patience, work);
    }
  } while (patience.again());
  state_.flush(work);
  if (overtaken) {
    return Error{Errc::busy, "others changed the entry each time its new value had been written"};
  }
  state_.trace.tell(TraceKind::no_room, 0, 0);
  return Error{
      Errc::no_room,
      "the cache is full and nothing could be reclaimed within the work bound of one call"};
}

Writer::Attempt Writer::attempt(const Names& asked, bool wants_value, Decide decide,
                                Prepared& prepared, CallWork& work) {
  Names names = asked;
  Shard& shard = state_.shard_of(names.group_hash);
  const ShardGuard guard(shard);
  const std::int64_t now_ms = state_.now_ms();
  std::optional<Decision> decision;
  for (int restart = 0; restart < k_restarts_max; ++restart) {
    const GroupPlace group = lookup_.group(shard, names.group, names.group_hash);
    ULLAGE_CHECK(!group.broken);
    if (group && (group_end_ms(state_, group.record, group.head) <= now_ms ||
                  (!group.head.is_stub() && all_expired(group, now_ms)))) {
      drop_group(shard, group, RemovalCause::expired, work);
      continue;
    }
    const EntryPos pos =
        group ? lookup_.entry(shard, group, names.field, names.field_hash) : EntryPos{};
    ULLAGE_CHECK(!pos.broken);
    const bool expired = pos && pos.head.deadline_ms <= now_ms;
    if (!decision) {
      Present present;
      std::string copy;
      present.exists = pos && !expired;
      if (present.exists) {
        present.deadline_ms = pos.head.deadline_ms;
        if (wants_value) {
          if (pos.head.pieces) {
            copy = debt_.read_pieces(decode_link<SharedBytes>(pos.at + pos.head.value_at));
            present.value = copy;
          } else {
            present.value = chars(pos.at + pos.head.value_at, pos.head.inline_bytes);
          }
        }
      }
      decision = decide(present);
    }
    switch (decision->kind) {
      case Decision::Kind::keep:
        return {};
      case Decision::Kind::erase:
        if (!pos) return {};
        if (erase_entry(shard, names, group, pos,
                        expired ? RemovalCause::expired : RemovalCause::erased, work) != Step::done)
          continue;
        return {Step::done, expired ? WriteOutcome::unchanged : WriteOutcome::erased, {}};
      case Decision::Kind::redate:
      case Decision::Kind::put:
        break;
    }
    const bool redate = decision->kind == Decision::Kind::redate;
    names.class_id = k_no_class;
    if (group) {
      names.class_id = group.head.class_id;
    } else if (state_.classes.any()) {
      names.class_id = state_.classes.match(names.group);
    }
    // Now: the write may move the record.
    const GroupLimits limits = limits_of(group, names.class_id);
    if (!redate && limits.max_bytes != 0 &&
        names.field.size() + decision->value.size() > limits.max_bytes) {
      return {Step::too_large_for_group, {}, decision->value};
    }
    EntryDraft draft{names.field, decision->value, decision->deadline_ms, false};
    ClassCharge charge(state_.classes, names.group_hash, names.class_id,
                       pos && names.class_id != k_no_class ? entry_charge(payload_of(pos)) : 0);
    if (names.class_id != k_no_class && !redate) {
      if (state_.classes.limit_groups() && draft.deadline_ms == k_never_ms &&
          state_.classes.ttl_ms(names.class_id) > 0)
        draft.deadline_ms = now_ms + state_.classes.ttl_ms(names.class_id);
      const std::uint64_t bytes = entry_charge(names.field.size() + draft.value.size()) +
                                  (group ? 0 : group_charge(names.group.size()));
      if (const ClassId full = charge.reserve(bytes); full != k_no_class) {
        if (bytes > state_.classes.tightest_max(names.class_id))
          return {.step = Step::too_large_for_class, .bytes = bytes};
        const Ref own = group && group.head.is_stub() ? pos.leaf.page : group.bucket.page;
        if (own != k_no_ref) state_.classes.note_page(full, own);
        return {.step = Step::class_is_full, .full = full, .bytes = bytes};
      }
    }
    std::byte link[k_piece_link_bytes];
    if (redate) {
      if (!pos || expired) return {};
      draft.value = chars(pos.at + pos.head.value_at, pos.head.inline_bytes);
      draft.pieces = pos.head.pieces;
    } else if (draft.value.size() > k_piece_link_bytes &&
               encoded_bytes(draft, now_ms) > k_inline_entry_bytes) {
      if (prepared.first == k_no_ref || prepared.answer != decision->answer)
        return {Step::need_pieces, {}, draft.value, decision->answer};
      encode_link(link, {prepared.first, static_cast<std::uint32_t>(draft.value.size())});
      draft.value = chars(link, sizeof link);
      draft.pieces = true;
    }
    const Step step = put(shard, names, group, pos, draft, expired, redate, now_ms, work);
    if (step == Step::restart) continue;
    if (step == Step::done) {
      if (!redate) charge.keep(pos ? 0 : 1, group ? 0 : 1);
      if (draft.pieces && !redate) prepared = {};
      Attempt done;
      done.outcome = pos && !expired ? WriteOutcome::replaced : WriteOutcome::inserted;
      done.use_has_no_place = group && group.head.idle_at == 0 && limits.idle_ttl.count() > 0;
      return done;
    }
    return {step, {}, {}};
  }
  return {Step::need_room, {}, {}};
}

Writer::Step Writer::put(Shard& shard, const Names& names, const GroupPlace& group,
                         const EntryPos& pos, const EntryDraft& draft, bool expired, bool redate,
                         std::int64_t now_ms, CallWork& work) {
  if (pos && !expired && put_in_place(shard, names, group, pos, draft, redate)) return Step::done;
  if (group && group.head.is_stub())
    return put_in_leaf(shard, names, group, pos, draft, expired, redate, now_ms, work);
  return put_in_bucket(shard, names, group, pos, draft, expired, redate, now_ms, work);
}

std::size_t Writer::slabs_to_keep(int round) const noexcept {
  if (round < k_rounds_above_reserve) return state_.reserve_slabs;
  return round < 2 * k_rounds_above_reserve ? state_.reserve_slabs / 2 : 1;
}

policy::Rank Writer::rank_of_new(const Names& names, const PageImage& image) {
  ResidentSample residents;
  if (state_.ranking->census_due()) residents.take(image.items());
  return state_.ranking->on_insert(entry_hash(names.group_hash, names.field_hash),
                                   state_.entries.load(std::memory_order_relaxed),
                                   residents.ranks());
}

policy::Rank Writer::rank_after(const Names& names, const PageImage& image, bool redate,
                                bool expired, policy::Rank rank) {
  if (redate) return rank;
  if (expired) return rank_of_new(names, image);
  return state_.ranking->on_write(entry_hash(names.group_hash, names.field_hash), rank);
}

void Writer::log_old(RemovalLog& log, const Names& names, const EntryPos& pos,
                     RemovalCause cause) const {
  const std::string_view value =
      chars(pos.at + pos.head.value_at, pos.head.pieces ? 0 : pos.head.inline_bytes);
  const PieceLink link =
      pos.head.pieces ? decode_link<SharedBytes>(pos.at + pos.head.value_at) : PieceLink{};
  // The class is charged the difference: see attempt().
  log.entry(cause, {names.group, k_no_class}, names.field, value, link,
            base::load_u16(pos.rank_at));
}

// Same length and same kind of deadline: only the value's bytes and the deadline's change.
bool Writer::put_in_place(Shard& shard, const Names& names, const GroupPlace& group,
                          const EntryPos& pos, const EntryDraft& draft, bool redate) {
  const EntryHead& e = pos.head;
  if (e.pieces || draft.pieces || e.inline_bytes != draft.value.size()) return false;
  const EntryForm form = form_of(draft, pos.base_ms);
  const bool had = e.deadline_ms != k_never_ms;
  const bool has = draft.deadline_ms != k_never_ms;
  if (had != has) return false;
  // The deadline's bytes lie before the field: those of the same form, and not earlier than the
  // page's due time may tell.
  const std::uint32_t head_bytes = form.is_long ? 2 : 1;
  if (has && (!e.timed || !form.timed || head_bytes + deadline_bytes(form) != e.field_at ||
              draft.deadline_ms < e.deadline_ms))
    return false;
  RemovalLog log(state_, ring_);
  if (!redate) log_old(log, names, pos, RemovalCause::replaced);
  {
    const Change change(shard);
    base::store_bytes(pos.at + e.value_at, draft.value.data(), draft.value.size());
    if (has) {
      base::store_bytes(pos.at + head_bytes, &form.bits, deadline_bytes(form));
    }
    const policy::Rank rank = state_.ranking->on_write(
        entry_hash(names.group_hash, names.field_hash), base::load_u16(pos.rank_at));
    base::store_bytes(pos.rank_at, &rank, sizeof rank);
    if (group.head.idle_at != 0) {
      const std::int64_t now_ms = state_.now_ms();
      base::store_bytes(group.record + group.head.idle_at, &now_ms, sizeof now_ms);
    }
  }
  if (!redate) {
    log.publish(state_, ring_, debt_);
    state_.count(Counter::payload_bytes, draft.field.size() + draft.value.size());
  }
  return true;
}

bool Writer::evict_to_fit(const Found& found, PageImage& image, const Names& keep, bool only_cold,
                          RemovalLog& log, std::uint64_t& leaf_payload, std::uint32_t& leaf_removed,
                          CallWork& work) {
  const std::size_t room = state_.arena->page_bytes(found.page);
  while (image.used() > room && !log.full()) {
    Wanted wanted;
    wanted.entries = log.room();
    wanted.page_bytes = image.used() - room;
    if (only_cold) wanted.score = evictor_.threshold() * state_.classes.least_sway();
    wanted.choice = {Choice::Of::by_class, keep.class_id, k_no_class};
    Victims victims;
    evictor_.pick(image, &keep, wanted, victims, work);
    // Cold ones alone are no reason to evict: if they are too few, others pay for the growth.
    if (victims.empty() || (only_cold && victims.page_bytes() < wanted.page_bytes)) return false;
    for (const Victims::One& victim : victims) {
      std::uint32_t payload = 0;
      remove_entry(image, victim.place, RemovalCause::evicted, {keep.group, keep.class_id}, log,
                   payload);
      leaf_payload += payload;
      ++leaf_removed;
    }
  }
  return image.used() <= room;
}

namespace {
/// A page with one item is split only where two do not fit the largest page: names may be long.
bool worth_splitting(const Found& found, const PageImage& image) noexcept {
  return image.used() > k_split_bytes && found.page != k_no_ref &&
         (found.header.count >= 2 || image.used() > arena::k_page_max_bytes);
}
}  // namespace

Writer::Step Writer::fit(const Level& level, const Found& found, std::uint64_t hash,
                         PageImage& image, const Names& keep, RemovalLog& log,
                         std::uint64_t& leaf_payload, std::uint32_t& leaf_removed, CallWork& work) {
  if (pages_.fits(found, image)) return Step::done;
  const bool pressure = state_.arena->slabs_left() <= state_.reserve_slabs;
  if (pressure && found.page != k_no_ref &&
      evict_to_fit(found, image, keep, true, log, leaf_payload, leaf_removed, work)) {
    return Step::done;
  }
  work.wants_growth = pressure;
  if (worth_splitting(found, image)) {
    switch (pages_.split(level, found, hash, work)) {
      case Pages::Split::done:
        return Step::restart;
      case Pages::Split::no_room:
        return evict_to_fit(found, image, keep, false, log, leaf_payload, leaf_removed, work)
                   ? Step::done
                   : Step::need_room;
      case Pages::Split::too_deep:
        break;
    }
  }
  // Items that no bit of the hash tells apart: the page keeps what it can hold.
  if (image.used() > arena::k_page_max_bytes) {
    return evict_to_fit(found, image, keep, false, log, leaf_payload, leaf_removed, work)
               ? Step::done
               : Step::need_room;
  }
  return Step::done;
}

Writer::Step Writer::fit_whole(const Level& level, const Found& found, std::uint64_t hash,
                               const PageImage& image, CallWork& work) {
  if (pages_.fits(found, image)) return Step::done;
  if (worth_splitting(found, image)) {
    const Pages::Split split = pages_.split(level, found, hash, work);
    if (split != Pages::Split::too_deep)
      return split == Pages::Split::done ? Step::restart : Step::need_room;
  }
  return image.used() > arena::k_page_max_bytes ? Step::need_room : Step::done;
}

GroupLimits Writer::limits_of(const GroupPlace& place, ClassId class_id) const noexcept {
  return place ? group_limits_of(state_, place.record, place.head)
               : class_limits_of(state_, class_id);
}

Writer::Step Writer::put_in_bucket(Shard& shard, const Names& names, const GroupPlace& group,
                                   const EntryPos& pos, const EntryDraft& draft, bool expired,
                                   bool redate, std::int64_t now_ms, CallWork& work) {
  const Level level = directory_.shard_level(shard);
  const std::uint64_t hash = state_.in_shard(names.group_hash);
  const Found& found = group.bucket;
  const GroupLimits limits = limits_of(group, names.class_id);
  const std::int64_t idle_ms = limits.idle_ttl.count();

  PageImage image;
  if (found.page != k_no_ref) {
    image.load(state_.page(found.page));
  } else {
    image.reset(PageKind::bucket, 0, names.group_hash);
  }
  const std::int64_t idle_end = idle_ms > 0 ? now_ms + idle_ms + idle_ms / 16 + 1 : k_never_ms;
  note_deadline(image, draft.deadline_ms);

  RemovalLog log(state_, ring_);
  RecordImage record;
  Ref new_anchor = k_no_ref;
  if (group) {
    record.load(image.slots().at(group.item), image.slots().size(group.item),
                image.slots().rank(group.item));
  } else {
    RecordDraft head;
    head.name = names.group;
    head.class_id = names.class_id;
    if (idle_ms > 0) head.last_use_ms = now_ms;
    record.start(head, false);
  }
  if (group && (idle_ms > 0 || (draft.pieces && group.head.anchor_at == 0))) {
    RecordDraft head = draft_of(record.bytes(), record.head());
    const std::string name(head.name);
    head.name = name;
    if (idle_ms > 0) head.last_use_ms = now_ms;
    if (draft.pieces && head.anchor == k_no_ref) {
      new_anchor = head.anchor = state_.alloc_anchor(work);
      if (new_anchor == k_no_ref) return Step::need_room;
    }
    record.rehead(head);
  } else if (!group && draft.pieces) {
    RecordDraft head;
    head.name = names.group;
    head.class_id = names.class_id;
    if (idle_ms > 0) head.last_use_ms = now_ms;
    new_anchor = head.anchor = state_.alloc_anchor(work);
    if (new_anchor == k_no_ref) return Step::need_room;
    record.start(head, false);
  }
  const auto give_up = [&](Step step) {
    if (new_anchor != k_no_ref) state_.arena->free(new_anchor);
    return step;
  };

  const std::uint32_t size = encoded_bytes(draft, image.base_ms());
  std::byte* to;
  if (pos) {
    if (!redate) log_old(log, names, pos, expired ? RemovalCause::expired : RemovalCause::replaced);
    record.set_rank(pos.index, rank_after(names, image, redate, expired, record.rank(pos.index)));
    to = record.resize(pos.index, size);
  } else {
    std::uint8_t single_tag = 0;
    if (record.head().fields == 1) {
      const auto only = record.fields().item(0);
      const EntryHead e = decode_entry<PlainBytes>(only.at, only.bytes, 0);
      single_tag =
          static_cast<std::uint8_t>(state_.hash_field(chars(only.at + e.field_at, e.field_bytes)));
    }
    if (record.head().fields >= 255) return give_up(promote(shard, group, work));
    to = record.append(names.field_tag(), rank_of_new(names, image), size, single_tag);
  }
  encode_entry(to, draft, image.base_ms());

  // The group's own limits come before its size decides where it lives.
  if (limits.max_fields != 0 || limits.max_bytes != 0) {
    if (group) {
      image.replace_item(group.item, record.bytes(), record.size());
      image.slots().set_rank(group.item, record.slot_rank());
      while (record.head().fields > 1 && !log.full() &&
             ((limits.max_fields != 0 && record.head().fields > limits.max_fields) ||
              (limits.max_bytes != 0 && payload_of(record.fields()) > limits.max_bytes))) {
        const auto victim = evictor_.worst_of_record(image, group.item, &names, now_ms, work);
        if (!victim) break;
        std::uint32_t payload = 0;
        remove_entry(image, victim->place, victim->cause(RemovalCause::limit), {}, log, payload);
        record.load(image.slots().at(group.item), image.slots().size(group.item),
                    image.slots().rank(group.item));
      }
    }
  }
  if (record.size() > k_inline_group_bytes && record.head().fields > 1)
    return give_up(promote(shard, group, work));

  if (group) {
    image.replace_item(group.item, record.bytes(), record.size());
    image.slots().set_rank(group.item, record.slot_rank());
  } else {
    std::byte* at = image.slots().append(names.group_tag(), record.slot_rank(), record.size());
    std::memcpy(at, record.bytes(), record.size());
  }
  std::uint64_t leaf_payload = 0;
  std::uint32_t leaf_removed = 0;
  const Step fitted = fit(level, found, hash, image, names, log, leaf_payload, leaf_removed, work);
  if (fitted != Step::done) return give_up(fitted);

  if (new_anchor != k_no_ref) {
    PageHeader header;
    header.kind = static_cast<std::uint8_t>(PageKind::anchor);
    header.used = static_cast<std::uint16_t>(k_anchor_bytes);
    header.owner = names.group_hash;
    store_header(state_.page(new_anchor), header);
  }
  const Ref adopted = draft.pieces && !redate ? first_piece(draft) : k_no_ref;
  if (adopted != k_no_ref) {
    const Ref anchor = PlainBytes::u32(record.bytes() + record.head().anchor_at);
    pieces_.adopt(adopted, pack_owner(anchor, names.field_hash));
  }
  if (!pages_.commit(level, found, hash, image, work, k_nothing_else)) {
    if (found.page == k_no_ref ||
        !evict_to_fit(found, image, names, false, log, leaf_payload, leaf_removed, work) ||
        !pages_.commit(level, found, hash, image, work, k_nothing_else)) {
      if (adopted != k_no_ref) pieces_.disown(adopted);
      return give_up(Step::need_room);
    }
  }
  lower_due(shard, std::min(draft.deadline_ms, idle_end));
  log.publish(state_, ring_, debt_);
  if (redate) return Step::done;
  std::uint64_t payload = draft.field.size() + draft.value.size();
  if (draft.pieces)
    payload = draft.field.size() +
              decode_link<PlainBytes>(reinterpret_cast<const std::byte*>(draft.value.data())).bytes;
  state_.count(Counter::payload_bytes, payload);
  if (!group) state_.count(Counter::groups);
  if (!pos || expired) {
    state_.entries.fetch_add(1, std::memory_order_relaxed);
    state_.count(Counter::inserts);
  }
  return Step::done;
}

void Writer::store_stub(std::byte* body, const Stub& stub) const noexcept {
  std::byte bytes[k_stub_bytes];
  encode_stub(bytes, stub);
  // The root is the directory's to write.
  base::store_bytes(body + k_stub_fields_at, bytes + k_stub_fields_at,
                    k_stub_bytes - k_stub_fields_at);
}

// A record in a bucket is noted by remove_entry(), which rewrites it.
void Writer::note_loss(const GroupPlace& group) noexcept {
  if (group.head.kind_at == 0) return;
  std::byte* at = group.record + group.head.kind_at;
  const auto kind = static_cast<std::uint8_t>(base::load_u8(at) | k_kind_lost);
  base::store_bytes(at, &kind, sizeof kind);
}

Writer::Step Writer::put_in_leaf(Shard& shard, const Names& names, const GroupPlace& group,
                                 const EntryPos& pos, const EntryDraft& draft, bool expired,
                                 bool redate, std::int64_t now_ms, CallWork& work) {
  const Ref anchor = group.anchor();
  const Level level = directory_.group_level(shard, group.stub_body(), anchor);
  const Found& found = pos.leaf;
  const GroupLimits limits = limits_of(group, names.class_id);

  PageImage image;
  if (found.page != k_no_ref) {
    image.load(state_.page(found.page));
  } else {
    image.reset(PageKind::leaf, 0, pack_owner(anchor, names.field_hash));
  }
  note_deadline(image, draft.deadline_ms);
  const std::uint32_t size = encoded_bytes(draft, image.base_ms());
  RemovalLog log(state_, ring_);
  std::uint64_t old_payload = 0;
  std::byte* to;
  if (pos) {
    old_payload = payload_of(pos);
    if (!redate) log_old(log, names, pos, expired ? RemovalCause::expired : RemovalCause::replaced);
    SlotsEdit& slots = image.slots();
    slots.set_rank(pos.index, rank_after(names, image, redate, expired, slots.rank(pos.index)));
    slots.resize(pos.index, size);
    to = slots.at(pos.index);
  } else {
    const policy::Rank rank = rank_of_new(names, image);
    to = image.slots().append(names.field_tag(), rank, size);
  }
  encode_entry(to, draft, image.base_ms());

  std::uint64_t evicted_payload = 0;
  std::uint32_t evicted = 0;
  const Step fitted =
      fit(level, found, names.field_hash, image, names, log, evicted_payload, evicted, work);
  if (fitted != Step::done) return fitted;

  const std::uint64_t payload =
      draft.field.size() +
      (draft.pieces
           ? decode_link<PlainBytes>(reinterpret_cast<const std::byte*>(draft.value.data())).bytes
           : draft.value.size());
  const Ref adopted = draft.pieces && !redate ? first_piece(draft) : k_no_ref;
  if (adopted != k_no_ref) pieces_.adopt(adopted, pack_owner(anchor, names.field_hash));
  const auto books = [&] {
    Stub stub = decode_stub<SharedBytes>(group.stub_body());
    stub.fields += (pos ? 0U : 1U);
    stub.fields -= evicted;
    stub.bytes += payload;
    stub.bytes -= old_payload + evicted_payload;
    stub.due_ms = std::min(stub.due_ms, draft.deadline_ms);
    store_stub(group.stub_body(), stub);
    if (evicted != 0) note_loss(group);
    if (group.head.idle_at != 0)
      base::store_bytes(group.record + group.head.idle_at, &now_ms, sizeof now_ms);
  };
  if (!pages_.commit(level, found, names.field_hash, image, work, books)) {
    if (found.page == k_no_ref ||
        !evict_to_fit(found, image, names, false, log, evicted_payload, evicted, work) ||
        !pages_.commit(level, found, names.field_hash, image, work, books)) {
      if (adopted != k_no_ref) pieces_.disown(adopted);
      return Step::need_room;
    }
  }
  lower_due(shard, draft.deadline_ms);
  log.publish(state_, ring_, debt_);
  if (!redate) {
    state_.count(Counter::payload_bytes, payload);
    if (!pos || expired) {
      state_.entries.fetch_add(1, std::memory_order_relaxed);
      state_.count(Counter::inserts);
    }
  }
  if (limits.max_fields != 0 || limits.max_bytes != 0) {
    enforce_group_limits(shard, names.group, names.group_hash, &names, work);
  }
  return Step::done;
}

Writer::Step Writer::erase_entry(Shard& shard, const Names& names, const GroupPlace& group,
                                 const EntryPos& pos, RemovalCause cause, CallWork& work) {
  RemovalLog log(state_, ring_);
  PageImage image;
  std::uint32_t payload = 0;
  if (group.head.is_stub()) {
    image.load(state_.page(pos.leaf.page));
    remove_entry(image, {pos.index, 0}, cause, {names.group, group.head.class_id}, log, payload);
    commit_shrunk_leaf(shard, group, pos.leaf, names.field_hash, image, 1, payload, log, work);
    return Step::done;
  }
  image.load(state_.page(group.bucket.page));
  remove_entry(image, {group.item, pos.index}, cause, {}, log, payload);
  commit_shrunk_bucket(shard, group.bucket, state_.in_shard(names.group_hash), image, log, work);
  return Step::done;
}

void Writer::commit_shrunk_bucket(Shard& shard, const Found& bucket, std::uint64_t hash,
                                  PageImage& image, RemovalLog& log, CallWork& work) {
  const bool done =
      pages_.commit(directory_.shard_level(shard), bucket, hash, image, work, k_nothing_else);
  ULLAGE_CHECK(done);  // smaller than before: it fits where it was
  log.publish(state_, ring_, debt_);
  pages_.settle(directory_.shard_level(shard), hash, work);
}

void Writer::commit_shrunk_leaf(Shard& shard, const GroupPlace& group, const Found& leaf,
                                std::uint64_t hash, PageImage& image, std::uint32_t removed,
                                std::uint64_t removed_payload, RemovalLog& log, CallWork& work) {
  const Level level = directory_.group_level(shard, group.stub_body(), group.anchor());
  std::uint64_t left = 0;
  const auto books = [&] {
    Stub stub = decode_stub<SharedBytes>(group.stub_body());
    stub.fields -= removed;
    stub.bytes -= removed_payload;
    left = stub.fields;
    store_stub(group.stub_body(), stub);
    if (log.has_losses()) note_loss(group);
  };
  const bool done = pages_.commit(level, leaf, hash, image, work, books);
  ULLAGE_CHECK(done);
  log.publish(state_, ring_, debt_);
  if (left == 0) {
    // The last field takes its group along.
    drop_group(shard, group, RemovalCause::erased, work);
  } else {
    pages_.settle(level, hash, work);
  }
}

Result<void> Writer::prepare_pieces(std::string_view value, std::uint32_t answer,
                                    Prepared& prepared, CallWork& work) {
  prepared = {answer, k_no_ref};
  Ref last = k_no_ref;
  Patience patience(work, value.size());
  for (std::size_t offset = 0; offset < value.size();) {
    std::size_t held = 0;
    const Ref piece = pieces_.append(value, offset, last, work, held);
    if (piece == k_no_ref) {
      reclaim_.make_room(patience, work);
      const bool again = patience.again();
      work.keep_slabs = slabs_to_keep(patience.rounds());
      if (!again) {
        discard(prepared);
        state_.trace.tell(TraceKind::no_room, 1, value.size());
        return Error{Errc::no_room, "no room for a value of " + std::to_string(value.size()) +
                                        " bytes within the work bound of one call"};
      }
      continue;
    }
    if (last == k_no_ref) prepared.first = piece;
    last = piece;
    offset += held;
  }
  return {};
}

void Writer::discard(Prepared& prepared) {
  if (prepared.first != k_no_ref) debt_.owe_pieces(prepared.first);
  prepared = {};
}

}  // namespace ullage::engine
