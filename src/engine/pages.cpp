#include "engine/pages.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/items.h"
#include "engine/rebase.h"

#include <algorithm>
#include <cstring>

namespace ullage::engine {

namespace {
// A page moves to a smaller bin once it would leave this share of its present one empty.
constexpr std::size_t k_shrink_divisor = 8;
// A page at most so large looks for a neighbour to merge with, if both together make at most this.
constexpr std::size_t k_merge_from_bytes = 512;
constexpr std::size_t k_merged_max_bytes = 1024;
static_assert(k_merged_max_bytes <= k_split_bytes / 2, "what was merged is not split at once");
constexpr int k_settle_steps_max = 4;
}  // namespace

Pages::Plan Pages::prepare(const Level& level, const Found& found, std::uint64_t hash,
                           PageImage& image, CallWork& work) {
  Plan plan;
  work.entries_moved += image.count();
  if (image.count() == 0) {
    plan.possible = plan.drop = true;
    return plan;
  }
  const std::size_t need = image.used();
  ULLAGE_CHECK(need <= arena::k_page_max_bytes);
  if (found.page == k_no_ref) {
    plan.depth = directory_.empty_depth(found, hash);
    image.set_depth(plan.depth);
    plan.fresh = state_.alloc(need, work);
    plan.possible = plan.fresh != k_no_ref;
    return plan;
  }
  plan.depth = image.depth();
  const std::size_t have = state_.arena->page_bytes(found.page);
  const auto bin = state_.arena->bins().for_bytes(std::max(need, k_page_least));
  const std::size_t want = state_.arena->bins()[bin].bytes;
  if (need <= have && want + have / k_shrink_divisor > have) {
    plan.possible = true;
    return plan;
  }
  plan.fresh = state_.alloc(need, work);
  if (plan.fresh != k_no_ref && need <= have && state_.arena->page_bytes(plan.fresh) >= have) {
    // Slabs are out and the free page is no smaller than the present one.
    state_.arena->free(plan.fresh);
    plan.fresh = k_no_ref;
  }
  plan.possible = plan.fresh != k_no_ref || need <= have;
  if (plan.fresh != k_no_ref) {
    // Whole before anyone can find it.
    base::store_image(state_.page(plan.fresh), image.seal(), need);
  }
  static_cast<void>(level);
  return plan;
}

void Pages::apply(const Level& level, const Found& found, std::uint64_t hash, PageImage& image,
                  const Plan& plan) {
  static_cast<void>(level);
  if (plan.drop) {
    if (found.page != k_no_ref) directory_.set(found.slot, hash, found.header.depth, k_no_ref);
    return;
  }
  if (plan.fresh != k_no_ref) {
    if (found.page == k_no_ref)
      base::store_image(state_.page(plan.fresh), image.seal(), image.used());
    directory_.set(found.slot, hash, plan.depth, plan.fresh);
    return;
  }
  base::store_image(state_.page(found.page), image.seal(), image.used());
}

void Pages::finish(const Found& found, const Plan& plan, CallWork& work) {
  if (found.page != k_no_ref && (plan.drop || plan.fresh != k_no_ref)) {
    state_.arena->free(found.page);
    ++work.pages_freed;
  }
}

std::uint64_t Pages::item_hash(const Level& level, const PageImage& image, std::uint32_t i,
                               std::uint64_t& owner_hash) const noexcept {
  if (level.page_kind == PageKind::leaf) {
    const std::byte* at = image.slots().at(i);
    const EntryHead e = decode_entry<PlainBytes>(at, image.slots().size(i), image.base_ms());
    owner_hash = state_.hash_field(chars(at + e.field_at, e.field_bytes));
    return owner_hash;
  }
  const RecordHead head = image.record(i);
  owner_hash = state_.hash_group(chars(image.slots().at(i) + head.name_at, head.name_bytes));
  return state_.in_shard(owner_hash);
}

Pages::Split Pages::split(const Level& level, const Found& found, std::uint64_t hash,
                          CallWork& work) {
  const unsigned depth = found.header.depth;
  if (depth >= k_depth_max) return Split::too_deep;
  PageImage whole;
  whole.load(state_.page(found.page));
  if (depth == found.slot.base + found.slot.bits) {
    std::uint64_t owner_hash = 0;
    static_cast<void>(item_hash(level, whole, 0, owner_hash));
    return directory_.widen(level, found, owner_hash, work) ? Split::done : Split::no_room;
  }

  TraceSpan span(state_.trace, TraceKind::split);
  span.about(whole.count(), whole.used());
  PageImage halves[2];
  std::uint64_t owners[2] = {0, 0};
  for (PageImage& half : halves) {
    half.reset(whole.kind(), depth + 1, 0);
    half.adopt_time(whole);
  }
  for (std::uint32_t i = 0; i < whole.count(); ++i) {
    std::uint64_t owner_hash = 0;
    const std::uint64_t h = item_hash(level, whole, i, owner_hash);
    const unsigned side = static_cast<unsigned>(leading_bits(h, depth, 1));
    owners[side] = owner_hash;
    const SlotsEdit& slots = whole.slots();
    std::byte* to = halves[side].slots().append(slots.tag(i), slots.rank(i), slots.size(i));
    std::memcpy(to, slots.at(i), slots.size(i));
  }
  work.entries_moved += whole.count();
  Ref fresh[2] = {k_no_ref, k_no_ref};
  for (unsigned side = 0; side < 2; ++side) {
    if (halves[side].count() == 0) continue;
    halves[side].set_owner(level.owner(owners[side]));
    fresh[side] = state_.alloc(halves[side].used(), work);
    if (fresh[side] == k_no_ref) {
      if (fresh[0] != k_no_ref) state_.arena->free(fresh[0]);
      span.forget();
      return Split::no_room;
    }
    base::store_image(state_.page(fresh[side]), halves[side].seal(), halves[side].used());
  }
  {
    const Change change(*level.shard);
    const std::uint64_t bit = std::uint64_t{1} << (63 - depth);
    directory_.set(found.slot, hash & ~bit, depth + 1, fresh[0]);
    directory_.set(found.slot, hash | bit, depth + 1, fresh[1]);
  }
  state_.arena->free(found.page);
  ++work.pages_freed;
  return Split::done;
}

bool Pages::merge(const Level& level, const Found& found, std::uint64_t hash, CallWork& work) {
  const unsigned depth = found.header.depth;
  const std::uint64_t bit = std::uint64_t{1} << (64 - depth);
  const std::uint32_t span = 1U << (found.slot.base + found.slot.bits - depth);
  const std::uint32_t first =
      static_cast<std::uint32_t>(leading_bits(hash ^ bit, found.slot.base, found.slot.bits)) &
      ~(span - 1);
  const Ref other = base::load_u32(found.slot.at(first));
  for (std::uint32_t i = first + 1; i < first + span; ++i) {
    if (base::load_u32(found.slot.at(i)) != other) return false;
  }
  PageImage image;
  image.load(state_.page(found.page));
  if (other != k_no_ref) {
    const PageHeader header = load_header(state_.page(other));
    if (header.page_kind() != level.page_kind || header.depth != depth ||
        header.used + found.header.used > k_merged_max_bytes) {
      return false;
    }
    PageImage neighbour;
    neighbour.load(state_.page(other));
    // Deadlines count from the page's base, which is one.
    if (neighbour.has_time() && image.has_time() && neighbour.base_ms() != image.base_ms())
      rebase(neighbour, image.base_ms());
    if (neighbour.has_time()) {
      const std::int64_t due = std::min(neighbour.due_ms(), image.due_ms());
      image.adopt_time(neighbour);
      image.set_due(due);
    }
    for (std::uint32_t i = 0; i < neighbour.count(); ++i) {
      const SlotsEdit& from = neighbour.slots();
      std::byte* to = image.slots().append(from.tag(i), from.rank(i), from.size(i));
      std::memcpy(to, from.at(i), from.size(i));
    }
  }
  image.set_depth(depth - 1);
  const Ref fresh =
      state_.arena->alloc(std::max<std::size_t>(image.used(), k_page_least), arena::k_no_new_slab);
  if (fresh == k_no_ref) return false;
  work.entries_moved += image.count();
  base::store_image(state_.page(fresh), image.seal(), image.used());
  {
    const Change change(*level.shard);
    directory_.set(found.slot, hash, depth - 1, fresh);
  }
  state_.arena->free(found.page);
  ++work.pages_freed;
  if (other != k_no_ref) {
    state_.arena->free(other);
    ++work.pages_freed;
  }
  return true;
}

void Pages::settle(const Level& level, std::uint64_t hash, CallWork& work) {
  for (int step = 0; step < k_settle_steps_max; ++step) {
    const Found found = directory_.find(level, hash);
    const RefSlot& slot = found.slot;
    if (found.page != k_no_ref && found.header.depth > slot.base) {
      if (found.header.used > k_merge_from_bytes || !merge(level, found, hash, work)) return;
      continue;
    }
    if (slot.node == k_no_ref) return;
    if (found.page == k_no_ref && directory_.empty_depth(found, hash) != slot.base) return;
    // Nothing, or one page alone, is below the node.
    {
      const Change change(*level.shard);
      base::store_bytes(found.parent.at(found.parent.index), &found.page, sizeof found.page);
    }
    state_.arena->free(slot.node);
    ++work.pages_freed;
  }
}

bool Pages::relocate(const Level& level, Ref page, const PageHeader& header, std::uint64_t hash,
                     std::size_t keep_slabs) {
  // From the top down: only what the directory itself refers to is ours.
  RefSlot slot{level.refs, 0, level.bits,
               static_cast<std::uint32_t>(leading_bits(hash, 0, level.bits)), k_no_ref};
  for (;;) {
    const Ref ref = slot.load();
    if (ref == k_no_ref) return false;
    if (ref == page) break;
    const PageHeader node = load_header(state_.page(ref));
    if (node.page_kind() != level.node_kind) return false;
    slot = {state_.page(ref) + k_header_bytes, node.depth, node.count,
            static_cast<std::uint32_t>(leading_bits(hash, node.depth, node.count)), ref};
  }
  const bool is_node = header.page_kind() == level.node_kind;
  const Ref fresh = state_.arena->alloc(header.used, keep_slabs);
  if (fresh == k_no_ref) return false;
  alignas(8) std::byte copy[arena::k_page_max_bytes + 8];
  std::memcpy(copy, state_.page(page), header.used);
  std::memset(copy + header.used, 0, 8);
  base::store_image(state_.page(fresh), copy, header.used);
  {
    const Change change(*level.shard);
    // A node stands in one reference, a page in all of its range.
    directory_.set(slot, hash, is_node ? slot.base + slot.bits : header.depth, fresh);
  }
  state_.arena->free(page);
  return true;
}

}  // namespace ullage::engine
