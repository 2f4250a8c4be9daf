// Every limit of the library, in one place, with the relations between them asserted.
//
// Past a limit a call answers with a typed error (see result.h) and changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ullage {

inline constexpr std::size_t k_kib = 1024;
inline constexpr std::size_t k_mib = 1024 * k_kib;
inline constexpr std::size_t k_gib = 1024 * k_mib;

/// The smallest memory limit with which a cache opens. Below it the fixed tables would own the
/// cache.
inline constexpr std::size_t k_memory_limit_min_bytes = 8 * k_mib;
/// The largest one: references are 32-bit counts of 16-byte granules.
inline constexpr std::size_t k_memory_limit_max_bytes = 64 * k_gib;

/// From this memory limit on HugePages::automatic asks for huge pages: what they round up to is
/// then a small share.
inline constexpr std::size_t k_huge_pages_from_bytes = 1 * k_gib;

/// Longest name of a group or a field. All byte values are allowed and the empty name too.
inline constexpr std::size_t k_name_max_bytes = 1024;
/// Longest value unless `Options::max_value_bytes` says otherwise ...
inline constexpr std::size_t k_value_default_max_bytes = 1 * k_mib;
/// ... and the most that it may say.
inline constexpr std::size_t k_value_max_bytes = 64 * k_mib;
/// A value may take at most this share of the memory limit, so that one value never empties a
/// cache.
inline constexpr std::size_t k_value_share_of_limit = 4;

/// Longest time to live, in milliseconds: about 4,460 years. Longer ones are refused, not
/// clamped: a page keeps moments of the clock in 48 bits.
inline constexpr std::int64_t k_ttl_max_ms = (std::int64_t{1} << 47) - 1;

/// The most classes that Options::max_classes may ask for, and what it is by itself: one for so
/// many bytes of the memory limit, within these.
inline constexpr std::size_t k_classes_max = 4096;
inline constexpr std::size_t k_classes_default_min = 32;
inline constexpr std::size_t k_classes_default_max = 1024;
inline constexpr std::size_t k_class_share_of_limit_bytes = 512 * k_kib;
/// Longest pattern of a class, its star included.
inline constexpr std::size_t k_class_pattern_max_bytes = 128;
/// Classes within classes.
inline constexpr std::size_t k_class_depth_max = 8;
/// The sum of all `min` is at most this share of the memory limit: the rest is what pages lose to
/// rounding and what others need to be written at all.
inline constexpr std::size_t k_class_min_numerator = 3;
inline constexpr std::size_t k_class_min_denominator = 4;
inline constexpr std::uint32_t k_class_weight_max = 10'000;
/// The weight of all groups together whose class has none.
inline constexpr std::uint32_t k_class_weight_of_others = 100;

/// The most requests that one get_many() or set_many() call takes.
inline constexpr std::size_t k_batch_max = 4096;

/// The most that a group may hold, before and after, to be looked at or changed as a whole:
/// entries, and bytes of names and values.
inline constexpr std::size_t k_group_edit_max_fields = 16'384;
inline constexpr std::size_t k_group_edit_max_bytes = 64 * k_mib;
/// The largest GroupEdit::set_kind().
inline constexpr std::uint8_t k_group_kind_max = 127;

/// How deep calls of visitors may nest in one thread: visit() inside visit() and so on.
inline constexpr std::size_t k_visitor_depth_max = 4;

/// Entries of which loads may be in flight at once; get_or_load() beyond it answers `busy`.
inline constexpr std::size_t k_flights_max = 4096;
/// Negative results ("the loader says there is none") remembered at once.
inline constexpr std::size_t k_negatives_max = 16384;

/// Removal events that wait for their listener; what does not fit is counted as lost.
inline constexpr std::size_t k_removal_ring_bytes_max = 1 * k_mib;
/// The ring never takes more than this share of the memory limit.
inline constexpr std::size_t k_removal_ring_share_of_limit = 64;

/// The most work of one call: base + per_kib for each KiB of its names and value. A call that would
/// need more answers `no_room` and changes nothing. Stats::work_max tells what calls really did.
struct WorkBound {
  std::uint64_t base;
  std::uint64_t per_kib;
  [[nodiscard]] constexpr std::uint64_t of(std::uint64_t bytes) const noexcept {
    return base + per_kib * ((bytes + k_kib - 1) / k_kib);
  }
};
inline constexpr WorkBound k_work_reclaim_steps{1024, 64};
inline constexpr WorkBound k_work_pages_freed{4096, 256};
inline constexpr WorkBound k_work_candidates{65'536, 4096};
inline constexpr WorkBound k_work_entries_moved{65'536, 4096};

static_assert(2 * k_group_edit_max_fields <= k_work_entries_moved.base,
              "a group's entries before and after are within the work of one call");
static_assert(k_group_edit_max_bytes >= k_value_max_bytes);
static_assert(k_memory_limit_min_bytes < k_memory_limit_max_bytes);
static_assert(k_memory_limit_max_bytes / 16 - 1 <= UINT32_MAX,
              "a reference is 32 bits of granules");
static_assert(k_value_default_max_bytes <= k_value_max_bytes);
static_assert(k_value_default_max_bytes <= k_memory_limit_min_bytes / k_value_share_of_limit,
              "the default maximum of a value works with the smallest limit");
static_assert(k_classes_max <= UINT16_MAX - 1, "a record names its class in two bytes");
static_assert(k_classes_default_min <= k_classes_default_max &&
              k_classes_default_max <= k_classes_max);
static_assert(k_class_pattern_max_bytes <= 255 && k_class_pattern_max_bytes <= k_name_max_bytes);
static_assert(k_class_min_numerator < k_class_min_denominator);
static_assert(k_name_max_bytes < 32 * k_kib, "a name's length fits two bytes with room for flags");

namespace literals {
/// Powers of 1024: `64_MiB`.
constexpr std::size_t operator""_KiB(unsigned long long n) {
  return static_cast<std::size_t>(n) * k_kib;
}
constexpr std::size_t operator""_MiB(unsigned long long n) {
  return static_cast<std::size_t>(n) * k_mib;
}
constexpr std::size_t operator""_GiB(unsigned long long n) {
  return static_cast<std::size_t>(n) * k_gib;
}
}  // namespace literals

}  // namespace ullage
