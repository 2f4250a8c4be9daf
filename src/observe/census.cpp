#include <ullage/observe/census.h>

#include "observe/heavy_hitters.h"
#include "observe/patterns.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace ullage::observe {

namespace {
/// Of a large group every page but few has at least so much, since pages with less are merged: less
/// than this, in one slab, is of a group that is not among the largest.
constexpr std::uint64_t k_share_min_bytes = 256;
constexpr std::uint64_t k_share_of_floor = 64;
constexpr std::size_t k_groups_told = 32;
constexpr std::size_t k_classes_told = 64;  // as many as most have
}  // namespace

namespace {
/// Sizes of values are told apart in four steps between one power of two and the next.
constexpr unsigned k_steps_log2 = 2;
constexpr std::size_t k_size_steps = std::size_t{64} << k_steps_log2;

/// REQUIRES: bytes != 0.
std::size_t step_of(std::uint64_t bytes) noexcept {
  const unsigned octave = static_cast<unsigned>(std::bit_width(bytes)) - 1;
  const std::uint64_t top =
      octave >= k_steps_log2 ? bytes >> (octave - k_steps_log2) : bytes << (k_steps_log2 - octave);
  return (std::size_t{octave} << k_steps_log2) + (top & ((1U << k_steps_log2) - 1));
}
std::uint64_t least_of_step(std::size_t step) noexcept {
  const auto octave = static_cast<unsigned>(step >> k_steps_log2);
  const std::uint64_t top = (1U << k_steps_log2) | (step & ((1U << k_steps_log2) - 1));
  return octave >= k_steps_log2
             ? top << (octave - k_steps_log2)
             : (top + (1U << (k_steps_log2 - octave)) - 1) >> (k_steps_log2 - octave);
}

/// Plain words, as most are, lead to no other text: looked at once for each group of a walk.
bool is_plain(std::string_view word) noexcept {
  return std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
}

/// `scratch` holds what is none of the name's own.
std::string_view prefix_of(std::string_view group, std::string& scratch) {
  constexpr std::size_t k_plain_max = 48;
  const std::size_t end = group.find_first_of(":/|.");
  const bool is_whole = end == std::string_view::npos;
  const std::string_view prefix = is_whole ? group : group.substr(0, end + 1);
  if (!is_whole && prefix.size() <= k_plain_max && is_plain(prefix.substr(0, end))) return prefix;
  scratch = collapsed(prefix);
  return scratch;
}
}  // namespace

std::string prefix_of(std::string_view group) {
  std::string scratch;
  return std::string(prefix_of(group, scratch));
}

class Census::Walk {
 public:
  explicit Walk(CensusOptions options)
      : options_(std::move(options)),
        groups_(options_.groups_max),
        prefixes_(options_.prefixes_max) {}

  /// Answers whether all was looked at; not if it is called from a callback of the cache.
  bool step(Cache& cache, std::uint64_t slabs) {
    const auto done =
        cache.inspect_step(cursor_, slabs, [this](const SlabSight& slab) { add(slab); });
    return done && cursor_.is_done;
  }
  [[nodiscard]] std::uint64_t seen_bytes() const noexcept { return result_.bytes; }
  /// What was seen; and begins anew.
  CensusResult finish() {
    CensusResult result = std::move(result_);
    for (const HeavyHitters::One& one : groups_.largest(k_groups_told))
      result.groups.push_back(told(one));
    for (const HeavyHitters::One& one : prefixes_.largest(options_.prefixes_max)) {
      if (one.certain() == 0) break;  // of the others nothing is certain
      result.prefixes.push_back(told(one));
    }
    for (std::size_t step = 0; step < sizes_.size(); ++step) {
      CensusResult::Size& size = sizes_[step];
      size.value_bytes = least_of_step(step);
      if (size.bytes != 0) result.sizes.push_back(size);
      size = {};
    }
    floor_bytes_ = result.groups.size() == k_groups_told ? result.groups.back().bytes : 0;
    groups_.clear();
    prefixes_.clear();
    result_ = {};
    cursor_ = {};
    return result;
  }

