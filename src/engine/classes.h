// The table of classes: which group is in which, what each holds, and what it may.
//
// A group's record names its class (record.h), so that a read or a write of a group that is there
// knows it; by its name a group is matched when it is created, renamed or missed. Everything lies
// in the cache's fixed memory and is read without locks:
//
//   slots     one a class: books, limits, pattern, and pages in which some of its entries were seen
//   stripes   hits and misses, one row of all classes a stripe
//   index     a hash table from prefixes to slots, under a version as a shard is
//
// THE BOOKS. `own` is what a class's groups are charged, `used` adds those of its children. Both
// change with the entry, while the group's shard is held. When classes come or go, groups change
// class and classes change parent, and a walk over all groups in the order of their hashes takes
// the books along (relabel.h). A group whose hash lies before `position` has been taken along and
// is charged along the parents of after the walk; the others along those of before. So the books of
// every class are exact at every moment, without a stop. With no walk under way both parents are
// one.
//
// STATES of a slot; all changes under the core's lock of classes:
//   free -> coming    accepted; the next walk brings it in
//   coming -> live    matched and charged
//   live -> going     it will leave with the next walk
//   going -> leaving  no longer matched; the walk takes its groups elsewhere
//   leaving -> free   its last group has left
#pragma once

#include <ullage/classes.h>
#include <ullage/result.h>

#include "base/random.h"
#include "base/striped_counters.h"
#include "base/version_lock.h"
#include "engine/class_set.h"
#include "engine/layout.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::engine {

/// What the books say of a class while nothing changes: for the validator.
struct ClassBooks {
  std::uint64_t used = 0;
  std::uint64_t own = 0;
  std::uint64_t entries = 0;
  std::uint64_t groups = 0;
  friend bool operator==(const ClassBooks&, const ClassBooks&) = default;
};

class Classes {
 public:
  static std::size_t bytes_for(std::size_t max) noexcept;

  /// `memory` is zeroed, at a multiple of 64, bytes_for(max) long and outlives this.
  void attach(std::byte* memory, std::size_t max, std::uint64_t seed) noexcept;

