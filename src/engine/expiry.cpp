#include "engine/expiry.h"

#include "base/words.h"

#include <algorithm>

namespace ullage::engine {

namespace {
constexpr std::size_t k_shards_a_step = 1024;
constexpr std::int64_t k_scan_interval_ms = 50;
constexpr std::int64_t k_scan_interval_max_ms = 500;
constexpr std::size_t k_shards_an_interval = 65536;
}  // namespace

std::int64_t Expiry::scan_interval_ms() const noexcept {
  const auto rounds = static_cast<std::int64_t>(state_.shard_count() / k_shards_an_interval) + 1;
  return std::min(k_scan_interval_ms * rounds, k_scan_interval_max_ms);
}

bool Expiry::find_due_shard(std::int64_t now_ms) {
  // What falls due while a scan is under way may lie behind it: the interval counts from its start.
  if (shards_read_ == 0) scan_began_ms_ = now_ms;
  for (std::size_t n = 0; n < k_shards_a_step; ++n) {
    if (shards_read_ == state_.shard_count()) {
      shards_read_ = 0;
      next_scan_ms_ = look_again_ ? now_ms : scan_began_ms_ + scan_interval_ms();
      look_again_ = false;
      return next_scan_ms_ <= now_ms;
    }
    const std::size_t index = next_shard_;
    next_shard_ = (next_shard_ + 1) % state_.shard_count();
    ++shards_read_;
    const std::int64_t due = load_due(state_.shards[index]);
    if (due == 0 || due > now_ms) continue;
    cursor_ = Cursor{};
    cursor_.active = true;
    cursor_.shard = index;
    const ShardGuard guard(state_.shards[index]);
    // From here on writers lower it again for what they add behind the sweep's back.
    __atomic_store_n(&state_.shards[index].due_ms, 0, __ATOMIC_RELAXED);
    return true;
  }
  return true;
}

bool Expiry::step(CallWork& work) {
  const std::unique_lock sweeper(mutex_, std::try_to_lock);
  if (!sweeper.owns_lock()) return false;
  const std::int64_t now_ms = state_.now_ms();
  if (!cursor_.active) {
    if (shards_read_ == 0 && now_ms < next_scan_ms_) return false;
    return find_due_shard(now_ms);
  }
  Shard& shard = state_.shards[cursor_.shard];
  const TraceSpan span(state_.trace, TraceKind::sweep);
  const ShardGuard guard(shard);
  if (cursor_.in_group) {
    if (!step_leaf(shard, cursor_, now_ms, work)) cursor_.in_group = false;
    return true;
  }
  step_bucket(shard, now_ms, work);
  return true;
}

std::int64_t Expiry::sweep_bucket(Shard& shard, const Found& found, std::uint64_t hash,
                                  std::int64_t now_ms, CallWork& work) {
  if (!found.header.has_time()) return k_never_ms;
  PageImage image;
  image.load(state_.page(found.page));
  if (image.due_ms() > now_ms) return image.due_ms();
  RemovalLog log(state_, ring_);
  std::uint32_t removed = 0;
  remove_expired(image, now_ms, {}, log, removed);
  const std::int64_t due = image.due_ms();
  if (due == k_never_ms) image.drop_time();
  writer_.commit_shrunk_bucket(shard, found, hash, image, log, work);
  return due;
}

void Expiry::step_bucket(Shard& shard, std::int64_t now_ms, CallWork& work) {
  const Level level = directory_.shard_level(shard);
  const Found found = directory_.find(level, cursor_.bucket_at);
  if (found.page != k_no_ref) {
    const PageSlots page = open_slots(state_.page(found.page), found.header);
    for (std::uint32_t i = 0; i < page.slots.count(); ++i) {
      const auto item = page.slots.item(i);
      GroupPlace place;
      place.bucket = found;
      place.page = page;
      place.item = i;
      place.record = const_cast<std::byte*>(item.at);
      place.head = decode_record<SharedBytes>(item.at, item.bytes);
      const std::int64_t end = group_end_ms(state_, place.record, place.head);
      if (end <= now_ms) {
        writer_.drop_group(shard, place, RemovalCause::expired, work);
        return;  // the page has changed: the same place again in the next step
      }
      cursor_.due_ms = std::min(cursor_.due_ms, end);
      if (writer_.over_limits(place)) {
        const std::string name(chars(place.record + place.head.name_at, place.head.name_bytes));
        if (writer_.enforce_group_limits(shard, name, state_.hash_group(name), nullptr, work) != 0)
          return;
      }
      if (!place.head.is_stub()) continue;
      const Stub stub = decode_stub<SharedBytes>(place.stub_body());
      if (stub.due_ms > now_ms || cursor_.has_passed(place.anchor())) {
        cursor_.due_ms = std::min(cursor_.due_ms, stub.due_ms);
        continue;
      }
      cursor_.in_group = true;
      cursor_.passed[cursor_.passed_count++] = place.anchor();
      cursor_.anchor = place.anchor();
      cursor_.group_hash = load_header(state_.page(cursor_.anchor)).owner;
      cursor_.field_at = 0;
      cursor_.group_due_ms = k_never_ms;
      begin_sweep(place);
      return;
    }
    const std::int64_t due = sweep_bucket(shard, found, cursor_.bucket_at, now_ms, work);
    if (due <= now_ms) return;  // the log was full: the same page again
    cursor_.due_ms = std::min(cursor_.due_ms, due);
  }
  cursor_.passed_count = 0;
  cursor_.bucket_at = after_range(cursor_.bucket_at, found.depth());
  if (cursor_.bucket_at == 0) {
    lower_due(shard, cursor_.due_ms);
    cursor_.active = false;
  }
}

void Expiry::set_sweeping(Ref anchor, bool sweeping) noexcept {
  PageHeader header = load_header(state_.page(anchor));
  header.flags = sweeping ? k_anchor_sweeping : 0;
  store_header(state_.page(anchor), header);
}

// Writers lower the due time from "never" while the sweep passes by; until it ends the flag says
// that the group may still hold what has ended.
void Expiry::begin_sweep(const GroupPlace& place) noexcept {
  const std::int64_t never = k_never_ms;
  base::store_bytes(place.stub_body() + k_stub_due_at, &never, sizeof never);
  set_sweeping(place.anchor(), true);
}

bool Expiry::step_leaf(Shard& shard, Cursor& cursor, std::int64_t now_ms, CallWork& work) {
  const GroupPlace group =
      writer_.lookup().group_of_anchor(shard, cursor.group_hash, cursor.anchor);
  if (!group || !group.head.is_stub()) return false;
  const Level level = directory_.group_level(shard, group.stub_body(), cursor.anchor);
  const Found found = directory_.next_page(level, cursor.field_at, k_empty_refs_a_hold);
  if (found.page == k_no_ref && cursor.field_at != 0) return true;
  bool again = false;
  if (found.page != k_no_ref && found.header.has_time()) {
    PageImage image;
    image.load(state_.page(found.page));
    if (image.due_ms() <= now_ms) {
      RemovalLog log(state_, ring_);
      std::uint32_t removed = 0;
      const GroupOf owner{chars(group.record + group.head.name_at, group.head.name_bytes),
                          group.head.class_id};
      const std::uint32_t payload = remove_expired(image, now_ms, owner, log, removed);
      const std::int64_t due = image.due_ms();
      again = due <= now_ms;
      if (due == k_never_ms) image.drop_time();
      const bool last = decode_stub<SharedBytes>(group.stub_body()).fields == removed;
      writer_.commit_shrunk_leaf(shard, group, found, cursor.field_at, image, removed, payload, log,
                                 work);
      if (last) return false;  // the group went with its last field
      if (!again) cursor.group_due_ms = std::min(cursor.group_due_ms, due);
    } else {
      cursor.group_due_ms = std::min(cursor.group_due_ms, image.due_ms());
    }
  }
  if (again) return true;
  if (found.page != k_no_ref) cursor.field_at = after_range(cursor.field_at, found.depth());
  if (cursor.field_at != 0) return true;
  Stub stub = decode_stub<SharedBytes>(group.stub_body());
  const std::int64_t due = std::min(stub.due_ms, cursor.group_due_ms);
  base::store_bytes(group.stub_body() + k_stub_due_at, &due, sizeof due);
  set_sweeping(cursor.anchor, false);
  lower_due(shard, due);
  return false;
}

void Expiry::sweep_group(std::string_view name) {
  const std::uint64_t hash = state_.hash_group(name);
  Shard& shard = state_.shard_of(hash);
  CallWork work;
  Cursor cursor;
  {
    const ShardGuard guard(shard);
    const GroupPlace place = writer_.lookup().group(shard, name, hash);
    if (!place) return;
    if (!place.head.is_stub()) {
      sweep_bucket(shard, place.bucket, state_.in_shard(hash), state_.now_ms(), work);
      return;
    }
    cursor.anchor = place.anchor();
    cursor.group_hash = hash;
    begin_sweep(place);
  }
  for (bool more = true; more;) {
    const ShardGuard guard(shard);
    more = step_leaf(shard, cursor, state_.now_ms(), work);
  }
}

void Expiry::all_due() noexcept {
  for (std::size_t i = 0; i < state_.shard_count(); ++i) {
    const ShardGuard guard(state_.shards[i]);
    lower_due(state_.shards[i], 1);
  }
  look_again();
}

Expiry::Pause Expiry::pause() {
  Pause pause{std::unique_lock(mutex_), std::nullopt};
  if (cursor_.active) pause.shard_half_swept = cursor_.shard;
  return pause;
}

void Expiry::look_again() noexcept {
  const std::lock_guard lock(mutex_);
  next_scan_ms_ = 0;
  look_again_ = shards_read_ != 0;  // a scan under way may have passed what is due now
}

}  // namespace ullage::engine
