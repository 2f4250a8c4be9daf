// Making room: eviction of cold entries, emptying of sparse slabs, payment of the debt.
//
// Order of payment when the arena is full: what is owed (dropped groups and chains), expired
// entries, then the ranking's worst among sampled pages, where classes (classes.h) have the first
// word: who is over its high goes first, who is below its min not at all. Freed bytes are scattered
// over bins, so sparse slabs are emptied page by page until whole slabs are free again: that, not
// the eviction, is what makes the bound hold when a workload's sizes change.
//
// Nobody calls this while holding a shard: a step locks the shard of the page it works on.
#pragma once

#include "base/random.h"
#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/evictor.h"
#include "engine/mover.h"
#include "engine/owner.h"
#include "engine/state.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace ullage::engine {

class Writer;

/// How long one call goes on making room: until it has done half of what it may do at most (the
/// other half is more than one step can add), or others took its room too often.
class Patience {
 public:
  Patience(const CallWork& work, std::size_t argument_bytes) noexcept
      : work_(work), bytes_(argument_bytes) {}

  /// A value of so many bytes is written besides.
  void allow(std::size_t bytes) noexcept { bytes_ += bytes; }
  /// Whether to try again after a round.
  [[nodiscard]] bool again() noexcept { return ++rounds_ < k_rounds_max && left(); }
  [[nodiscard]] bool left() const noexcept {
    return work_.reclaim_steps < k_work_reclaim_steps.of(bytes_) / 2 &&
           work_.pages_freed < k_work_pages_freed.of(bytes_) / 2 &&
           work_.candidates_ranked < k_work_candidates.of(bytes_) / 2 &&
           work_.entries_moved < k_work_entries_moved.of(bytes_) / 2;
  }
  [[nodiscard]] int rounds() const noexcept { return rounds_; }

 private:
  static constexpr int k_rounds_max = 4096;
  const CallWork& work_;
  std::size_t bytes_;
  int rounds_ = 0;
};

class Reclaim {
 public:
  Reclaim(State& state, const Directory& directory, RemovalRing& ring, Debt& debt, Evictor& evictor,
          std::uint64_t seed) noexcept
      : state_(state),
        directory_(directory),
        ring_(ring),
        debt_(debt),
        evictor_(evictor),
        pieces_(state),
        seed_(seed) {}
  void set_writer(Writer& writer) noexcept;

  /// A round of bounded steps towards a free slab, while patience is left.
  void make_room(const Patience& patience, CallWork& work);
  /// A round of bounded steps towards `bytes` more in a class that is at its max: of its own
  /// entries, the worst that are found.
  void make_class_room(ClassId full, std::uint64_t bytes, const Patience& patience, CallWork& work);
  /// What every write does before it returns: its share of the debt, of the reserve, of
  /// max_entries.
  void after_write(CallWork& work);
  /// One step of upkeep for tick(). Answers whether it found anything to do.
  bool tick_step(CallWork& work);
  /// While the limit is being lowered by much: the share of a page that goes when its slab is
  /// emptied, so that what stays is not moved again and again with a little less each time.
  void shed(float share) noexcept { shed_.store(share, std::memory_order_relaxed); }
  /// Whether the arena is above its budget after it was lowered.
  [[nodiscard]] bool over_budget() const noexcept { return state_.arena->slabs_over_budget() != 0; }

 private:
  /// What an eviction from one page takes.
  struct Enough {
    Wanted wanted{};
    Ref owner_of = k_no_ref;  ///< the entry alone whose value begins in this piece
    RemovalCause cause = RemovalCause::evicted;
  };
  std::size_t evict_from(const OwnedPage& owned, const Target& target, const Enough& enough,
                         CallWork& work);
  bool evict_from(Ref page, const Enough& enough, CallWork& work);
  /// Evicts from the page until it fits a smaller bin.
  bool shrink(Ref page, CallWork& work);
  /// Samples a few pages and evicts from the worst: one entry by count, or shrinks it.
  bool evict_step(Weigh weigh, CallWork& work);
  /// Looks at a random page, whoever is written to: teaches the threshold and the census, and
  /// evicts what is far worse than usual, so that pages that nobody writes to give up their dead.
  void probe(CallWork& work);
  /// The score of a page's worst entry, if it has one that may go and its shard is not busy.
  std::optional<float> look_at(Ref page, Weigh weigh, Choice choice, CallWork& work) const;
  /// Evicts so many bytes of a class from the worst of a few pages that have some of it.
  bool evict_of_class(ClassId id, std::uint64_t bytes, CallWork& work);
  bool evict_of_class(ClassId id, std::uint64_t bytes, Choice::Of of, CallWork& work);
  void note_sibling(const OwnedPage& owned, const Target& leaf, ClassId id) noexcept;
  /// Brings a class down to a max that was lowered; false if there is none.
  bool lower_classes(CallWork& work);
  void weigh_classes() noexcept;

  /// Moves a few pages out of the slab that is being emptied, choosing one first if there is none.
  /// `sparse`: only where other slabs of the bin have room. `forced`: any slab, evicting what finds
  /// no place.
  enum class Drain : std::uint8_t { sparse, forced };
  bool drain_step(Drain how, CallWork& work);
  bool drain_some(Drain how, CallWork& work);  // drain_mutex_ is held
  /// Moves or evicts a page of the slab, or leaves it for the next pass; false if it has to stay
  /// and the slab with it.
  bool clear_page(Ref page, Drain how, CallWork& work);
  /// What classes protect is moved, at the price of a slab if need be: the next pages share it.
  bool move_protected(const OwnedPage& owned, Ref page, CallWork& work);
  void give_up_drain() noexcept;
  void clear_piece(const OwnedPage& owned, Ref page, CallWork& work);
  /// Whether so much lies free in open slabs that emptying some is worth the moves.
  [[nodiscard]] bool fragmented() const noexcept;
  /// Whether so much does that evicting more is no help: what is free has to be gathered first.
  [[nodiscard]] bool scattered() const noexcept;
  /// Whether a write evicts nothing for now because of it. Not for long where nothing can be
  /// gathered: the last free pages of every bin, and those among anchors.
  bool waits_for_gathering(bool gathers) noexcept;
  void enforce_entries(CallWork& work);

  base::Random random() noexcept {
    return base::Random(seed_.fetch_add(0x9e3779b97f4a7c15ULL, std::memory_order_relaxed));
  }

  State& state_;
  const Directory& directory_;
  RemovalRing& ring_;
  Debt& debt_;
  Evictor& evictor_;
  Pieces pieces_;
  Writer* writer_ = nullptr;
  std::optional<Mover> mover_;
  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint32_t> writes_{0};  // under pressure; paces the probes
  std::atomic<Ref> next_probe_{k_no_ref};
  std::atomic<float> shed_{0};
  std::atomic<std::uint32_t> ungathered_{0};  // writes since something was gathered
  std::atomic<std::uint32_t> evictions_{0};   // paces the weighing of shares

  std::mutex drain_mutex_;  // one empties at a time; LOCK ORDER: drain -> shard -> debt -> arena
  std::optional<arena::Arena::Drain> drain_;
  std::uint32_t drain_slot_ = 0;
  std::size_t drain_left_ = 0;     // pages at the end of the last pass over the slab
  std::uint32_t drain_pause_ = 0;  // calls to let pass after none was found
};

}  // namespace ullage::engine
