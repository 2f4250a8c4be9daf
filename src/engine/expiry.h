// Gives back what has ended, without waiting for a visit.
//
// Each shard knows the earliest moment at which anything in it may end (Shard::due_ms), each large
// group and each page too. A sweep reads the shards' due times (one line each) and works through
// those that have come, one page a step, so that expired bytes are back soon after their time
// whatever the number of entries. Due times are lower bounds: writers lower them, only the sweep
// raises them.
#pragma once

#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/state.h"
#include "engine/writer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace ullage::engine {

class Expiry {
 public:
  Expiry(State& state, const Directory& directory, RemovalRing& ring, Writer& writer) noexcept
      : state_(state), directory_(directory), ring_(ring), writer_(writer) {}

  /// One bounded step: reads some shards' due times or works on one page. Answers false once
  /// nothing is due.
  bool step(CallWork& work);
  /// Removes all fields of a large group whose time has come, so that its count is true. Cost: its
  /// due pages.
  void sweep_group(std::string_view name);
  /// While it is held nobody sweeps in steps; a sweep that is not at its end has taken the due time
  /// off one shard. For the validator. LOCK ORDER: this -> shard.
  struct Pause {
    std::unique_lock<std::mutex> held;
    std::optional<std::size_t> shard_half_swept;
  };
  [[nodiscard]] Pause pause();
  /// Makes the next sweep look at every shard: after a limit in time was switched on for all
  /// groups.
  void all_due() noexcept;
  /// Lets the next step look at the due times again, whatever the clock says.
  void look_again() noexcept;

 private:
  struct Cursor {
    bool active = false;
    std::size_t shard = 0;
    std::uint64_t bucket_at = 0;
    std::int64_t due_ms = k_never_ms;  ///< of what was passed in this shard
    bool in_group = false;
    std::uint64_t group_hash = 0;
    Ref anchor = k_no_ref;
    std::uint64_t field_at = 0;
    std::int64_t group_due_ms = k_never_ms;
    // Large groups of this bucket that had their pass: what falls due meanwhile is the next scan's.
    static constexpr std::size_t k_passed_max = 64;
    std::array<Ref, k_passed_max> passed{};
    std::size_t passed_count = 0;
    [[nodiscard]] bool has_passed(Ref group) const noexcept {
      return passed_count == k_passed_max ||
             std::find(passed.begin(), passed.begin() + passed_count, group) !=
                 passed.begin() + passed_count;
    }
  };
  bool find_due_shard(std::int64_t now_ms);
  void begin_sweep(const GroupPlace& place) noexcept;
  void set_sweeping(Ref anchor, bool sweeping) noexcept;
  /// Removes what has ended in one bucket; answers what is due next in it.
  std::int64_t sweep_bucket(Shard& shard, const Found& found, std::uint64_t hash,
                            std::int64_t now_ms, CallWork& work);
  void step_bucket(Shard& shard, std::int64_t now_ms, CallWork& work);
  /// One leaf of a large group. Answers false when the group is done (or gone).
  bool step_leaf(Shard& shard, Cursor& cursor, std::int64_t now_ms, CallWork& work);
  [[nodiscard]] std::int64_t scan_interval_ms() const noexcept;

  State& state_;
  const Directory& directory_;
  RemovalRing& ring_;
  Writer& writer_;
  std::mutex mutex_;  // one sweeps; LOCK ORDER: expiry -> shard. Guards what follows.
  Cursor cursor_;
  std::size_t next_shard_ = 0;
  std::size_t shards_read_ = 0;
  std::int64_t scan_began_ms_ = 0;
  std::int64_t next_scan_ms_ = 0;
  bool look_again_ = false;  // the scan under way is to be followed by another at once
};

}  // namespace ullage::engine
