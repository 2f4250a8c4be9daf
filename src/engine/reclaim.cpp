#include "engine/reclaim.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/writer.h"

#include <algorithm>
#include <utility>

namespace ullage::engine {

namespace {
constexpr std::size_t k_debt_pages_a_step = 8;
constexpr std::size_t k_debt_pages_a_write = 2;
constexpr std::size_t k_drain_slots_a_step = 8;
constexpr std::size_t k_stock_slabs = 2;     // empty slabs that stay resident ...
constexpr std::size_t k_stock_divisor = 32;  // ... and this share of those in use
constexpr int k_evictions_to_move = 9;       // an eighth of a page each: then it is empty
constexpr std::uint32_t k_drain_pause = 16;
constexpr std::size_t k_fragmented_divisor =
    64;  // free pages above this share of the slabs are too many ...
constexpr std::size_t k_fragmented_slabs = 8;  // ... and below so many slabs never
constexpr std::size_t k_candidates = 128;      // entries ranked for one eviction by count ...
constexpr std::size_t k_candidate_pages = 10;  // ... from at most so many pages ...
constexpr std::size_t k_pages_min =
    4;  // ... and at least so many: a page of one group is no fair sample
constexpr std::size_t k_probes = 24;          // of slots that may turn out free
constexpr std::size_t k_pages_for_bytes = 2;  // sampled for one eviction for bytes
constexpr std::size_t k_entry_evictions_a_write = 4;
constexpr std::size_t k_piece_bytes_enough =
    arena::k_page_max_bytes;  // freed pieces that end a step
}  // namespace

namespace {
/// What a page found by its reference alone belongs to. Valid while the shard is locked.
struct Target {
  bool leaf = false;
  GroupPlace group;  ///< of a leaf
  Found found;
  std::uint64_t hash = 0;
};
}  // namespace

std::optional<Reclaim::Owned> Reclaim::lock_owner(Ref page, bool wait) const {
  const auto owner_hash = [&](const PageHeader& header) -> std::optional<std::uint64_t> {
    switch (header.page_kind()) {
      case PageKind::bucket:
      case PageKind::shard_node:
        return header.owner;
      case PageKind::leaf:
      case PageKind::group_node:
      case PageKind::piece: {
        const Ref anchor = owner_anchor(header.owner);
        if (!state_.arena->plausible(anchor)) return std::nullopt;
        const PageHeader anchor_header = load_header(state_.page(anchor));
        if (anchor_header.page_kind() != PageKind::anchor) return std::nullopt;
        return anchor_header.owner;
      }
      case PageKind::free:
      case PageKind::anchor:
      case PageKind::pending:
        break;
    }
    return std::nullopt;
  };
  const PageHeader seen = load_header(state_.page(page));
  const auto hash = owner_hash(seen);
  if (!hash) return std::nullopt;
  Shard& shard = state_.shard_of(*hash);
  if (wait) {
    shard.lock.lock();
  } else if (!shard.lock.try_lock()) {
    return std::nullopt;
  }
  // The look was a guess; under the lock it is checked. The directory has the last word (see
  // target_of).
  const PageHeader header = load_header(state_.page(page));
  const auto again = owner_hash(header);
  if (!again || &state_.shard_of(*again) != &shard) {
    shard.lock.unlock();
    return std::nullopt;
  }
  return Owned{&shard, header};
}

namespace {
/// The bucket or leaf behind a locked page: itself, or where the entry of a piece lies.
std::optional<Target> target_of(const State& state, const Directory& directory,
                                const Lookup& lookup, Shard& shard, Ref page,
                                const PageHeader& header) {
  Target target;
  if (header.page_kind() == PageKind::bucket) {
    target.hash = state.in_shard(header.owner);
    target.found = directory.find(directory.shard_level(shard), target.hash);
    if (target.found.page != page) return std::nullopt;
    return target;
  }
  if (header.page_kind() != PageKind::leaf && header.page_kind() != PageKind::piece)
    return std::nullopt;
  const Ref anchor = owner_anchor(header.owner);
  const std::uint64_t group_hash = load_header(state.page(anchor)).owner;
  target.group = lookup.group_of_anchor(shard, group_hash, anchor);
  if (!target.group) return std::nullopt;
  if (!target.group.head.is_stub()) {
    if (header.page_kind() != PageKind::piece) return std::nullopt;
    target.found = target.group.bucket;
    target.hash = state.in_shard(group_hash);
    return target;
  }
  target.leaf = true;
  target.hash = owner_path(header.owner);
  target.found =
      directory.find(directory.group_level(shard, target.group.stub_body(), anchor), target.hash);
  if (target.found.page == k_no_ref ||
      (header.page_kind() == PageKind::leaf && target.found.page != page))
    return std::nullopt;
  return target;
}
}  // namespace

float Reclaim::worst_score(Ref page, Weigh weigh, CallWork& work) const {
  const auto owned = lock_owner(page, false);
  if (!owned) return -1;
  float score = -1;
  if (const auto target =
          target_of(state_, directory_, writer_->lookup(), *owned->shard, page, owned->header)) {
    PageImage image;
    image.load(state_.page(target->found.page));
    if (const auto victim = evictor_.worst(image, nullptr, weigh, work)) score = victim->score;
    if (state_.ranking->census_due()) {
      ResidentSample residents;
      residents.take(image);
      state_.ranking->note_residents(residents.ranks());
    }
  }
  owned->shard->lock.unlock();
  return score;
}

namespace {
/// Reclaim may use every slab: what it takes it gives back many times over.
class KeepNone {
 public:
  explicit KeepNone(CallWork& work) noexcept : work_(work), kept_(work.keep_slabs) {
    work_.keep_slabs = 0;
  }
  ~KeepNone() { work_.keep_slabs = kept_; }
  KeepNone(const KeepNone&) = delete;
  KeepNone& operator=(const KeepNone&) = delete;

