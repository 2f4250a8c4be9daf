// Making room: eviction of cold entries, emptying of sparse slabs, payment of the debt.
//
// Order of payment when the arena is full: what is owed (dropped groups and chains), expired
// entries, then the ranking's worst among sampled pages. Freed bytes are scattered over bins, so
// sparse slabs are emptied page by page until whole slabs are free again: that, not the eviction,
// is what makes the bound hold when a workload's sizes change.
//
// Nobody calls this while holding a shard: a step locks the shard of the page it works on.
#pragma once

#include "base/random.h"
#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/evictor.h"
#include "engine/state.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace ullage::engine {

class Writer;

class Reclaim {
 public:
  Reclaim(State& state, const Directory& directory, RemovalRing& ring, Debt& debt, Evictor& evictor,
          std::uint64_t seed) noexcept
      : state_(state),
        directory_(directory),
        ring_(ring),
        debt_(debt),
        evictor_(evictor),
        seed_(seed) {}
  void set_writer(Writer& writer) noexcept { writer_ = &writer; }

  /// Up to `steps` bounded steps towards a free slab.
  void make_room(std::size_t steps, CallWork& work);
  /// What every write does before it returns: its share of the debt, of the reserve, of
  /// max_entries.
  void after_write(CallWork& work);
  /// One step of upkeep for tick(). Answers whether it found anything to do.
  bool tick_step(CallWork& work);
  /// Whether the arena is above its budget after it was lowered.
  [[nodiscard]] bool over_budget() const noexcept { return state_.arena->slabs_over_budget() != 0; }

 private:
  /// Samples a few pages and evicts from the worst until the page fits a smaller bin, or `entries`
  /// of them.
  bool evict_step(std::size_t entries, CallWork& work);
  /// Moves a few pages out of the slab that is being emptied, choosing one first if there is none.
  /// `sparse`: only where other slabs of the bin have room. `forced`: any slab, evicting what finds
  /// no place.
  enum class Drain : std::uint8_t { sparse, forced };
  bool drain_step(Drain how, CallWork& work);
  /// Whether so much lies free in open slabs that emptying some is worth the moves.
  [[nodiscard]] bool fragmented() const noexcept;
  enum class Moved : std::uint8_t { yes, gone, busy };
  Moved move_page(Ref page, CallWork& work);
  void enforce_entries(CallWork& work);

  /// A page found by sampling, with its shard locked; see lock_owner().
  struct Owned {
    Shard* shard = nullptr;
    PageHeader header;
  };
  /// Locks the shard that owns a bucket, leaf, node or piece and answers its header; none if it is
  /// busy or gone.
  [[nodiscard]] std::optional<Owned> lock_owner(Ref page, bool wait) const;
  bool evict_from(Ref page, std::size_t entries, CallWork& work);
  [[nodiscard]] float worst_score(Ref page, Weigh weigh, CallWork& work) const;
  base::Random random() noexcept {
    return base::Random(seed_.fetch_add(0x9e3779b97f4a7c15ULL, std::memory_order_relaxed));
  }

  State& state_;
  const Directory& directory_;
  RemovalRing& ring_;
  Debt& debt_;
  Evictor& evictor_;
  Writer* writer_ = nullptr;
  std::atomic<std::uint64_t> seed_;

  std::mutex drain_mutex_;  // one empties at a time; LOCK ORDER: drain -> shard (tried) -> arena
  std::optional<arena::Arena::Drain> drain_;
  std::uint32_t drain_slot_ = 0;
  std::uint32_t drain_skipped_ = 0;
  std::uint32_t drain_pause_ = 0;  // calls to let pass after none was found
};

}  // namespace ullage::engine
