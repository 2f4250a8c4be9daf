// Classes: named sets of groups, by prefix, that share limits. Cache::define_class().
//
// The words are those of cgroup v2:
//
//   max    hard: the class never holds more. At its max it evicts its own coldest entries.
//   high   soft: over it a class is the first to pay when the cache needs room
//   low    below it a class pays only when no other class can
//   min    below it a class loses nothing to others
//
// A pattern is a prefix and a star: "session:*"; "*" alone is every group. The longest prefix that
// fits decides; a class is the parent of those whose prefixes begin with its own, and is charged
// for what they hold. A group of no class belongs to nobody's limits but the cache's own.
//
// What is charged for an entry is its field, its value and k_class_entry_bytes, and for a group
// its name and k_class_group_bytes: about what it takes in a page. What pages lose to rounding
// belongs to the cache as a whole; Cache::inspect() tells it apart.
#pragma once

#include <ullage/limits.h>
#include <ullage/options.h>

#include <cstdint>
#include <string>

namespace ullage {

/// Charged to a class for each entry beside its field and value: its slot and its lengths.
inline constexpr std::uint64_t k_class_entry_bytes = 8;
/// Charged for each group beside its name.
inline constexpr std::uint64_t k_class_group_bytes = 8;

/// Limits of a class. Zero is always "none".
struct ClassLimits {
  std::uint64_t min = 0;   ///< bytes
  std::uint64_t low = 0;   ///< bytes
  std::uint64_t high = 0;  ///< bytes
  std::uint64_t max = 0;   ///< bytes

  // Of each group in it that has no limits of its own; none: what the parent says, and in the end
  // Options::group.
  std::uint64_t max_fields = 0;
  std::uint64_t max_bytes = 0;
  Millis idle_ttl{0};

  /// Time to live of what is written without one, from its write on; none: what the parent says.
  Millis ttl{0};

  /// When the cache needs room, who is to give it: classes with a weight, and all others together
  /// as one of k_class_weight_of_others, hold bytes in proportion to their weights; who has less
  /// than its share gives nothing. None: the class is ranked together with all others by the
  /// policy.
  std::uint32_t weight = 0;

  friend bool operator==(const ClassLimits&, const ClassLimits&) = default;
};

struct ClassDefinition {
  std::string pattern;
  ClassLimits limits;

  friend bool operator==(const ClassDefinition&, const ClassDefinition&) = default;
};

/// A class and what it holds. Counts are exact; together they are a moment's blur.
struct ClassInfo {
  std::string pattern;
  std::string parent;  ///< its pattern; empty: none
  ClassLimits limits;
  /// Whether every group has found its class since classes last came or went. Until then a group
  /// counts for the class that it was in; it is charged to exactly one all the time.
  bool settled = true;

  std::uint64_t bytes = 0;      ///< charged, its children's included
  std::uint64_t own_bytes = 0;  ///< of the groups that are in no child
  std::uint64_t entries = 0;    ///< of those groups
  std::uint64_t groups = 0;     ///< the same
  std::uint64_t hits = 0;       ///< the same
  std::uint64_t misses = 0;     ///< of groups that are not there too
  std::uint64_t evicted = 0;    ///< entries that made room for others
  std::uint64_t expired = 0;
  std::uint64_t limited = 0;  ///< entries that went for the class's own limits or their group's
  /// The least that `bytes` will not be evicted below now: `min`, or less where the cache has been
  /// made too small for the sum of all.
  std::uint64_t min_now = 0;
  /// What `bytes` may reach now: `max`, or more while the class is brought down to a lower one.
  std::uint64_t max_now = 0;
};

}  // namespace ullage