 private:
  CallWork& work_;
  std::size_t kept_;
};
}  // namespace

bool Reclaim::evict_from(Ref page, std::size_t entries, CallWork& work) {
  const auto owned = lock_owner(page, true);
  if (!owned) return false;
  Shard& shard = *owned->shard;
  std::size_t evicted = 0;
  if (const auto target =
          target_of(state_, directory_, writer_->lookup(), shard, page, owned->header)) {
    PageImage image;
    image.load(state_.page(target->found.page));
    RemovalLog log(state_, ring_);
    std::string_view name;
    if (target->leaf)
      name =
          chars(target->group.record + target->group.head.name_at, target->group.head.name_bytes);
    const std::size_t have = state_.arena->page_bytes(target->found.page);
    // An eighth less than it is now lets the page move to a smaller bin.
    const std::size_t goal = image.used() > have / 8 ? image.used() - have / 8 : 0;
    std::uint64_t payload = 0;
    while (!log.full() && (evicted < entries || (entries == 0 && image.used() > goal &&
                                                 payload < k_piece_bytes_enough))) {
      const auto victim =
          evictor_.worst(image, nullptr, entries != 0 ? Weigh::count : Weigh::bytes, work);
      if (!victim) break;
      if (evicted == 0 && entries == 0) evictor_.learn(victim->score);
      std::uint32_t bytes = 0;
      remove_entry(image, victim->place, RemovalCause::evicted, name, log, bytes);
      payload += bytes;
      ++evicted;
    }
    if (evicted != 0) {
      if (target->leaf) {
        writer_->commit_shrunk_leaf(shard, target->group, target->found, target->hash, image,
                                    static_cast<std::uint32_t>(evicted), payload, log, work);
      } else {
        writer_->commit_shrunk_bucket(shard, target->found, target->hash, image, log, work);
      }
    }
  }
  shard.lock.unlock();
  return evicted != 0;
}

bool Reclaim::evict_step(std::size_t entries, CallWork& work) {
  base::Random pick = random();
  const std::uint64_t ranked_before = work.candidates_ranked;
  const std::size_t pages_wanted = entries != 0 ? k_candidate_pages : k_pages_for_bytes;
  Ref best = k_no_ref;
  float best_score = -1;
  std::size_t pages = 0;
  for (std::size_t probe = 0;
       probe < k_probes && pages < pages_wanted &&
       (pages < k_pages_min || work.candidates_ranked - ranked_before < k_candidates);
       ++probe) {
    const Ref page = state_.arena->sample_page(pick);
    if (page == k_no_ref) continue;
    const float score = worst_score(page, entries != 0 ? Weigh::count : Weigh::bytes, work);
    if (score < 0) continue;
    ++pages;
    if (score > best_score) best = page, best_score = score;
  }
  return best != k_no_ref && evict_from(best, entries, work);
}

Reclaim::Moved Reclaim::move_page(Ref page, CallWork& work) {
  const auto owned = lock_owner(page, false);
  if (!owned)
    return state_.page(page) != nullptr &&
                   load_header(state_.page(page)).page_kind() == PageKind::free
               ? Moved::gone
               : Moved::busy;
  Shard& shard = *owned->shard;
  const PageHeader& header = owned->header;
  bool moved = false;
  if (header.page_kind() == PageKind::bucket || header.page_kind() == PageKind::shard_node) {
    moved = writer_->pages().relocate(directory_.shard_level(shard), page, header,
                                      state_.in_shard(header.owner));
  } else {
    const Ref anchor = owner_anchor(header.owner);
    const std::uint64_t group_hash = load_header(state_.page(anchor)).owner;
    const GroupPlace group = writer_->lookup().group_of_anchor(shard, group_hash, anchor);
    if (group && header.page_kind() != PageKind::piece) {
      moved = group.head.is_stub() &&
              writer_->pages().relocate(directory_.group_level(shard, group.stub_body(), anchor),
                                        page, header, owner_path(header.owner));
    } else if (group) {
      // A piece: who refers to it is the piece before, or the entry.
      std::byte* referrer = nullptr;
      if ((header.flags & k_piece_first) == 0) {
        const Ref before = base::load_u32(state_.page(page) + k_piece_back_at);
        if (base::load_u32(state_.page(before) + k_piece_next_at) == page)
          referrer = state_.page(before) + k_piece_next_at;
      } else if (const auto target =
                     target_of(state_, directory_, writer_->lookup(), shard, page, header)) {
        PageImage image;
        image.load(state_.page(target->found.page));
        for_each_entry(
            image, [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank) {
              static_cast<void>(place);
              const EntryHead e = decode_entry<PlainBytes>(at, size, image.base_ms());
              if (!e.pieces || decode_link<PlainBytes>(at + e.value_at).first != page) return;
              // The image is byte for byte the page: same offset.
              referrer = state_.page(target->found.page) + (at + e.value_at - image.seal());
            });
      }
      const Ref fresh =
          referrer != nullptr ? state_.arena->alloc(header.used, arena::k_no_new_slab) : k_no_ref;
      if (fresh != k_no_ref) {
        alignas(8) std::byte copy[arena::k_page_max_bytes + 8];
        std::memcpy(copy, state_.page(page), header.used);
        std::memset(copy + header.used, 0, 8);
        base::store_image(state_.page(fresh), copy, header.used);
        const Ref next = base::load_u32(state_.page(page) + k_piece_next_at);
        {
          const Change change(shard);
          base::store_bytes(referrer, &fresh, sizeof fresh);
          if (next != k_no_ref)
            base::store_bytes(state_.page(next) + k_piece_back_at, &fresh, sizeof fresh);
        }
        state_.arena->free(page);
        moved = true;
      }
    }
  }
  shard.lock.unlock();
  if (moved) {
    state_.count(Counter::pages_moved);
    ++work.pages_freed;
    work.entries_moved += header.count;
  }
  return moved ? Moved::yes : Moved::busy;
}

bool Reclaim::drain_step(Drain how, CallWork& work) {
  const std::unique_lock drainer(drain_mutex_, std::try_to_lock);
  if (!drainer.owns_lock()) return false;
  if (!drain_) {
    if (how == Drain::sparse && drain_pause_ != 0 && --drain_pause_ != 0) return false;
    drain_ = state_.arena->begin_drain();
    if (!drain_ && how == Drain::forced) {
      base::Random pick = random();
      drain_ = state_.arena->begin_forced_drain(pick);
    }
    drain_slot_ = drain_skipped_ = 0;
    if (!drain_) {
      drain_pause_ = k_drain_pause;
      return false;
    }
  }
  for (std::size_t n = 0; n < k_drain_slots_a_step && drain_slot_ < drain_->slots;
       ++n, ++drain_slot_) {
    const Ref page = state_.arena->page_in_slot(drain_->slab, drain_slot_);
    if (page == k_no_ref || move_page(page, work) != Moved::busy) continue;
    // No place for it as it is: what is coldest in it goes until it fits somewhere, or is gone.
    int rounds = how == Drain::forced ? k_evictions_to_move : 0;
    while (rounds-- > 0 && evict_from(page, 0, work) &&
           state_.arena->page_in_slot(drain_->slab, drain_slot_) == page) {
    }
    if (state_.arena->page_in_slot(drain_->slab, drain_slot_) == page) ++drain_skipped_;
  }
  if (state_.arena->drained(drain_->slab)) {
    state_.count(Counter::slabs_emptied);
    drain_.reset();
  } else if (drain_slot_ >= drain_->slots) {
    // Somebody held a page's shard, or the page was about to go. Another slab may do better.
    state_.arena->abandon_drain(drain_->slab);
    const bool progress = drain_skipped_ < drain_->slots;
    drain_.reset();
    return progress;
  }
  return true;
}

bool Reclaim::fragmented() const noexcept {
  const std::size_t free = state_.arena->free_page_bytes();
  return free > k_fragmented_slabs * state_.arena->slab_bytes() &&
         free > state_.arena->slab_bytes_in_use() / k_fragmented_divisor;
}

void Reclaim::make_room(std::size_t steps, CallWork& work) {
  const KeepNone scope(work);
  const std::size_t wanted = std::exchange(work.room_wanted, 0);
  for (std::size_t i = 0; i < steps; ++i) {
    ++work.reclaim_steps;
    if (const std::size_t paid = debt_.pay(k_debt_pages_a_step); paid != 0) {
      work.pages_freed += paid;
      continue;
    }
    const bool drained = drain_step(Drain::forced, work);
    if (state_.arena->slabs_left() > state_.reserve_slabs) return;
    if (drained) continue;
    // Another thread empties a slab. A page of the size that is wanted, emptied far enough to move
    // to a smaller one, helps as well.
    base::Random pick = random();
    const Ref page =
        wanted > k_anchor_bytes ? state_.arena->sample_page_for(wanted, pick) : k_no_ref;
    if (page == k_no_ref || !evict_from(page, 0, work)) evict_step(0, work);
  }
}

void Reclaim::enforce_entries(CallWork& work) {
  const std::uint64_t max = state_.max_entries.load(std::memory_order_relaxed);
  if (max == 0) return;
  for (std::size_t n = 0;
       n < k_entry_evictions_a_write && state_.entries.load(std::memory_order_relaxed) > max; ++n) {
    ++work.reclaim_steps;
    evict_step(1, work);
  }
}

void Reclaim::after_write(CallWork& work) {
  const KeepNone scope(work);
  if (debt_.owing()) work.pages_freed += debt_.pay(k_debt_pages_a_write);
  enforce_entries(work);
  if (fragmented()) drain_step(Drain::sparse, work);
  const std::size_t left = state_.arena->slabs_left();
  if (left > state_.reserve_slabs) return;
  if (state_.ranking->census_due()) {
    base::Random pick = random();
    if (const Ref page = state_.arena->sample_page(pick); page != k_no_ref) {
      static_cast<void>(worst_score(page, Weigh::bytes, work));
    }
  }
  if (left == state_.reserve_slabs) return;
  ++work.reclaim_steps;
  if (work.wants_growth || left < state_.reserve_slabs / 2) evict_step(0, work);
  drain_step(left < state_.reserve_slabs / 2 ? Drain::forced : Drain::sparse, work);
}

bool Reclaim::tick_step(CallWork& work) {
  const KeepNone scope(work);
  if (const std::size_t paid = debt_.pay(k_debt_pages_a_step); paid != 0) return true;
  const std::uint64_t max = state_.max_entries.load(std::memory_order_relaxed);
  if (max != 0 && state_.entries.load(std::memory_order_relaxed) > max) return evict_step(1, work);
  if (over_budget()) {
    if (state_.arena->release_empty(state_.arena->slabs_over_budget(), 2) != 0) return true;
    return drain_step(Drain::forced, work) || evict_step(0, work);
  }
  // Sparse slabs are emptied ahead of need; what is empty beyond a small stock goes back to the
  // system.
  if (fragmented() && drain_step(Drain::sparse, work)) return true;
  const std::size_t stock = k_stock_slabs + state_.arena->slab_bytes_in_use() /
                                                state_.arena->slab_bytes() / k_stock_divisor;
  return state_.arena->release_empty(1, stock) != 0;
}

}  // namespace ullage::engine