  /// Whether there are any. If not, nothing else need be asked.
  [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t max() const noexcept { return max_; }

  // --- for who holds the group's shard, or reads without a lock --------------------------------

  /// The class of a group by its name: the longest prefix that fits.
  [[nodiscard]] ClassId match(std::string_view group) const noexcept;

  /// `stripe` is base::Stripes::mine().
  void count_hit(unsigned stripe, ClassId id) noexcept { count(stripe, id, 0); }
  void count_miss(unsigned stripe, ClassId id) noexcept { count(stripe, id, 1); }
  /// A miss of a group that is not there.
  void count_miss(unsigned stripe, std::string_view group) noexcept {
    if (!any()) return;
    if (const ClassId id = match(group); id != k_no_class) count_miss(stripe, id);
  }

  /// Whether any class says something of its groups: if not, the next need not be asked.
  [[nodiscard]] bool limit_groups() const noexcept {
    return limit_groups_.load(std::memory_order_relaxed);
  }
  /// The limits of its groups, and the time to live of what is written; zero: none.
  [[nodiscard]] std::uint64_t max_fields(ClassId id) const noexcept {
    return slot(id).max_fields.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t max_bytes(ClassId id) const noexcept {
    return slot(id).max_bytes.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t idle_ms(ClassId id) const noexcept {
    return slot(id).idle_ms.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t idle_since_ms(ClassId id) const noexcept {
    return slot(id).idle_since_ms.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t ttl_ms(ClassId id) const noexcept {
    return slot(id).ttl_ms.load(std::memory_order_relaxed);
  }
  /// The most that a class may reach; UINT64_MAX: no limit.
  [[nodiscard]] std::uint64_t max_now(ClassId id) const noexcept {
    return slot(id).max_now.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t used(ClassId id) const noexcept {
    return slot(id).used.load(std::memory_order_relaxed);
  }
  /// The least max() among the class and those above it; UINT64_MAX: none.
  [[nodiscard]] std::uint64_t tightest_max(ClassId id) const noexcept;

  // --- the books; the group's shard is held ----------------------------------------------------

  /// Charges `bytes` to the class of a group and those above it, unless one of them would exceed
  /// its max: answers that one, and nothing has changed. k_no_class: charged.
  [[nodiscard]] ClassId reserve(ClassId id, std::uint64_t group_hash, std::uint64_t bytes) noexcept;
  void uncharge(ClassId id, std::uint64_t group_hash, std::uint64_t bytes) noexcept;
  // The same in steps, for a group that goes from class to class.
  /// Of this class alone; false if it would exceed its max.
  [[nodiscard]] bool try_use(ClassId id, std::uint64_t bytes) noexcept;
  void unuse(ClassId id, std::uint64_t bytes) noexcept { sub(slot(id).used, bytes); }
  void own(ClassId id, std::uint64_t bytes) noexcept { add(slot(id).own, bytes); }
  void disown(ClassId id, std::uint64_t bytes) noexcept { sub(slot(id).own, bytes); }
  [[nodiscard]] ClassId above(ClassId id, std::uint64_t group_hash) const noexcept {
    return parent(id, side(group_hash));
  }
  void count_entries(ClassId id, std::uint64_t n) noexcept { add(slot(id).entries, n); }
  void uncount_entries(ClassId id, std::uint64_t n) noexcept { sub(slot(id).entries, n); }
  void count_groups(ClassId id, std::uint64_t n) noexcept { add(slot(id).groups, n); }
  void uncount_groups(ClassId id, std::uint64_t n) noexcept { sub(slot(id).groups, n); }
  void count_removed(ClassId id, RemovalCause cause, std::uint64_t n) noexcept;
  /// Takes a group along to another class, or to its class's new parents, in a walk's name: from
  /// before the position to behind it.
  void take_along(ClassId from, ClassId to, std::uint64_t bytes, std::uint64_t entries) noexcept;

  // --- for reclaim -----------------------------------------------------------------------------

  /// What the score of a class's entries is worth among others': below 0 they must stay.
  [[nodiscard]] float sway(ClassId id) const noexcept;
  /// The same where `full` must give some up: below 0, too, is what is not in it. A `min` or `low`
  /// of `full` itself, and of those around it, protects it from others alone.
  [[nodiscard]] float sway_within(ClassId id, ClassId full) const noexcept;
  /// Whether any class is protected from others in the same one.
  [[nodiscard]] bool protects_any() const noexcept {
    return protects_any_.load(std::memory_order_relaxed);
  }
  /// Whether the class is `above` or lies in it.
  [[nodiscard]] bool is_within(ClassId id, ClassId above) const noexcept;
  /// Works out who has most of its share, and whether anybody is over its high. `all_bytes`: what
  /// all groups together would be charged, those of no class too.
  void weigh(std::uint64_t all_bytes) noexcept;
  /// What a score must be worth for a page to pay for its own growth, over what it must be without
  /// classes: as long as somebody is over its high, others do not.
  [[nodiscard]] float least_sway() const noexcept {
    return least_sway_.load(std::memory_order_relaxed);
  }
  /// Remembers that a page has entries of a class that may have to give some up.
  void note_page(ClassId id, Ref page) noexcept;
  /// A page noted before, if there is any; it may be another's by now.
  [[nodiscard]] Ref noted_page(ClassId id, base::Random& random) const noexcept;
  /// Notes the page for the class and those above it that are close to their max.
  void note_if_tight(ClassId id, Ref page) noexcept;
  /// The next class that holds more than its max: after a max was lowered. O(max_classes) while
  /// there is one.
  [[nodiscard]] ClassId next_over_max() noexcept;
  /// It may hold `bytes` less than it does from now on, but not less than its max, once it is where
  /// it was brought to last: who writes to it meanwhile makes room within it, so however much is
  /// written, it comes down.
  void lower(ClassId id, std::uint64_t bytes) noexcept;

  // --- definitions; under the core's lock of classes -------------------------------------------

  /// Takes a checked set over: limits hold from now on; classes come and go with the next walk.
  /// Error: invalid_argument (too many), and nothing has changed.
  Result<void> accept(const ClassSet& set, std::size_t memory_limit, std::int64_t now_ms);
  /// The definitions that hold or are to come.
  [[nodiscard]] std::vector<ClassDefinition> definitions() const;
  /// What they are promised together.
  [[nodiscard]] std::uint64_t demand() const noexcept { return demand_; }
  /// Shares out what is protected, for a cache of so many bytes.
  void protect(std::size_t memory_limit) noexcept;
  [[nodiscard]] std::vector<ClassInfo> infos() const;
  [[nodiscard]] std::optional<ClassInfo> info(std::string_view wanted) const;
  [[nodiscard]] std::string_view pattern(ClassId id) const noexcept;
  /// A copy of it, for who holds no lock: of a slot that changes hands meanwhile it may be that of
  /// before or of after.
  [[nodiscard]] std::string copy_pattern(ClassId id) const;

  /// Whether classes wait to come or go.
  [[nodiscard]] bool has_changes() const noexcept {
    return has_changes_.load(std::memory_order_relaxed);
  }
  /// From here on groups are charged as they were before the walk, until it has passed them.
  void begin_walk() noexcept { position_.store(0, std::memory_order_relaxed); }
  /// Once every shard was held since begin_walk(): the new order holds for what the walk passes.
  void change_order();
  /// The walk has passed all groups whose hash lies before this. The shard of the last is held.
  void set_position(std::uint64_t hash) noexcept {
    position_.store(hash, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t position() const noexcept {
    return position_.load(std::memory_order_relaxed);
  }
  void end_walk() noexcept;
  [[nodiscard]] bool is_settled() const noexcept { return position() == k_everything; }
  static constexpr std::uint64_t k_everything = UINT64_MAX;

  // --- for the validator -----------------------------------------------------------------------

  [[nodiscard]] ClassBooks books(ClassId id) const noexcept;
  /// Adds a group to the books that a walk of the validator's makes: one for each id.
  void add_group(std::vector<ClassBooks>& books, ClassId id, std::uint64_t group_hash,
                 std::uint64_t bytes, std::uint64_t entries) const noexcept;

 private:
  static constexpr std::size_t k_pool = 16;
  /// Threads beyond so many share stripes.
  static constexpr unsigned k_stripes_owned = 8;
  static constexpr unsigned k_stripes_shared = 8;
  static constexpr unsigned k_stripes = k_stripes_owned + k_stripes_shared;

  enum class SlotState : std::uint8_t { free, coming, live, going, leaving };

  using Word = std::atomic<std::uint64_t>;  // statistics and limits; they order nothing
  struct alignas(64) Slot {
    // Written with every entry that comes or goes.
    Word used, own, entries, groups, evicted, expired, limited, next_note;
    // Read with every write; written by definitions.
    Word max_now, max_wanted, max_fields, max_bytes, high, min_now, low_now;
    std::atomic<std::int64_t> idle_ms, ttl_ms;
    std::atomic<std::int64_t> idle_since_ms;
    std::atomic<ClassId> parents[2];  // before the walk, and behind it
    std::atomic<std::uint32_t> weight;
    std::atomic<SlotState> state;
    std::atomic<std::uint8_t> pattern_bytes;
    // As defined; guarded by the core's lock of classes.
    ClassLimits defined;
    std::uint64_t hits_before, misses_before;  // of who had the slot before
    alignas(64) std::atomic<Ref> noted[k_pool];
    alignas(64) std::byte pattern_text[k_class_pattern_max_bytes];
  };
  struct Counts {
    Word hits_and_misses[2];
  };

  /// How it stands with a class and those above it, up to `end`, which does not count.
  struct Standing {
    bool is_kept = false;  ///< one of them is below its min
    bool is_low = false;
    bool is_high = false;
    [[nodiscard]] int exponent() const noexcept;
  };
  [[nodiscard]] Standing standing(ClassId id, ClassId end) const noexcept;

  // A reader's id may be of a moment before.
  [[nodiscard]] Slot& slot(ClassId id) const noexcept { return slots_[id <= max_ ? id : 0]; }
  [[nodiscard]] unsigned side(std::uint64_t group_hash) const noexcept {
    const std::uint64_t position = position_.load(std::memory_order_relaxed);
    return group_hash < position || position == k_everything ? 1 : 0;
  }
  [[nodiscard]] ClassId parent(ClassId id, unsigned side) const noexcept {
    return slot(id).parents[side].load(std::memory_order_relaxed);
  }
  static void add(Word& word, std::uint64_t n) noexcept {
    word.fetch_add(n, std::memory_order_relaxed);
  }
  static void sub(Word& word, std::uint64_t n) noexcept {
    word.fetch_sub(n, std::memory_order_relaxed);
  }
  void count(unsigned mine, ClassId id, std::size_t which) noexcept {
    const bool owned = mine < k_stripes_owned;
    const unsigned stripe = owned ? mine : k_stripes_owned + mine % k_stripes_shared;
    auto* row = reinterpret_cast<Counts*>(stripes_ + stripe * stripe_bytes_);
    Word& word = row[id <= max_ ? id : 0].hits_and_misses[which];
    if (owned) {
      word.store(word.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      word.fetch_add(1, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t counted(ClassId id, std::size_t which) const noexcept;
  void charge_whatever_its_max(ClassId id, unsigned at, std::uint64_t bytes) noexcept;
  void uncharge_side(ClassId id, unsigned at, std::uint64_t bytes) noexcept;
  [[nodiscard]] ClassId match_once(std::string_view group) const noexcept;
  /// The hash of a name's first so many bytes, by way of all shorter lengths that are in the index.
  template <class OnLength>
  void for_each_prefix(std::string_view name, OnLength on_length) const noexcept;
  /// Of the live ones; their parents-to-be with it.
  void build_index(const std::vector<bool>& is_new) noexcept;
  static void set_limits(Slot& to, const ClassSet::One& from, std::int64_t now_ms) noexcept;
  [[nodiscard]] bool is_told(ClassId id) const noexcept;
  [[nodiscard]] ClassInfo info(ClassId id) const;
  [[nodiscard]] ClassId take_slot(std::string_view text, ClassId from) noexcept;
  /// What is asked before any class is looked at.
  void update_flags() noexcept;
  [[nodiscard]] bool keeps_parents(ClassId id) const noexcept;

  // constant after attach()
  Slot* slots_ = nullptr;  // slot 0 stands for what is no class
  std::byte* stripes_ = nullptr;
  std::size_t stripe_bytes_ = 0;
  std::atomic<std::uint32_t>* index_ = nullptr;  // | tag 16 | class 16 |
  std::size_t index_mask_ = 0;
  ClassId max_ = 0;
  std::uint64_t seed_ = 0;

  std::uint64_t demand_ = 0;  // of all min together; guarded by the core's lock of classes

  std::atomic<bool> any_{false};
  std::atomic<bool> limit_groups_{false};
  std::atomic<bool> has_weights_{false};
  std::atomic<bool> protects_any_{false};
  std::atomic<bool> is_lowering_{false};  // some class may hold more than its max
  std::atomic<bool> has_changes_{false};
  std::atomic<std::uint64_t> position_{k_everything};
  std::atomic<float> most_of_a_share_{0};
  std::atomic<float> least_sway_{1};
  std::atomic<float> pool_share_{0};  // of the groups that no class with a weight has
  std::atomic<std::uint32_t> next_looked_at_{0};

  base::VersionLock lock_{};  // of the index; changes are under the core's lock of classes besides
  std::atomic<ClassId> everything_{k_no_class};  // the class "*"
  std::atomic<std::uint32_t> length_count_{0};
  std::array<std::atomic<std::uint8_t>, k_class_pattern_max_bytes> lengths_{};
};

}  // namespace ullage::engine
