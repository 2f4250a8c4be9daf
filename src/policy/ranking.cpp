#include "policy/ranking.h"

#include <algorithm>
#include <array>

namespace ullage::policy {

Rank Ranking::on_insert(std::uint64_t hash, std::uint64_t entries,
                        std::span<const Rank> residents) noexcept {
  const Tick now = model_.now();
  EntryState state(0, now);
  if (adaptive_) {
    if (model_.census_due()) {
      std::array<EntryState, k_census_max> seen{};
      std::size_t n =
          std::min<std::size_t>(resident_count_.load(std::memory_order_relaxed), seen.size());
      for (std::size_t i = 0; i < n; ++i) {
        seen[i] = EntryState(residents_[i].load(std::memory_order_relaxed));
      }
      if (n == 0) {
        n = std::min(residents.size(), seen.size());
        for (std::size_t i = 0; i < n; ++i)
          seen[i] = EntryState(residents[i]);
      }
      model_.census(std::span(seen).first(n), entries, ghosts_.look(hash, now),
                    ghosts_.words_in_use());
    }
    state = model_.on_insert(hash, ghosts_.take(hash, now));
  }
  model_.advance(entries);
  if (adaptive_ && model_.rebuild_due()) {
    const std::unique_lock lock(rebuild_mutex_, std::try_to_lock);
    if (lock.owns_lock() && model_.rebuild_due()) {
      model_.rebuild();
      ghosts_.fit(entries);
    }
  }
  return state.bits();
}

void Ranking::note_residents(std::span<const Rank> residents) noexcept {
  const std::size_t n = std::min(residents.size(), residents_.size());
  for (std::size_t i = 0; i < n; ++i)
    residents_[i].store(residents[i], std::memory_order_relaxed);
  resident_count_.store(static_cast<std::uint32_t>(n), std::memory_order_relaxed);
}

}  // namespace ullage::policy
