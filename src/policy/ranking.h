// What the engine asks of a policy: a rank to keep with each entry, and a score to compare
// candidates by.
//
// Two rankings: the adaptive one (reuse_model.h, with its ghosts), and least recently used, which
// is the same clock without the model. No locks are taken but one try-lock around the model's
// rebuild.
#pragma once

#include "policy/reuse_model.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

namespace ullage::policy {

/// What an entry carries: EntryState's bits.
using Rank = std::uint16_t;

class Ranking {
 public:
  /// `ghost_words` is zeroed memory that outlives this; not empty.
  Ranking(bool adaptive, std::span<std::atomic<std::uint64_t>> ghost_words) noexcept
      : adaptive_(adaptive), ghosts_(ghost_words) {}

  [[nodiscard]] bool census_due() const noexcept { return adaptive_ && model_.census_due(); }

  /// Asks for the memory that on_insert() of this hash will look at.
  void prefetch(std::uint64_t hash) const noexcept {
    if (adaptive_) ghosts_.prefetch(hash);
  }

  /// The rank of an entry that comes into a cache of `entries` entries. `residents` are ranks of
  /// some entries of the page that takes it, chosen without regard to their ranks; empty unless
  /// census_due().
  [[nodiscard]] Rank on_insert(std::uint64_t hash, std::uint64_t entries,
                               std::span<const Rank> residents) noexcept;

  /// Whether an entry of that rank was never read, only written.
  [[nodiscard]] static constexpr bool is_unread(Rank rank) noexcept {
    return (rank & k_read_bit) == 0;
  }

  /// Whether a read would leave the rank as it is: another was noted within this tick.
  [[nodiscard]] bool is_fresh(Rank rank) const noexcept { return fresh()(rank); }
  /// The same of many ranks, as of one moment.
  class Fresh {
   public:
    [[nodiscard]] bool operator()(Rank rank) const noexcept {
      constexpr Rank k_looked_at = k_read_bit | ((1U << k_tick_bits) - 1);
      return (rank & k_looked_at) == wanted_;
    }

   private:
    friend class Ranking;
    explicit Fresh(unsigned now) noexcept : wanted_(static_cast<Rank>(k_read_bit | now)) {}
    Rank wanted_;
  };
  [[nodiscard]] Fresh fresh() const noexcept { return Fresh(model_.now()); }
  /// The rank after a read: the same within one tick, and then nothing needs to be stored.
  [[nodiscard]] Rank on_read(std::uint64_t hash, Rank rank) noexcept {
    return static_cast<Rank>(on_write(hash, rank) | k_read_bit);
  }
  /// The rank of an entry that was there and is written anew.
  [[nodiscard]] Rank on_write(std::uint64_t hash, Rank rank) noexcept {
    if (adaptive_) return model_.on_hit(hash, EntryState(rank)).bits();
    return static_cast<Rank>(EntryState(0, model_.now()).bits() | (rank & k_read_bit));
  }

  /// Ranks of some entries of a page that was chosen at random: the next census counts these rather
  /// than the page that takes the new entry, whose entries share its group and so its moment.
  void note_residents(std::span<const Rank> residents) noexcept;

  /// Scores many candidates as of one moment.
  class Scorer {
   public:
    explicit Scorer(const Ranking& ranking) noexcept
        : model_(ranking.model_), now_(ranking.model_.now()), adaptive_(ranking.adaptive_) {}
    /// Higher goes first; never negative. `bytes` is what eviction gives back.
    [[nodiscard]] float operator()(Rank rank, std::uint32_t bytes) const noexcept {
      if (adaptive_) return model_.score(EntryState(rank), now_, bytes);
      return static_cast<float>(EntryState(rank).age(now_)) + 1.0F;
    }

   private:
    const ReuseModel& model_;
    const Tick now_;
    const bool adaptive_;
  };
  [[nodiscard]] Scorer scorer() const noexcept { return Scorer(*this); }
  [[nodiscard]] float score(Rank rank, std::uint32_t bytes) const noexcept {
    return scorer()(rank, bytes);
  }
  /// The rank that a candidate should carry so that its age cannot wrap; mostly the same.
  [[nodiscard]] Rank refreshed(Rank rank) const noexcept {
    return EntryState(rank).refreshed(model_.now()).bits();
  }

  [[nodiscard]] Tick now() const noexcept { return model_.now(); }

  void on_evict(std::uint64_t hash, Rank rank) noexcept {
    if (adaptive_) ghosts_.remember(hash, EntryState(rank), model_.now());
  }

 private:
  static constexpr Rank k_read_bit = Rank{1} << k_tick_bits;

  const bool adaptive_;
  ReuseModel model_;
  GhostTable ghosts_;
  std::array<std::atomic<Rank>, k_census_max> residents_{};  // a sample; orders nothing
  std::atomic<std::uint32_t> resident_count_{0};
  std::mutex rebuild_mutex_;  // guards rebuild() and fit(); only ever tried
};

}  // namespace ullage::policy
