#include "engine/group_editor.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/arguments.h"
#include "engine/rebase.h"
#include "engine/reclaim.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace ullage {

std::string_view GroupEdit::keep(std::string_view bytes) {
  constexpr std::size_t k_block_bytes = 16 * k_kib;
  if (bytes.empty()) return {};
  if (bytes.size() > left_) {
    left_ = std::max(bytes.size(), k_block_bytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    free_ = blocks_.back().get();
  }
  char* const at = free_;
  std::memcpy(at, bytes.data(), bytes.size());
  free_ += bytes.size();
  left_ -= bytes.size();
  return {at, bytes.size()};
}

void GroupEdit::set(std::string_view field, std::string_view value, const EditOptions& options) {
  changes_.push_back({Action::set, keep(field), keep(value), options});
}

void GroupEdit::restate(std::string_view field, std::string_view value) {
  changes_.push_back({Action::restate, keep(field), keep(value), {}});
}

void GroupEdit::erase(std::string_view field) {
  changes_.push_back({Action::erase, keep(field), {}, {}});
}

}  // namespace ullage

namespace ullage::engine {

namespace {
constexpr int k_restarts_max = 64;
}  // namespace

struct GroupEditor::Call {
  Call(State& state, Debt& debt, std::string_view group) noexcept
      : name(group),
        hash(state.hash_group(group)),
        shard(state.shard_of(hash)),
        hoard(state),
        debt_(debt) {}
  ~Call() {
    for (const PreparedValue& value : prepared)
      debt_.owe_pieces(value.first);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string_view name;
  const std::uint64_t hash;
  Shard& shard;
  CallWork work;
  PageHoard hoard;
  std::vector<PreparedValue> prepared;
  std::vector<std::string> missing;  ///< large values that are to be prepared
  std::size_t bytes = 0;             ///< of the group, as the last attempt would have it

 private:
  Debt& debt_;
};

/// The group as it is to be.
struct GroupEditor::Plan {
  struct Removed {
    RemovalCause cause;
    const GroupEntry* entry;
    const GroupCopy::Place* place;
  };
  struct Adopted {
    std::size_t prepared;  ///< which
    std::uint64_t field_hash;
  };
  std::vector<NewEntry> entries;  ///< sorted by hash
  std::vector<Removed> removed;
  std::vector<Adopted> adopted;
  std::vector<Ref> restated_pieces;  ///< of values that were restated
  std::deque<std::array<std::byte, k_piece_link_bytes>> links;
  EditOutcome outcome;
  std::uint64_t expired = 0;
  std::uint64_t payload_added = 0;
  std::uint64_t payload_restated = 0;  ///< of what was there before
  std::int64_t due_ms = k_never_ms;
  std::int64_t now_ms = 0;
  std::uint8_t kind = 0;  ///< as the record is to have it
  bool has_pieces = false;

