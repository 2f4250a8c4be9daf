// What the arena's bytes are for, slab by slab: what a data profile is made of. Cache::inspect().
#pragma once

#include <ullage/options.h>
#include <ullage/stats.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace ullage {

/// Some bytes of a slab that have one owner: an entry's part of a page, a group's, or nobody's.
struct Holding {
  std::string_view group;  ///< empty: it belongs to no group
  std::string_view field;  ///< empty: it belongs to no entry
  /// The pattern of the group's class (classes.h); empty: it is in none.
  std::string_view class_pattern;
  bool has_group = false;  ///< "" is a name, too
  bool has_field = false;  ///< the same
  RoleBytes bytes;         ///< they add up over all holdings of a slab to the slab
  std::uint64_t entries =
      0;  ///< 1 where an entry has its name; the pieces of a large value count 0
  /// Of the entry's whole value, wherever it lies; where there is no entry, of the one before it in
  /// the same page.
  std::uint64_t value_bytes = 0;
  /// Something ends the entry, or the group, even if nobody touches it: a TTL of its own, its
  /// group's, or an idle TTL.
  bool ends = false;
  /// Somebody has read the entry since it came.
  bool was_read = false;
  /// How long the entry was not used, at least. The clock behind it counts insertions: a cache that
  /// is only read does not know, and says 0.
  Millis idle{0};
};

/// One slab as it was at one moment. Names are valid during the call alone.
struct SlabSight {
  /// The tables beside the slabs come as one stretch, the first.
  bool is_tables = false;
  std::uint64_t bytes = 0;
  std::span<const Holding> holdings;
};

struct InspectOptions {
  /// How many slabs are looked at, chosen at random; 0: all of them.
  std::uint64_t slabs_max = 0;
  std::uint64_t seed = 0;  ///< of that choice
};

/// What Cache::inspect() has seen, and how.
struct Inspection {
  std::uint64_t slabs = 0;           ///< that were looked at
  std::uint64_t slabs_resident = 0;  ///< that there were
  std::uint64_t bytes = 0;           ///< of the tables and the slabs that were looked at
  std::uint64_t pages = 0;           ///< in use, in those slabs
  /// Pages that were being changed each time they were looked at: their bytes are slack of nobody.
  std::uint64_t pages_unsettled = 0;
  /// The most that was copied while the arena was held: never more than one slab.
  std::uint64_t longest_hold_bytes = 0;
};

/// Where a walk in steps is: Cache::inspect_step(). Begins at the beginning; of one cache.
struct InspectCursor {
  InspectOptions options;
  Inspection so_far;  ///< what the steps have seen
  bool is_done = false;

  // The cache's own:
  bool has_begun = false;
  std::uint32_t next_slab = 0;
  std::uint32_t slabs_left = 0;
  std::uint64_t wanted_left = 0;
  std::uint64_t random = 0;
};

}  // namespace ullage