 private:
  void add(const SlabSight& slab) {
    result_.bytes += slab.bytes;
    CensusResult::Class of_no_class{.bytes = slab.bytes};
    const Holding* of_group = nullptr;
    std::uint64_t bytes = 0;
    std::uint64_t idle_ms = 0;
    HeavyHitters::Counts counts;
    const auto settle = [&] {
      if (of_group == nullptr) return;
      const std::string_view name =
          options_.group_name ? options_.group_name(of_group->group) : of_group->group;
      if (bytes >= std::min(floor_bytes_ / k_share_of_floor, k_share_min_bytes))
        groups_.add(name, bytes, counts);
      prefixes_.add(prefix_of(name, scratch_), bytes, counts);
      if (of_group->class_pattern.empty()) {
        of_no_class.entries += counts.entries;
        of_no_class.idle_ms += idle_ms;
        return;
      }
      add_to_class(of_group->class_pattern,
                   {.bytes = bytes, .entries = counts.entries, .idle_ms = idle_ms});
      of_no_class.bytes -= bytes;
    };
    for (const Holding& holding : slab.holdings) {
      result_.roles.field += holding.bytes.field;
      result_.roles.value += holding.bytes.value;
      result_.roles.header += holding.bytes.header;
      result_.roles.index += holding.bytes.index;
      result_.roles.slack += holding.bytes.slack;
      result_.entries += holding.entries;
      // What is of one group mostly comes together.
      const bool is_same =
          of_group != nullptr && holding.has_group && holding.group == of_group->group;
      if (!is_same) {
        settle();
        bytes = 0;
        idle_ms = 0;
        counts = {};
        of_group = holding.has_group ? &holding : nullptr;
      }
      bytes += holding.bytes.sum();
      idle_ms += holding.entries * static_cast<std::uint64_t>(holding.idle.count());
      counts += {.entries = holding.entries,
                 .endless = holding.ends ? 0 : holding.entries,
                 .unread = holding.was_read ? 0 : holding.entries};
      add_to_size(holding);
    }
    settle();
    add_to_class({}, of_no_class);
  }

  static CensusResult::Group told(const HeavyHitters::One& one) {
    return {.name = one.name,
            .bytes = one.certain(),
            .fields = one.counts.entries,
            .endless_fields = one.counts.endless,
            .unread_fields = one.counts.unread};
  }

  void add_to_size(const Holding& holding) {
    if (holding.value_bytes == 0) return;
    CensusResult::Size& size = sizes_[step_of(holding.value_bytes)];
    size.entries += holding.entries;
    size.bytes += holding.bytes.sum();
    if (!holding.has_field) size.slack += holding.bytes.slack;
  }

  void add_to_class(std::string_view pattern, const CensusResult::Class& more) {
    auto found = result_.classes.find(pattern);
    // Beyond what there may be at a time they came and went during the walk.
    if (found == result_.classes.end() && result_.classes.size() > k_classes_max)
      found = result_.classes.find("");
    if (found == result_.classes.end())
      found = result_.classes.emplace(pattern, CensusResult::Class{}).first;
    found->second.bytes += more.bytes;
    found->second.entries += more.entries;
    found->second.idle_ms += more.idle_ms;
  }

  CensusOptions options_;
  InspectCursor cursor_;
  CensusResult result_;
  HeavyHitters groups_;
  HeavyHitters prefixes_;
  std::array<CensusResult::Size, k_size_steps> sizes_{};
  std::string scratch_;            // a prefix that was put together
  std::uint64_t floor_bytes_ = 0;  // of the groups that were told of last
};

Census::Census(Cache& cache, CensusOptions options)
    : cache_(&cache), walk_(std::make_unique<Walk>(std::move(options))) {}
Census::~Census() = default;
Census::Census(Census&&) noexcept = default;
Census& Census::operator=(Census&&) noexcept = default;

std::size_t Census::held_bytes(const CensusOptions& options) noexcept {
  return HeavyHitters::held_bytes(options.groups_max) +
         2 * HeavyHitters::held_bytes(options.prefixes_max) +  // and as it is told
         2 * k_classes_told * (k_class_pattern_max_bytes + 64) +
         2 * k_size_steps * sizeof(CensusResult::Size) +
         2 * k_groups_told * (HeavyHitters::k_name_max_bytes + sizeof(CensusResult::Group));
}

std::uint64_t Census::seen_bytes() const noexcept {
  return walk_->seen_bytes();
}

bool Census::step(std::uint64_t slabs) {
  if (!walk_->step(*cache_, slabs)) return false;
  const std::uint64_t walks = last_.walks + 1;
  last_ = walk_->finish();
  last_.walks = walks;
  return true;
}

}  // namespace ullage::observe
