#include "engine/reclaim.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/writer.h"

#include <algorithm>
#include <utility>

namespace ullage::engine {

namespace {
constexpr std::size_t k_steps_a_round = 8;
constexpr std::size_t k_debt_pages_a_step = 8;
constexpr std::size_t k_debt_pages_a_write = 2;
constexpr std::size_t k_debt_pages_under_pressure = 16;
constexpr std::size_t k_drain_slots_a_step = 6;
constexpr std::size_t k_stock_slabs = 2;     // empty slabs that stay resident ...
constexpr std::size_t k_stock_divisor = 32;  // ... and this share of those in use
// With huge pages the first release ends them, so it has to be worth it: this share of the limit.
constexpr std::size_t k_huge_stock_divisor = 16;
constexpr int k_clear_piece_rounds = 4;
constexpr int k_clear_rounds = 3;  // of eviction before a page goes to a fresh slab as it is
constexpr std::uint32_t k_drain_pause = 16;
constexpr std::size_t k_fragmented_divisor =
    64;  // free pages above this share of the slabs are too many ...
constexpr std::size_t k_fragmented_slabs = 8;  // ... and below so many slabs never
// Above this share it is no room that evictions would win: the usual remainders of the open slabs
// and the reserve stay below.
constexpr std::size_t k_scattered_divisor = 22;
constexpr std::uint32_t k_ungathered_writes = 64;  // that wait for what may not be gathered at all
constexpr std::size_t k_candidates = 128;          // entries ranked for one eviction by count ...
constexpr std::size_t k_candidate_pages = 10;      // ... from at most so many pages ...
constexpr std::size_t k_pages_min =
    4;  // ... and at least so many: a page of one group is no fair sample
constexpr std::size_t k_probes = 24;          // of slots that may turn out free
constexpr std::size_t k_pages_for_bytes = 2;  // sampled for one eviction for bytes
constexpr std::size_t k_entry_evictions_a_write = 4;
constexpr std::uint32_t k_writes_a_probe = 2;        // under pressure
constexpr float k_far_worse = 1.25F;                 // than the threshold: goes wherever it is met
constexpr std::uint32_t k_evictions_a_probe = 16;    // ... but so many at most, and until so many
constexpr std::uint64_t k_large_bytes = 16 * k_kib;  // bytes of values went: they may be large
constexpr std::size_t k_piece_bytes_enough =
    arena::k_page_max_bytes;  // freed pieces that end a step
constexpr Choice k_by_class{Choice::Of::by_class};
constexpr std::uint32_t k_evictions_a_weighing = 64;  // and writes under pressure
constexpr std::size_t k_noted_pages = 3;     // of a class at its max that are looked at ...
constexpr std::size_t k_pages_of_class = 4;  // ... and how many in all
constexpr std::size_t k_class_walk = 32;     // pages, where neither notes nor chance find any
constexpr std::uint64_t k_class_room_ahead = 256;
// Slabs that the move of a protected page leaves: it may take reclaim's own, but for one.
constexpr std::size_t k_protected_keeps_slabs = 1;
// What one step can add at most stays below the half of a call's bound that Patience leaves.
constexpr std::size_t k_entries_a_page = arena::k_page_max_bytes / (1 + k_slot_bytes);
constexpr std::size_t k_rounds_a_slot = k_clear_rounds + k_clear_piece_rounds;
constexpr std::size_t k_passes_a_pick = 2;
static_assert(k_drain_slots_a_step * k_rounds_a_slot * k_passes_a_pick * k_entries_a_page <
              k_work_candidates.base);
static_assert(k_debt_pages_a_step + k_drain_slots_a_step * k_rounds_a_slot * k_debt_pages_a_step <
              k_work_pages_freed.base / 2);
}  // namespace

void Reclaim::set_writer(Writer& writer) noexcept {
  writer_ = &writer;
  mover_.emplace(state_, directory_, writer.lookup(), writer.pages(), debt_);
}

std::optional<float> Reclaim::look_at(Ref page, Weigh weigh, Choice choice, CallWork& work) const {
  const auto owned = lock_owner(state_, page, false);
  if (!owned) return std::nullopt;
  const auto target = target_of(state_, directory_, writer_->lookup(), *owned, page);
  if (!target) return std::nullopt;
  const PageItems page_items = PageItems::of(state_.page(target->found.page));
  if (state_.ranking->census_due()) {
    ResidentSample residents;
    residents.take(page_items);
    state_.ranking->note_residents(residents.ranks());
  }
  choice.leaf_class = target->group.head.class_id;
  if (choice.leaf_class != k_no_class) state_.classes.note_if_tight(choice.leaf_class, page);
  const auto victim = evictor_.worst(page_items, weigh, choice, work);
  if (!victim) return std::nullopt;
  if (weigh == Weigh::bytes) evictor_.learn(victim->rank_score);
  return victim->score;
}

namespace {
/// Reclaim takes only pages that lie free in open slabs: a slab won at the price of another is no
/// gain. What finds no smaller page stays where it is, shorter.
class OpenNoSlab {
 public:
  explicit OpenNoSlab(CallWork& work) noexcept : work_(work), kept_(work.keep_slabs) {
    work_.keep_slabs = arena::k_no_new_slab;
  }
  ~OpenNoSlab() { work_.keep_slabs = kept_; }
  OpenNoSlab(const OpenNoSlab&) = delete;
  OpenNoSlab& operator=(const OpenNoSlab&) = delete;

