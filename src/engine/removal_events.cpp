#include "engine/removal_events.h"

#include "base/check.h"
#include "engine/debt.h"
#include "engine/items.h"

#include <algorithm>

namespace ullage::engine {

void RemovalRing::copy_in(const void* from, std::size_t n) noexcept {
  if (n == 0) return;
  const std::size_t at = (head_ + used_) % bytes_;
  const std::size_t first = std::min(n, bytes_ - at);
  std::memcpy(memory_ + at, from, first);
  if (n > first) std::memcpy(memory_, static_cast<const std::byte*>(from) + first, n - first);
  used_ += n;
}

void RemovalRing::copy_out(void* to, std::size_t n) noexcept {
  if (n == 0) return;
  const std::size_t first = std::min(n, bytes_ - head_);
  std::memcpy(to, memory_ + head_, first);
  if (n > first) std::memcpy(static_cast<std::byte*>(to) + first, memory_, n - first);
  head_ = (head_ + n) % bytes_;
  used_ -= n;
}

void RemovalRing::push(RemovalCause cause, std::string_view group, std::string_view field,
                       std::string_view value, std::uint64_t value_bytes) noexcept {
  if (!causes().contains(cause)) return;
  const Head head{
      static_cast<std::uint32_t>(group.size()), static_cast<std::uint32_t>(field.size()),
      static_cast<std::uint32_t>(value.size()), static_cast<std::uint32_t>(cause), value_bytes};
  const std::lock_guard lock(mutex_);
  if (sizeof head + group.size() + field.size() + value.size() > bytes_ - used_) {
    lose(1);
    return;
  }
  copy_in(&head, sizeof head);
  copy_in(group.data(), group.size());
  copy_in(field.data(), field.size());
  copy_in(value.data(), value.size());
}

bool RemovalRing::empty() const noexcept {
  const std::lock_guard lock(mutex_);
  return used_ == 0;
}

std::size_t RemovalRing::deliver(const RemovalListener& listener, std::size_t max) {
  std::string bytes;
  std::size_t done = 0;
  for (; done < max; ++done) {
    Head head;
    std::uint64_t lost_before = 0;
    {
      const std::lock_guard lock(mutex_);
      if (used_ == 0) break;
      copy_out(&head, sizeof head);
      bytes.resize(std::size_t{head.group_bytes} + head.field_bytes + head.kept_value_bytes);
      copy_out(bytes.data(), bytes.size());
      lost_before = lost() - lost_told_;
      lost_told_ += lost_before;
    }
    const std::string_view all = bytes;
    listener({all.substr(0, head.group_bytes), all.substr(head.group_bytes, head.field_bytes),
              all.substr(std::size_t{head.group_bytes} + head.field_bytes), head.value_bytes,
              static_cast<RemovalCause>(head.cause), lost_before});
  }
  return done;
}

namespace {
/// What was pushed out may be asked for again and is remembered; what its user or its time let go
/// is not.
bool leaves_a_ghost(RemovalCause cause) noexcept {
  return cause == RemovalCause::evicted || cause == RemovalCause::limit;
}
}  // namespace

void RemovalLog::uncharge(GroupOf group, RemovalCause cause, std::uint64_t bytes,
                          std::uint32_t entries, std::uint32_t groups) {
  // Only while a walk is under way does it matter on which side of it the group is.
  const std::uint64_t hash = state_.classes.is_settled() ? 0 : state_.hash_group(group.name);
  if (uncharges_ != 0) {
    Uncharge& last = uncharge_[uncharges_ - 1];
    if (last.class_id == group.class_id && last.cause == cause && last.group_hash == hash) {
      last.bytes += bytes;
      last.entries += entries;
      last.groups += groups;
      return;
    }
  }
  ULLAGE_CHECK(uncharges_ < uncharge_.size());
  uncharge_[uncharges_++] = {hash, bytes, entries, groups, cause, group.class_id};
}

void RemovalLog::entry(RemovalCause cause, GroupOf group, std::string_view field,
                       std::string_view value, PieceLink pieces, policy::Rank rank) {
  ULLAGE_CHECK(count_ < k_max);
  One& one = ones_[count_++];
  has_losses_ |= is_loss(cause);
  const auto value_bytes =
      pieces.first != k_no_ref ? pieces.bytes : static_cast<std::uint32_t>(value.size());
  one = {.cause = cause,
         .rank = rank,
         .payload_bytes = static_cast<std::uint32_t>(field.size()) + value_bytes,
         .value_bytes = value_bytes,
         .hash = 0,
         .pieces_first = pieces.first,
         .pieces_bytes = pieces.bytes,
         .names_at = 0,
         .group_bytes = 0,
         .field_bytes = 0,
         .kept_value_bytes = 0};
  if (group.class_id != k_no_class) uncharge(group, cause, entry_charge(one.payload_bytes), 1, 0);
  if (leaves_a_ghost(cause))
    one.hash = entry_hash(state_.hash_group(group.name), state_.hash_field(field));
  if (!causes_.contains(cause)) return;
  one.names_at = static_cast<std::uint32_t>(names_.size());
  one.group_bytes = static_cast<std::uint32_t>(group.name.size());
  one.field_bytes = static_cast<std::uint32_t>(field.size());
  names_.append(group.name).append(field);
  if (!values_) return;
  if (pieces.first == k_no_ref) {
    one.kept_value_bytes = value_bytes;
    names_.append(value);
  }
}

void RemovalLog::group(Ref anchor, GroupOf group) {
  ++groups_;
  if (group.class_id != k_no_class)
    uncharge(group, RemovalCause::erased, group_charge(group.name.size()), 0, 1);
  if (anchor != k_no_ref) anchor_refs_[anchors_++] = anchor;
}

void RemovalLog::tell(const TraceHook& trace) const noexcept {
  std::uint64_t evicted = 0;
  std::uint64_t evicted_bytes = 0;
  std::uint64_t expired = 0;
  std::uint64_t expired_bytes = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const One& one = ones_[i];
    switch (one.cause) {
      case RemovalCause::expired:
        ++expired;
        expired_bytes += one.payload_bytes;
        break;
      case RemovalCause::evicted:
      case RemovalCause::limit:
        ++evicted;
        evicted_bytes += one.payload_bytes;
        break;
      default:
        break;  // somebody asked for it
    }
  }
  if (evicted != 0) trace.tell(TraceKind::evict, evicted, evicted_bytes);
  if (expired != 0) trace.tell(TraceKind::expire, expired, expired_bytes);
}

