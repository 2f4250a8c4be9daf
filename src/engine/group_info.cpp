// What one group holds: Cache::group_info().
#include <ullage/cache.h>

#include "engine/core.h"
#include "engine/lookup.h"
#include "engine/reentry.h"

#include <algorithm>

namespace ullage {

using namespace engine;

namespace {

/// Adds entries of a page or a record up.
class Sum {
 public:
  explicit Sum(const State& state) noexcept
      : state_(state), now_ms_(state.now_ms()), tick_(state.ranking->now()) {}

  void add_entry(const std::byte* at, std::uint32_t bytes, policy::Rank rank,
                 std::int64_t base_ms) noexcept {
    const EntryHead e = decode_entry<PlainBytes>(at, bytes, base_ms);
    if (e.deadline_ms <= now_ms_) return;
    ++info_.fields;
    const policy::EntryState use(rank);
    info_.seen = std::max(info_.seen, use.seen() + 1);
    if (info_.fields == 1 || use.age(tick_) < latest_.age(tick_)) latest_ = use;
    info_.payload_bytes += e.field_bytes;
    if (e.pieces) {
      const std::size_t value = decode_link<PlainBytes>(at + e.value_at).bytes;
      info_.payload_bytes += value;
      info_.resident_bytes += value;  // its pages are full but for the last
    } else {
      info_.payload_bytes += e.inline_bytes;
    }
  }
  void add_resident(std::size_t bytes) noexcept { info_.resident_bytes += bytes; }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }
  [[nodiscard]] GroupInfo info() const noexcept {
    GroupInfo info = info_;
    info.idle = Millis(state_.timeline.idle_ms(latest_, tick_, now_ms_));
    return info;
  }
  void restart() noexcept { info_ = {}; }

 private:
  const State& state_;
  const std::int64_t now_ms_;
  const policy::Tick tick_;
  policy::EntryState latest_;  // the one used last
  GroupInfo info_;
};

/// The next pages of a large group from `position` on, in one hold of its shard; answers where to
/// go on, 0 at the end.
std::uint64_t add_pages(CacheCore& core, Shard& shard, const GroupPlace& place,
                        std::uint64_t position, Sum& sum) noexcept {
  constexpr int k_pages_a_hold = 16;
  const Level level = core.directory.group_level(shard, place.stub_body(), place.anchor());
  for (int pages = 0; pages < k_pages_a_hold; ++pages) {
    const Found found = core.directory.next_page(level, position, k_empty_refs_a_hold);
    if (found.page == k_no_ref) return position;
    const PageSlots leaf = open_slots(core.state.page(found.page), found.header);
    for (std::uint32_t i = 0; i < leaf.slots.count(); ++i) {
      const auto item = leaf.slots.item(i);
      sum.add_entry(item.at, item.bytes, leaf.slots.rank(i), leaf.base_ms);
    }
    sum.add_resident(core.state.arena->page_bytes(found.page));
    position = after_range(position, found.depth());
    if (position == 0) return 0;
  }
  return position;
}

}  // namespace

std::optional<GroupInfo> Cache::group_info(std::string_view group) {
  if (group.size() > k_name_max_bytes || UpdateScope::holds(core_.get())) return std::nullopt;
  State& state = core_->state;
  const std::uint64_t hash = state.hash_group(group);
  Shard& shard = state.shard_of(hash);
  const Lookup lookup(state, core_->directory);
  Sum sum(state);
  std::uint64_t position = 0;
  for (bool first = true; first || position != 0; first = false) {
    const ShardGuard guard(shard);
    const GroupPlace place = lookup.group(shard, group, hash);
    if (!place || group_end_ms(state, place.record, place.head) <= sum.now_ms()) break;
    if (first) sum.add_resident(place.head.bytes + k_slot_bytes);
    if (place.head.is_stub()) {
      position = add_pages(*core_, shard, place, position, sum);
      continue;
    }
    // It may have become small meanwhile: then it is whole here.
    if (!first) sum.restart();
    if (!first) sum.add_resident(place.head.bytes + k_slot_bytes);
    const RecordFields<PlainBytes> fields(place.record, place.head);
    for (std::uint32_t i = 0; i < fields.count(); ++i) {
      const auto item = fields.item(i);
      const policy::Rank rank =
          fields.count() == 1 ? place.page.slots.rank(place.item) : fields.slots().rank(i);
      sum.add_entry(item.at, item.bytes, rank, place.page.base_ms);
    }
    break;
  }
  if (sum.info().fields == 0) return std::nullopt;
  return sum.info();
}

}  // namespace ullage