 private:
  CallWork& work_;
  std::size_t kept_;
};
}  // namespace

std::size_t Reclaim::evict_from(const OwnedPage& owned, const Target& target, const Enough& enough,
                                CallWork& work) {
  PageImage image;
  image.load(state_.page(target.found.page));
  RemovalLog log(state_, ring_);
  GroupOf owner;
  if (target.leaf)
    owner = {chars(target.group.record + target.group.head.name_at, target.group.head.name_bytes),
             target.group.head.class_id};
  std::uint64_t payload = 0;
  std::uint32_t evicted = 0;
  const auto evict = [&](EntryPlace place) {
    std::uint32_t bytes = 0;
    remove_entry(image, place, enough.cause, owner, log, bytes);
    payload += bytes;
    ++evicted;
  };
  if (enough.owner_of != k_no_ref) {
    std::optional<EntryPlace> found;
    Evictor::Sway sway_of(state_.classes, enough.wanted.choice);
    for_each_entry_in_class(
        image.items(), owner.class_id,
        [&](EntryPlace place, const std::byte* at, std::uint32_t size, policy::Rank, ClassId id) {
          const EntryHead e = decode_entry<PlainBytes>(at, size, image.base_ms());
          if (e.pieces && decode_link<PlainBytes>(at + e.value_at).first == enough.owner_of &&
              sway_of(id) >= 0)
            found = place;
        });
    if (found) evict(*found);
  } else {
    Wanted wanted = enough.wanted;
    wanted.choice.leaf_class = owner.class_id;
    wanted.entries = std::min(wanted.entries, log.room());
    Victims victims;
    evictor_.pick(image, nullptr, wanted, victims, work);
    for (const Victims::One& victim : victims)
      evict(victim.place);
  }
  if (evicted == 0) return 0;
  if (target.leaf) {
    writer_->commit_shrunk_leaf(owned.shard(), target.group, target.found, target.hash, image,
                                evicted, payload, log, work);
  } else {
    writer_->commit_shrunk_bucket(owned.shard(), target.found, target.hash, image, log, work);
  }
  return evicted;
}

bool Reclaim::evict_from(Ref page, const Enough& enough, CallWork& work) {
  const auto owned = lock_owner(state_, page, true);
  if (!owned) return false;
  const auto target = target_of(state_, directory_, writer_->lookup(), *owned, page);
  return target && evict_from(*owned, *target, enough, work) != 0;
}

bool Reclaim::shrink(Ref page, CallWork& work) {
  // An eighth less than it holds now lets the page move to a smaller bin.
  const std::size_t used = load_header(state_.page(page)).used;
  Enough enough{.wanted = {.page_bytes = used / 8 + 1,
                           .payload_bytes = k_piece_bytes_enough,
                           .choice = k_by_class}};
  // Who is over its high pays alone, where it has something in the page.
  if (const float least = state_.classes.least_sway(); least > 1) {
    enough.wanted.score = least;
    if (evict_from(page, enough, work)) return true;
    enough.wanted.score = 0;
  }
  return evict_from(page, enough, work);
}

bool Reclaim::evict_step(Weigh weigh, CallWork& work) {
  base::Random pick = random();
  weigh_classes();
  const std::uint64_t ranked_before = work.candidates_ranked;
  const std::size_t pages_wanted = weigh == Weigh::count ? k_candidate_pages : k_pages_for_bytes;
  Ref best = k_no_ref;
  float best_score = -1;
  std::size_t pages = 0;
  for (std::size_t probe = 0;
       probe < k_probes && pages < pages_wanted &&
       (pages < k_pages_min || work.candidates_ranked - ranked_before < k_candidates);
       ++probe) {
    const Ref page = state_.arena->sample_page(pick);
    if (page == k_no_ref) continue;
    const auto score = look_at(page, weigh, k_by_class, work);
    if (!score) continue;
    ++pages;
    if (*score > best_score) best = page, best_score = *score;
  }
  const Wanted one{.weigh = weigh, .entries = 1, .choice = k_by_class};
  if (best != k_no_ref &&
      (weigh == Weigh::count ? evict_from(best, {.wanted = one}, work) : shrink(best, work)))
    return true;
  // A small cache has few pages among many free ones, and somebody may hold or move the one that
  // was met: then from the first that has an entry.
  arena::Arena::PageWalk walk = state_.arena->walk_from(pick);
  for (std::size_t probe = 0; probe < k_probes; ++probe) {
    const Ref page = state_.arena->next_page(walk);
    if (page == k_no_ref) return false;
    if (evict_from(page, {.wanted = one}, work)) return true;
  }
  return false;
}

void Reclaim::probe(CallWork& work) {
  // The page was chosen by the probe before, so that its lines had time to come. It may be free or
  // another's by now: lock_owner() finds out.
  base::Random pick = random();
  const Ref next = state_.arena->sample_page(pick);
  if (next != k_no_ref) prefetch_lines(state_.page(next), k_lookahead_lines);
  const Ref page = next_probe_.exchange(next, std::memory_order_relaxed);
  if (page == k_no_ref) return;
  const auto score = look_at(page, Weigh::bytes, k_by_class, work);
  const float far_worse = evictor_.threshold() * k_far_worse;
  if (score && *score > far_worse)
    evict_from(page,
               {.wanted = {.entries = k_evictions_a_probe,
                           .payload_bytes = k_large_bytes,
                           .score = far_worse,
                           .choice = k_by_class}},
               work);
}

bool Reclaim::clear_page(Ref page, Drain how, CallWork& work) {
  auto owned = lock_owner(state_, page, how == Drain::forced);
  if (!owned || mover_->move(*owned, page, arena::k_no_new_slab, work) || how == Drain::sparse)
    return true;
  if (owned->header().page_kind() == PageKind::piece) {
    clear_piece(*owned, page, work);
    return true;
  }
  // No place for it as it is: what is coldest in it goes until it fits somewhere, or is gone.
  for (int round = 0; round < k_clear_rounds; ++round) {
    const auto target = target_of(state_, directory_, writer_->lookup(), *owned, page);
    if (!target) return round > 0;  // it left with what was evicted; or it is a node
    const std::size_t used = owned->header().used;
    const std::size_t fits = state_.arena->largest_free(used);
    const auto shed =
        static_cast<std::size_t>(static_cast<float>(used) * shed_.load(std::memory_order_relaxed));
    // A bucket that holds only records of large groups has nothing to evict.
    if (evict_from(*owned, *target,
                   {.wanted = {.page_bytes = std::max<std::size_t>({used - fits, shed, 1}),
                               .payload_bytes = k_large_bytes,
                               .choice = k_by_class}},
                   work) == 0)
      return move_protected(*owned, page, work);
    const auto left = target_of(state_, directory_, writer_->lookup(), *owned, page);
    if (!left) return true;
    owned->reread(left->found.header);
    if (mover_->move(*owned, page, arena::k_no_new_slab, work)) return true;
    if (debt_.owing()) return true;  // a large value may have gone: see clear_piece()
  }
  return move_protected(*owned, page, work);
}

bool Reclaim::move_protected(const OwnedPage& owned, Ref page, CallWork& work) {
  return state_.classes.any() && mover_->move(owned, page, k_protected_keeps_slabs, work);
}

void Reclaim::clear_piece(const OwnedPage& owned, Ref page, CallWork& work) {
  // What is coldest beside its owner may leave pieces free for it; its owner goes if nothing does.
  for (int round = 0; round < k_clear_piece_rounds; ++round) {
    const auto target = target_of(state_, directory_, writer_->lookup(), owned, page);
    if (!target ||
        evict_from(owned, *target, {.wanted = {.entries = 1, .choice = k_by_class}}, work) == 0)
      break;
    work.pages_freed += debt_.pay(k_debt_pages_a_step);
    if (mover_->move(owned, page, arena::k_no_new_slab, work)) return;
    // A large value went: once it is paid for there is room, and no other need go.
    if (debt_.owing()) return;
  }
  const auto target = target_of(state_, directory_, writer_->lookup(), owned, page);
  const Ref first = pieces_.first_of(page);
  // The debt frees the chain, this piece with it.
  if (target && first != k_no_ref &&
      evict_from(owned, *target, {.wanted = {.choice = k_by_class}, .owner_of = first}, work) != 0)
    return;
  move_protected(owned, page, work);
}

bool Reclaim::drain_step(Drain how, CallWork& work) {
  std::unique_lock drainer(drain_mutex_, std::defer_lock);
  if (how == Drain::forced) {
    drainer.lock();
  } else if (!drainer.try_lock()) {
    return false;
  }
  return drain_some(how, work);
}

bool Reclaim::drain_some(Drain how, CallWork& work) {
  if (!drain_) {
    if (how == Drain::sparse && drain_pause_ > 1) {
      --drain_pause_;
      return false;
    }
    drain_pause_ = 0;
    drain_ = state_.arena->begin_drain();
    if (!drain_ && how == Drain::forced) {
      base::Random pick = random();
      drain_ = state_.arena->begin_forced_drain(pick);
    }
    drain_slot_ = 0;
    drain_left_ = drain_ ? drain_->slots + 1 : 0;
    if (!drain_) {
      drain_pause_ = k_drain_pause;
      return false;
    }
  }
  TraceSpan span(state_.trace, TraceKind::gather);
  for (std::size_t n = 0; n < k_drain_slots_a_step && drain_slot_ < drain_->slots;
       ++n, ++drain_slot_) {
    const Ref page = state_.arena->page_in_slot(drain_->slab, drain_slot_);
    if (page == k_no_ref) continue;
    // What a page of this step left owing is the room for the next.
    if (n != 0 && how == Drain::forced && debt_.owing()) return true;
    if (clear_page(page, how, work)) continue;
    // Another slab is cheaper than a fresh one for what cannot be evicted.
    give_up_drain();
    return true;
  }
  const std::size_t left = state_.arena->pages_to_drain(drain_->slab);
  if (left == 0) {
    state_.count(Counter::slabs_emptied);
    state_.trace.tell(TraceKind::slab_emptied, 0, state_.arena->slab_bytes());
    drain_.reset();
  } else if (drain_slot_ >= drain_->slots) {
    // Somebody held a page's shard, a page is about to go, or the debt has yet to free it.
    drain_slot_ = 0;
    if (left >= drain_left_) give_up_drain();
    drain_left_ = left;
  }
  return true;
}

void Reclaim::give_up_drain() noexcept {
  state_.arena->abandon_drain(drain_->slab);
  drain_.reset();
}

bool Reclaim::fragmented() const noexcept {
  const std::size_t free = state_.arena->free_page_bytes();
  return free > k_fragmented_slabs * state_.arena->slab_bytes() &&
         free > state_.arena->slab_bytes_in_use() / k_fragmented_divisor;
}

bool Reclaim::waits_for_gathering(bool gathers) noexcept {
  if (!scattered() || gathers) ungathered_.store(0, std::memory_order_relaxed);
  if (!scattered()) return false;
  return ungathered_.fetch_add(1, std::memory_order_relaxed) < k_ungathered_writes;
}

bool Reclaim::scattered() const noexcept {
  return state_.arena->free_page_bytes() > state_.arena->slab_bytes_in_use() / k_scattered_divisor;
}

void Reclaim::make_room(const Patience& patience, CallWork& work) {
  const OpenNoSlab scope(work);
  // Whoever waited here finds the room that another has made.
  const std::lock_guard drainer(drain_mutex_);
  const TraceSpan span(state_.trace, TraceKind::make_room);
  bool debt_paid = false;
  for (std::size_t i = 0; i < k_steps_a_round && patience.left(); ++i) {
    if (state_.arena->slabs_left() > state_.reserve_slabs) return;
    ++work.reclaim_steps;
    // What is owed comes before what is wanted; its pages may be those that the caller needs.
    if (const std::size_t paid = debt_.pay_for_room(k_debt_pages_a_step); paid != 0) {
      work.pages_freed += paid;
      debt_paid = true;
      continue;
    }
    if (debt_paid) return;
    if (!drain_some(Drain::forced, work)) evict_step(Weigh::bytes, work);
  }
}

bool Reclaim::evict_of_class(ClassId id, std::uint64_t bytes, CallWork& work) {
  if (state_.classes.protects_any() && evict_of_class(id, bytes, Choice::Of::within, work))
    return true;
  // The min of those within may be all that it may hold: then they pay for themselves.
  return evict_of_class(id, bytes, Choice::Of::within_whatever_min, work);
}

bool Reclaim::evict_of_class(ClassId id, std::uint64_t bytes, Choice::Of of, CallWork& work) {
  base::Random pick = random();
  const Choice choice{of, k_no_class, id};
  Ref best = k_no_ref;
  float best_score = -1;
  const auto consider = [&](Ref page) {
    if (page == k_no_ref) return false;
    const auto score = look_at(page, Weigh::bytes, choice, work);
    if (score && *score > best_score) best = page, best_score = *score;
    return score.has_value();
  };
  std::size_t pages = 0;
  for (std::size_t n = 0; n < k_noted_pages; ++n)
    pages += consider(state_.classes.noted_page(id, pick)) ? 1 : 0;
  // Pages that were written lately are known; those that nobody writes to are met by chance.
  for (std::size_t probe = 0; probe < k_probes && pages < k_pages_of_class; ++probe) {
    const Ref page = state_.arena->sample_page(pick);
    if (!consider(page)) continue;
    ++pages;
    state_.classes.note_page(id, page);
  }
  const Enough enough{.wanted = {.payload_bytes = bytes, .choice = choice},
                      .cause = RemovalCause::limit};
  if (best != k_no_ref) {
    if (const auto owned = lock_owner(state_, best, true)) {
      const auto target = target_of(state_, directory_, writer_->lookup(), *owned, best);
      if (target && target->leaf) note_sibling(*owned, *target, id);
      if (target && evict_from(*owned, *target, enough, work) != 0) return true;
    }
  }
  arena::Arena::PageWalk walk = state_.arena->walk_from(pick);
  for (std::size_t probe = 0; probe < k_class_walk; ++probe) {
    const Ref page = state_.arena->next_page(walk);
    if (page == k_no_ref) return false;
    if (!evict_from(page, enough, work)) continue;
    state_.classes.note_page(id, page);
    return true;
  }
  return false;
}

// The leaves of a group are all of its class: once one is known, so are the others.
void Reclaim::note_sibling(const OwnedPage& owned, const Target& leaf, ClassId id) noexcept {
  const Level level =
      directory_.group_level(owned.shard(), leaf.group.stub_body(), leaf.group.anchor());
  std::uint64_t at = after_range(leaf.hash, leaf.found.depth());
  const Found next = directory_.next_page(level, at, k_empty_refs_a_hold);
  if (next.page != k_no_ref) state_.classes.note_page(id, next.page);
}

void Reclaim::make_class_room(ClassId full, std::uint64_t bytes, const Patience& patience,
                              CallWork& work) {
  const OpenNoSlab scope(work);
  const TraceSpan span(state_.trace, TraceKind::make_room);
  for (std::size_t i = 0; i < k_steps_a_round && patience.left(); ++i) {
    const std::uint64_t most = state_.classes.max_now(full);
    const std::uint64_t used = state_.classes.used(full);
    if (used <= most && bytes <= most - used) return;
    ++work.reclaim_steps;
    // A little ahead, so that not every write has to look.
    evict_of_class(full, bytes + k_class_room_ahead, work);
  }
}

bool Reclaim::lower_classes(CallWork& work) {
  const ClassId id = state_.classes.next_over_max();
  if (id == k_no_class) return false;
  state_.classes.lower(id, k_large_bytes);
  return evict_of_class(id, k_large_bytes, work);
}

void Reclaim::weigh_classes() noexcept {
  if (!state_.classes.any() ||
      evictions_.fetch_add(1, std::memory_order_relaxed) % k_evictions_a_weighing != 0)
    return;
  // Nobody keeps books of the groups of no class; names of groups are left out.
  state_.classes.weigh(state_.counted(Counter::payload_bytes) +
                       state_.entries.load(std::memory_order_relaxed) * k_class_entry_bytes);
}

void Reclaim::enforce_entries(CallWork& work) {
  const std::uint64_t max = state_.max_entries.load(std::memory_order_relaxed);
  if (max == 0) return;
  for (std::size_t n = 0;
       n < k_entry_evictions_a_write && state_.entries.load(std::memory_order_relaxed) > max; ++n) {
    ++work.reclaim_steps;
    evict_step(Weigh::count, work);
  }
}

void Reclaim::after_write(CallWork& work) {
  const OpenNoSlab scope(work);
  enforce_entries(work);
  const bool gathers = fragmented() && drain_step(Drain::sparse, work);
  const std::size_t left = state_.arena->slabs_left();
  const bool pressure = left <= state_.reserve_slabs;
  if (debt_.owing()) {
    // What is owed is paid before anything is evicted, and at least as fast as values make it.
    const std::size_t share = (pressure ? k_debt_pages_under_pressure : k_debt_pages_a_write) +
                              2 * static_cast<std::size_t>(work.pieces_written);
    const std::size_t paid = debt_.pay(share);
    work.pages_freed += paid;
    if (paid == share) return;
  }
  if (!pressure) return;
  if (waits_for_gathering(gathers)) return;
  weigh_classes();
  if (writes_.fetch_add(1, std::memory_order_relaxed) % k_writes_a_probe == 0) probe(work);
  if (left == state_.reserve_slabs) return;
  ++work.reclaim_steps;
  if (work.wants_growth || left < state_.reserve_slabs / 2) evict_step(Weigh::bytes, work);
  drain_step(left < state_.reserve_slabs / 2 ? Drain::forced : Drain::sparse, work);
}

bool Reclaim::tick_step(CallWork& work) {
  const OpenNoSlab scope(work);
  if (const std::size_t paid = debt_.pay(k_debt_pages_a_step); paid != 0) return true;
  if (state_.classes.any() && lower_classes(work)) return true;
  const std::uint64_t max = state_.max_entries.load(std::memory_order_relaxed);
  if (max != 0 && state_.entries.load(std::memory_order_relaxed) > max)
    return evict_step(Weigh::count, work);
  if (over_budget()) {
    if (state_.arena->release_empty(state_.arena->slabs_over_budget(), 2) != 0) return true;
    return drain_step(Drain::forced, work) || evict_step(Weigh::bytes, work);
  }
  // Sparse slabs are emptied ahead of need; what is empty beyond a small stock goes back to the
  // system.
  if (fragmented() && drain_step(Drain::sparse, work)) return true;
  const std::size_t in_use = state_.arena->slab_bytes_in_use() / state_.arena->slab_bytes();
  const std::size_t reserved = state_.resident_slabs.load(std::memory_order_relaxed);
  const std::size_t stock = std::max(
      reserved > in_use ? reserved - in_use : 0,
      k_stock_slabs + in_use / k_stock_divisor +
          (state_.arena->huge_pages() ? state_.arena->budget_slabs() / k_huge_stock_divisor : 0));
  return state_.arena->release_empty(1, stock) != 0;
}

}  // namespace ullage::engine