void RemovalLog::publish(State& state, RemovalRing& ring, Debt& debt) {
  if (count_ != 0 && state.trace.is_on()) [[unlikely]]
    tell(state.trace);
  std::uint64_t payload = 0;
  std::uint64_t gone = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const One& one = ones_[i];
    payload += one.payload_bytes;
    gone += one.cause == RemovalCause::replaced ? 0 : 1;
    state.count(State::removed(one.cause));
    if (leaves_a_ghost(one.cause)) state.ranking->on_evict(one.hash, one.rank);
    if (one.cause == RemovalCause::evicted && state.ranking->is_unread(one.rank))
      state.count(Counter::evicted_unread);
    if (causes_.contains(one.cause)) {
      const std::string_view all = names_;
      const std::string_view group = all.substr(one.names_at, one.group_bytes);
      const std::string_view field = all.substr(one.names_at + one.group_bytes, one.field_bytes);
      if (values_ && one.pieces_first != k_no_ref) {
        std::string value = debt.read_pieces({one.pieces_first, one.pieces_bytes});
        ring.push(one.cause, group, field, value, one.value_bytes);
      } else {
        ring.push(
            one.cause, group, field,
            all.substr(one.names_at + one.group_bytes + one.field_bytes, one.kept_value_bytes),
            one.value_bytes);
      }
    }
    if (one.pieces_first != k_no_ref) debt.owe_pieces(one.pieces_first);
  }
  for (std::size_t i = 0; i < uncharges_; ++i) {
    const Uncharge& one = uncharge_[i];
    state.classes.uncharge(one.class_id, one.group_hash, one.bytes);
    if (one.entries != 0) {
      state.classes.uncount_entries(one.class_id, one.entries);
      state.classes.count_removed(one.class_id, one.cause, one.entries);
    }
    if (one.groups != 0) state.classes.uncount_groups(one.class_id, one.groups);
  }
  for (std::size_t i = 0; i < anchors_; ++i)
    state.arena->free(anchor_refs_[i]);
  if (payload != 0) state.uncount(Counter::payload_bytes, payload);
  if (gone != 0) state.entries.fetch_sub(gone, std::memory_order_relaxed);
  if (groups_ != 0) state.uncount(Counter::groups, groups_);
  clear();
}

}  // namespace ullage::engine