  [[nodiscard]] std::string_view link(Ref first, std::size_t bytes) {
    links.emplace_back();
    encode_link(links.back().data(), {first, static_cast<std::uint32_t>(bytes)});
    return chars(links.back().data(), k_piece_link_bytes);
  }
  [[nodiscard]] std::uint64_t payload() const noexcept {
    std::uint64_t bytes = 0;
    for (const NewEntry& entry : entries)
      bytes += entry.payload_bytes;
    return bytes;
  }
};

Result<EditOutcome> GroupEditor::edit(std::string_view name, Edit edit) {
  Call call(state_, debt_, name);
  Patience patience(call.work, name.size());
  std::size_t allowed = 0;
  do {
    call.work.keep_slabs = writer_.slabs_to_keep(patience.rounds());
    const Attempt done = attempt(call, edit);
    if (call.bytes > allowed) {
      patience.allow(call.bytes - allowed);
      allowed = call.bytes;
    }
    switch (done.step) {
      case Step::done:
        reclaim_.after_write(call.work);
        state_.flush(call.work);
        return done.outcome;
      case Step::refused:
        state_.flush(call.work);
        return *done.error;
      case Step::class_is_full:
        reclaim_.make_class_room(done.full, done.bytes, patience, call.work);
        break;
      case Step::need_room:
        reclaim_.make_room(patience, call.work);
        break;
      case Step::need_pieces:
        for (std::string& value : call.missing) {
          Writer::Prepared prepared;
          if (auto made = writer_.prepare_pieces(value, 0, prepared, call.work); !made) {
            state_.flush(call.work);
            return made.error();
          }
          call.prepared.push_back({std::move(value), prepared.first});
        }
        call.missing.clear();
        break;
    }
  } while (patience.again());
  state_.flush(call.work);
  state_.trace.tell(TraceKind::no_room, 0, 0);
  return Error{Errc::no_room,
               "edit_group: the cache is full and nothing could be reclaimed within the work bound "
               "of one call"};
}

std::optional<Error> GroupEditor::check(const GroupEdit& edit, const GroupLimits& limits) const {
  if (edit.kind_ > k_group_kind_max) {
    return Error{Errc::invalid_argument, "a group's kind of " + std::to_string(edit.kind_) +
                                             " is above " + std::to_string(k_group_kind_max)};
  }
  const std::size_t value_max = state_.max_value_bytes.load(std::memory_order_relaxed);
  for (const GroupEdit::Change& change : edit.changes_) {
    if (auto bad = check_name("field", change.field)) return bad;
    if (auto bad = check_value(change.value, value_max)) return bad;
    if (auto bad = check_ttl("ttl", change.options.ttl)) return bad;
    if (change.options.keep_ttl && change.options.ttl)
      return Error{Errc::invalid_argument, "keep_ttl and ttl exclude each other"};
    const std::size_t bytes = change.field.size() + change.value.size();
    if (limits.max_bytes != 0 && bytes > limits.max_bytes) {
      return Error{Errc::value_too_long, "field and value of " + std::to_string(bytes) +
                                             " bytes are more than the group's max_bytes"};
    }
  }
  return std::nullopt;
}

GroupEditor::Attempt GroupEditor::attempt(Call& call, Edit edit_callback) {
  const ShardGuard guard(call.shard);
  GroupCopy copy(state_, directory_);
  const GroupCopy::Taken taken =
      copy.take(call.shard, call.name, call.hash, GroupCopy::For::editing);
  ULLAGE_CHECK(taken != GroupCopy::Taken::torn);
  const std::string too_large = "a group of more than " + std::to_string(k_group_edit_max_fields) +
                                " fields or " + std::to_string(k_group_edit_max_bytes) +
                                " bytes is not changed as a whole";
  if (taken == GroupCopy::Taken::too_large) return refused(Errc::group_too_large, too_large);
  if (taken == GroupCopy::Taken::absent && copy.has_record()) {
    writer_.drop_group(call.shard, lookup_.group(call.shard, call.name, call.hash),
                       RemovalCause::expired, call.work);
    static_cast<void>(copy.take(call.shard, call.name, call.hash, GroupCopy::For::editing));
  }

  GroupEdit edit(copy.view());
  if (const Result<void> said = edit_callback(edit); !said) {
    return {.step = Step::refused, .error = said.error()};
  }
  const GroupPlace group = lookup_.group(call.shard, call.name, call.hash);
  if (edit.changes_.empty() && (!group || (edit.kind_ == edit.before_.kind &&
                                           (!edit.forgets_losses_ || !edit.before_.has_losses))))
    return {};
  ClassId class_id = k_no_class;
  if (group) {
    class_id = group.head.class_id;
  } else if (state_.classes.any()) {
    class_id = state_.classes.match(call.name);
  }
  const GroupLimits limits = writer_.limits_of(group, class_id);
  if (auto bad = check(edit, limits)) return {.step = Step::refused, .error = std::move(bad)};

  Plan plan;
  plan.now_ms = copy.now_ms();
  plan.kind = edit.kind_;
  if (edit.kind_ != 0 && !edit.forgets_losses_ && edit.before_.has_losses) plan.kind |= k_kind_lost;
  this->plan(
      call, edit, copy,
      class_id != k_no_class && state_.classes.limit_groups() ? state_.classes.ttl_ms(class_id) : 0,
      plan);
  if (!call.missing.empty()) return {.step = Step::need_pieces};
  const std::uint64_t payload = plan.payload();
  call.bytes = payload;
  if (plan.entries.size() > k_group_edit_max_fields || payload > k_group_edit_max_bytes)
    return refused(Errc::group_too_large, too_large);

  if (plan.entries.empty()) {
    if (group) writer_.drop_group(call.shard, group, RemovalCause::erased, call.work);
    return {.outcome = plan.outcome};
  }
  ClassCharge charge(
      state_.classes, call.hash, class_id,
      group && class_id != k_no_class ? charge_of(group.record, group.head).bytes : 0);
  if (class_id != k_no_class) {
    const std::uint64_t bytes =
        payload + plan.entries.size() * k_class_entry_bytes + group_charge(call.name.size());
    if (const ClassId full = charge.reserve(bytes); full != k_no_class) {
      if (bytes > state_.classes.tightest_max(class_id)) {
        return refused(Errc::group_too_large, "a group of " + std::to_string(bytes) +
                                                  " bytes is more than its class's max");
      }
      if (group) state_.classes.note_page(full, group.bucket.page);
      return {.step = Step::class_is_full, .full = full, .bytes = bytes};
    }
  }
  const bool is_new = !group;
  if (const Step step = put(call, plan, class_id); step != Step::done) {
    if (step == Step::refused)
      return refused(Errc::group_too_large, "more fields share a hash than a page holds");
    return {.step = step};
  }
  charge.keep(plan.outcome.inserted, is_new ? 1 : 0);
  if (is_new) state_.count(Counter::groups);
  publish(call, plan, class_id);
  if (limits.max_fields != 0 || limits.max_bytes != 0)
    writer_.enforce_group_limits(call.shard, call.name, call.hash, nullptr, call.work);
  return {.outcome = plan.outcome};
}

void GroupEditor::plan(Call& call, const GroupEdit& edit, GroupCopy& copy,
                       std::int64_t class_ttl_ms, Plan& plan) {
  // What is there and what is to change, in the order of hashes; equal fields side by side, what is
  // there first and the last change last.
  struct Item {
    std::uint64_t hash;
    std::string_view field;
    std::size_t sequence;
  };
  const std::span<const GroupEntry> present = copy.entries();
  std::vector<Item> items;
  items.reserve(present.size() + edit.changes_.size());
  for (const GroupEntry& entry : present)
    items.push_back({state_.hash_field(entry.field), entry.field, items.size()});
  for (const GroupEdit::Change& change : edit.changes_)
    items.push_back({state_.hash_field(change.field), change.field, items.size()});
  std::ranges::sort(items, [](const Item& a, const Item& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return std::tie(a.field, a.sequence) < std::tie(b.field, b.sequence);
  });

  std::vector<bool> taken(call.prepared.size(), false);
  const auto draft_value = [&](std::uint64_t hash, EntryDraft& draft, std::string_view value) {
    draft.value = value;
    if (value.size() <= k_piece_link_bytes ||
        encoded_bytes(draft, plan.now_ms) <= k_inline_entry_bytes)
      return;
    draft.pieces = plan.has_pieces = true;
    for (std::size_t i = 0; i < call.prepared.size(); ++i) {
      if (taken[i] || call.prepared[i].value != value) continue;
      taken[i] = true;
      draft.value = plan.link(call.prepared[i].first, value.size());
      plan.adopted.push_back({i, hash});
      return;
    }
    call.missing.emplace_back(value);
  };
  plan.entries.reserve(items.size());
  for (std::size_t i = 0; i < items.size();) {
    std::size_t last = i;
    while (last + 1 < items.size() && items[last + 1].hash == items[i].hash &&
           items[last + 1].field == items[i].field)
      ++last;
    const std::uint64_t hash = items[i].hash;
    const GroupEntry* const was =
        items[i].sequence < present.size() ? &present[items[i].sequence] : nullptr;
    const GroupCopy::Place* const place = was ? &copy.places()[items[i].sequence] : nullptr;
    const GroupEdit::Change* const change =
        items[last].sequence >= present.size()
            ? &edit.changes_[items[last].sequence - present.size()]
            : nullptr;
    i = last + 1;
    if (change && change->action == GroupEdit::Action::erase) {
      if (was) {
        plan.removed.push_back({RemovalCause::erased, was, place});
        ++plan.outcome.erased;
      }
      continue;
    }
    ULLAGE_CHECK(was != nullptr || change != nullptr);  // what is neither is no item
    NewEntry entry{hash, {}, 0, 0};
    entry.draft.field = was ? was->field : change->field;
    if (!change) {
      entry.draft.deadline_ms = place->deadline_ms;
      entry.draft.pieces = place->pieces != k_no_ref;
      entry.draft.value =
          entry.draft.pieces ? plan.link(place->pieces, was->value.size()) : was->value;
      plan.has_pieces |= entry.draft.pieces;
      entry.rank = place->rank;
      entry.payload_bytes = was->field.size() + was->value.size();
    } else {
      entry.payload_bytes = change->field.size() + change->value.size();
      plan.payload_added += entry.payload_bytes;
      const std::uint64_t whole_hash = entry_hash(call.hash, hash);
      if (was && change->action == GroupEdit::Action::restate) {
        entry.draft.deadline_ms = place->deadline_ms;
        entry.rank = place->rank;
        plan.payload_restated += was->field.size() + was->value.size();
        if (place->pieces != k_no_ref) plan.restated_pieces.push_back(place->pieces);
      } else {
        if (change->options.ttl) {
          entry.draft.deadline_ms = plan.now_ms + change->options.ttl->count();
        } else if (change->options.keep_ttl && was) {
          entry.draft.deadline_ms = place->deadline_ms;
        }
        if (entry.draft.deadline_ms == k_never_ms && class_ttl_ms > 0)
          entry.draft.deadline_ms = plan.now_ms + class_ttl_ms;
        if (was) {
          entry.rank = state_.ranking->on_write(whole_hash, place->rank);
          plan.removed.push_back({RemovalCause::replaced, was, place});
          ++plan.outcome.replaced;
        } else {
          entry.rank = state_.ranking->on_insert(
              whole_hash, state_.entries.load(std::memory_order_relaxed), {});
          ++plan.outcome.inserted;
        }
      }
      draft_value(hash, entry.draft, change->value);
    }
    plan.due_ms = std::min(plan.due_ms, entry.draft.deadline_ms);
    plan.entries.push_back(entry);
  }
  for (std::size_t i = 0; i < copy.ended().size(); ++i) {
    plan.removed.push_back({RemovalCause::expired, &copy.ended()[i], &copy.ended_places()[i]});
    ++plan.expired;
  }
}

GroupEditor::Step GroupEditor::put(Call& call, const Plan& plan, ClassId class_id) {
  const Level level = directory_.shard_level(call.shard);
  const std::uint64_t hash = state_.in_shard(call.hash);
  const std::int64_t now_ms = plan.now_ms;
  // As if every deadline took its widest form: what is inline then certainly fits.
  std::size_t inline_bytes = plan.entries.size() > 1 ? k_slot_bytes * plan.entries.size() : 0;
  for (const NewEntry& entry : plan.entries)
    inline_bytes += 2 + (entry.draft.deadline_ms != k_never_ms ? 8 : 0) + entry.draft.field.size() +
                    entry.draft.value.size();

  call.work.entries_moved += plan.entries.size();
  Ref new_anchor = k_no_ref;
  NewLeaves leaves;
  const auto give_up = [&](Step step) {
    if (new_anchor != k_no_ref) state_.arena->free(new_anchor);
    return step;
  };
  for (int restart = 0; restart < k_restarts_max; ++restart) {
    const GroupPlace group = lookup_.group(call.shard, call.name, call.hash);
    const Found& found = group.bucket;
    PageImage image;
    if (found.page != k_no_ref) {
      image.load(state_.page(found.page));
    } else {
      image.reset(PageKind::bucket, 0, call.hash);
    }
    RecordDraft head;
    if (group) head = draft_of(image.slots().at(group.item), group.head);
    head.name = call.name;
    head.class_id = class_id;
    head.kind = plan.kind;
    if (writer_.limits_of(group, class_id).idle_ttl.count() > 0) head.last_use_ms = now_ms;

    RecordImage record;
    head.anchor = k_no_ref;
    const bool is_inline =
        plan.entries.size() == 1 ||
        (plan.entries.size() <= 255 &&
         encoded_head_bytes(head) + k_anchor_bytes + inline_bytes <= k_inline_group_bytes);
    const Ref old_anchor = group ? group.anchor() : k_no_ref;
    if (!is_inline || plan.has_pieces) {
      head.anchor = old_anchor;
      if (head.anchor == k_no_ref && new_anchor == k_no_ref) {
        new_anchor = state_.alloc_anchor(call.work);
        if (new_anchor == k_no_ref) return Step::need_room;
        PageHeader header;
        header.kind = static_cast<std::uint8_t>(PageKind::anchor);
        header.used = static_cast<std::uint16_t>(k_anchor_bytes);
        header.owner = call.hash;
        store_header(state_.page(new_anchor), header);
      }
      if (head.anchor == k_no_ref) head.anchor = new_anchor;
    }
    if (is_inline) {
      for (const NewEntry& entry : plan.entries)
        note_deadline(image, entry.draft.deadline_ms);
      record.start(head, false);
      const auto first_tag = static_cast<std::uint8_t>(plan.entries[0].hash);
      for (const NewEntry& entry : plan.entries) {
        std::byte* at = record.append(static_cast<std::uint8_t>(entry.hash), entry.rank,
                                      encoded_bytes(entry.draft, image.base_ms()), first_tag);
        encode_entry(at, entry.draft, image.base_ms());
      }
    } else {
      if (!leaves.build(plan.entries, head.anchor)) return give_up(Step::refused);
      record.start(head, true);
      record.finish_stub({k_no_ref, plan.entries.size(), plan.payload(), plan.due_ms});
    }
    std::uint32_t item = group.item;
    if (group) {
      image.replace_item(item, record.bytes(), record.size());
      image.slots().set_rank(item, record.slot_rank());
    } else {
      item = image.slots().count();
      std::byte* at = image.slots().append(static_cast<std::uint8_t>(call.hash), record.slot_rank(),
                                           record.size());
      std::memcpy(at, record.bytes(), record.size());
    }
    const Writer::Step fitted = writer_.fit_whole(level, found, hash, image, call.work);
    if (fitted == Writer::Step::restart) continue;
    if (fitted != Writer::Step::done) return give_up(Step::need_room);

    std::vector<Ref> old_pages;
    if (group && group.head.is_stub())
      collect_pages(state_, decode_stub<SharedBytes>(group.stub_body()).root, old_pages);
    if (!is_inline) {
      if (!leaves.take_places(call.hoard, call.work)) return give_up(Step::need_room);
      put_u32(image.slots().at(item) + record.head().body_at + k_stub_root_at,
              leaves.store(state_));
    }
    for (const Plan::Adopted& one : plan.adopted)
      pieces_.adopt(call.prepared[one.prepared].first, pack_owner(head.anchor, one.field_hash));
    if (!writer_.pages().commit(level, found, hash, image, call.work, k_nothing_else)) {
      for (const Plan::Adopted& one : plan.adopted)
        pieces_.disown(call.prepared[one.prepared].first);
      if (!is_inline) leaves.give_back(call.hoard);
      return give_up(Step::need_room);
    }

    for (const Ref page : old_pages)
      state_.arena->free(page);
    call.work.pages_freed += old_pages.size();
    if (old_anchor != k_no_ref && head.anchor == k_no_ref) {
      state_.arena->free(old_anchor);
    } else if (old_anchor != k_no_ref && is_inline && writer_.is_being_swept(old_anchor)) {
      writer_.end_sweep_of_renamed(old_anchor);
    }
    lower_due(call.shard, plan.due_ms);
    lower_due(call.shard, group_end_ms(state_, record.bytes(), record.head()));
    // They have an owner now.
    for (const Plan::Adopted& one : plan.adopted)
      call.prepared[one.prepared].first = k_no_ref;
    std::erase_if(call.prepared, [](const PreparedValue& v) { return v.first == k_no_ref; });
    return Step::done;
  }
  return give_up(Step::need_room);
}

void GroupEditor::publish(const Call& call, const Plan& plan, ClassId class_id) {
  RemovalLog log(state_, ring_);
  for (const Plan::Removed& one : plan.removed) {
    if (log.full()) log.publish(state_, ring_, debt_);
    PieceLink link;
    if (one.place->pieces != k_no_ref)
      link = {one.place->pieces, static_cast<std::uint32_t>(one.entry->value.size())};
    // The class is charged the difference: see attempt().
    log.entry(one.cause, {call.name, k_no_class}, one.entry->field,
              link.first != k_no_ref ? std::string_view{} : one.entry->value, link,
              one.place->rank);
  }
  log.publish(state_, ring_, debt_);
  for (const Ref first : plan.restated_pieces)
    debt_.owe_pieces(first);
  state_.count(Counter::payload_bytes, plan.payload_added);
  state_.uncount(Counter::payload_bytes, plan.payload_restated);
  state_.count(Counter::inserts, plan.outcome.inserted);
  state_.entries.fetch_add(plan.outcome.inserted, std::memory_order_relaxed);
  if (class_id == k_no_class) return;
  state_.classes.uncount_entries(class_id, plan.outcome.erased + plan.expired);
  state_.classes.count_removed(class_id, RemovalCause::erased, plan.outcome.erased);
  state_.classes.count_removed(class_id, RemovalCause::expired, plan.expired);
  state_.classes.count_removed(class_id, RemovalCause::replaced, plan.outcome.replaced);
}

}  // namespace ullage::engine
