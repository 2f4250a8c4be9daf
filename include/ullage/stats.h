// What a cache says about itself.
#pragma once

#include <ullage/options.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ullage {

/// Bytes charged to the arena, by what they are for. The five add up to `charged_bytes`.
struct RoleBytes {
  std::uint64_t field = 0;   ///< names of fields
  std::uint64_t value = 0;   ///< values
  std::uint64_t header = 0;  ///< names of groups, page headers, per-entry metadata, ghosts
  std::uint64_t index = 0;   ///< shard table and directories
  std::uint64_t slack = 0;   ///< room inside pages that holds nothing, and free pages of open slabs

  [[nodiscard]] std::uint64_t sum() const noexcept {
    return field + value + header + index + slack;
  }
};

/// Bounds of the work that single calls did, proved by counters and not by clocks.
struct WorkMax {
  std::uint64_t entries_moved = 0;      ///< entries rewritten by one call, its own page included
  std::uint64_t pages_freed = 0;        ///< pages given back by one call
  std::uint64_t candidates_ranked = 0;  ///< entries looked at for eviction by one call
  std::uint64_t reclaim_steps = 0;      ///< reclaim steps of one call
};

/// A snapshot of counters. Each is exact; together they are a moment's blur under concurrency.
struct Stats {
  std::uint64_t entries = 0;
  std::uint64_t groups = 0;

  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t inserts = 0;
  /// Removed entries by RemovalCause. inserts - (all causes but `replaced`) == entries.
  std::array<std::uint64_t, k_removal_causes> removals{};
  /// Of those that were evicted, the ones that nobody had read since they came.
  std::uint64_t evicted_unread = 0;
  std::uint64_t removal_events_lost = 0;  ///< events that the full ring could not take

  std::uint64_t memory_limit = 0;
  std::uint64_t charged_bytes =
      0;  ///< committed for slabs and fixed tables; never above memory_limit
  std::uint64_t live_page_bytes = 0;  ///< of pages in use
  std::uint64_t payload_bytes = 0;    ///< names of fields and values
  std::uint64_t headroom_bytes = 0;   ///< memory_limit - charged_bytes

  std::uint64_t loads = 0;
  std::uint64_t load_failures = 0;
  std::uint64_t negative_hits = 0;

  std::uint64_t read_retries = 0;   ///< optimistic reads that met a writer
  std::uint64_t read_locks = 0;     ///< reads that gave up and took the lock
  std::uint64_t slabs_emptied = 0;  ///< sparse slabs whose pages were moved elsewhere
  std::uint64_t pages_moved = 0;
  WorkMax work_max;

  [[nodiscard]] std::uint64_t removed(RemovalCause cause) const noexcept {
    return removals[static_cast<std::size_t>(cause)];
  }
  [[nodiscard]] double hit_ratio() const noexcept {
    const std::uint64_t all = hits + misses;
    return all == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(all);
  }
};

/// What one group holds: Cache::group_info().
struct GroupInfo {
  std::uint64_t fields = 0;          ///< expired ones do not count
  std::uint64_t payload_bytes = 0;   ///< names of its fields and values
  std::uint64_t resident_bytes = 0;  ///< what it takes: its record, its pages, its large values
  /// How often its most used field was seen of late: 1 to 4, and 4 is "more often".
  std::uint32_t seen = 0;
  /// How long none of its fields was used, at least. The clock behind it counts insertions, so a
  /// cache that is only read does not know, and says 0.
  Millis idle{0};
};

/// What Cache::validate() found. Walks everything: for tests and for an operator's doubt.
struct Validation {
  bool ok = true;
  std::vector<std::string> findings;  ///< what does not balance, in words; at most 16
  RoleBytes roles;
  std::uint64_t charged_bytes = 0;
  std::uint64_t entries = 0;
  std::uint64_t groups = 0;
  std::uint64_t pages = 0;
};

}  // namespace ullage
