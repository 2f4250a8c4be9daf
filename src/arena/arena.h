// The one reservation that holds everything: fixed tables first, then slabs, each cut into pages of
// one bin.
//
//   | fixed tables (shards, counters, ghosts, slab table) | slab 0 | slab 1 | ... | tail guard |
//
// Address space is reserved for max_bytes at once and costs nothing; memory is resident only once
// written. The arena hands out slabs while the bytes in use stay within its budget, so the budget
// bounds resident memory. A reference is a 32-bit count of 16-byte granules from the start:
// position independent.
//
// States of a slab, changed only under the arena's lock:
//   untouched -> open        cut for a bin; its memory becomes resident as pages are written
//   open <-> full            by alloc() and free()
//   open -> draining         begin_drain(): alloc() passes it by while its pages are moved
//   elsewhere draining -> empty        the last page left draining -> open         abandon_drain()
//   open -> empty            free() of the last page: resident, holds nothing, ready for any bin
//   empty -> untouched       release_empty(): given back to the system
//
// Thread safety: alloc, free and the slab calls take the arena's lock, a leaf: nothing is locked
// inside it. Bytes may be read by anyone at any time: the whole reservation stays mapped, so a
// stale reference reads garbage, never faults.
#pragma once

#include "arena/bins.h"
#include "base/check.h"
#include "base/random.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace ullage::arena {

/// Granules from the arena's start; 0 is none.
using Ref = std::uint32_t;
inline constexpr Ref k_no_ref = 0;

struct ArenaLayout {
  std::size_t reserve_bytes = 0;  ///< address space for fixed tables and slabs
  std::size_t fixed_bytes = 0;    ///< of it, for the owner's tables
  std::size_t slab_bytes = 0;     ///< a power of two
  bool huge_pages = false;        ///< ask for them; see Arena::huge_pages()
};

/// Bytes of the arena by state. in_use + empty + fixed = charged.
struct ArenaBytes {
  std::uint64_t fixed = 0;
  std::uint64_t slabs_in_use = 0;  ///< slabs that hold at least one page
  std::uint64_t slabs_empty = 0;   ///< resident slabs that hold none
  std::uint64_t pages = 0;         ///< pages in use
  std::uint64_t budget = 0;
  [[nodiscard]] std::uint64_t charged() const noexcept {
    return fixed + slabs_in_use + slabs_empty;
  }
};

/// As keep_slabs: take only what lies free in open slabs.
inline constexpr std::size_t k_no_new_slab = std::size_t{1} << 40;

class Arena {
 public:
  /// Null if the system refuses the address space; errno says why.
  static std::unique_ptr<Arena> map(const ArenaLayout& layout, std::size_t budget_bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// The owner's tables: zeroed, 64-aligned.
  [[nodiscard]] std::byte* fixed() noexcept { return base_ + k_guard_bytes; }

  [[nodiscard]] std::byte* at(Ref ref) const noexcept {
    return base_ + static_cast<std::size_t>(ref) * k_granule;
  }
  /// Whether a whole page could start at `ref`: what a reader asks before it follows a stale
  /// reference.
  [[nodiscard]] bool plausible(Ref ref) const noexcept {
    return static_cast<std::size_t>(ref) * k_granule - slabs_at_ < slabs_span_;
  }
  [[nodiscard]] const Bins& bins() const noexcept { return bins_; }
  [[nodiscard]] std::size_t page_bytes(Ref ref) const noexcept;

  /// A page of at least `bytes`. Its first word is zero (state free) until the owner writes it.
  /// None when the budget has no slab left, or only the reserve of `keep_slabs` that this caller
  /// must not touch. O(1).
  [[nodiscard]] Ref alloc(std::size_t bytes, std::size_t keep_slabs) noexcept;
  /// A page for up to `most` bytes, or where there is none the largest free one that holds `least`:
  /// for what can be divided. O(bins).
  [[nodiscard]] Ref alloc_most(std::size_t least, std::size_t most,
                               std::size_t keep_slabs) noexcept;
  /// The size of the largest free page in open slabs that alloc() would take for at most `most`
  /// bytes; 0 if there is none: how far an owner must shrink a page to move it. O(bins).
  [[nodiscard]] std::size_t largest_free(std::size_t most) const noexcept;
  /// Gives a page back and zeroes its first word. O(1).
  void free(Ref ref) noexcept;

  /// Slabs that alloc() could still open.
  [[nodiscard]] std::size_t slabs_left() const noexcept {
    return slabs_left_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t slab_bytes() const noexcept { return slab_bytes_; }
  [[nodiscard]] std::size_t budget_slabs() const noexcept {
    return budget_slabs_.load(std::memory_order_relaxed);
  }
  /// Slabs above the budget after it was lowered: so many must be emptied and released.
  [[nodiscard]] std::size_t slabs_over_budget() const noexcept;
  /// Free pages of open slabs, in bytes, and all that the open and full slabs take: hints, read
  /// without the lock.
  [[nodiscard]] std::size_t free_page_bytes() const noexcept {
    return free_page_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t slab_bytes_in_use() const noexcept {
    return slab_bytes_in_use_.load(std::memory_order_relaxed);
  }

  void set_budget(std::size_t budget_bytes) noexcept;
  /// Whether the system may back the arena with huge pages: from its start to the last whole one
  /// within the budget, so that however it rounds, what is resident stays within the budget. It
  /// may also make resident again what was released, so the first release ends it for good: pages
  /// that are huge stay, others stay small.
  [[nodiscard]] bool huge_pages() const noexcept {
    return huge_pages_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t max_budget_bytes() const noexcept {
    return max_slabs_ * slab_bytes_ + fixed_charge_;
  }

  /// A random page in use, uniform over slabs; none if the probe met a free one.
  [[nodiscard]] Ref sample_page(base::Random& random) const noexcept;
  /// Goes through the pages in use, anchors left out, once round from a random place: where they
  /// are so few that sampling may not meet one. Not uniform.
  struct PageWalk {
    std::uint32_t slab = 0;
    std::uint32_t slot = 0;
    std::uint32_t slabs_left = 0;
  };
  [[nodiscard]] PageWalk walk_from(base::Random& random) const noexcept;
  /// The next one; none at the end. A whole walk is O(slabs + pages met).
  [[nodiscard]] Ref next_page(PageWalk& walk) const noexcept;

  /// Picks a sparse slab of the bin whose free pages could take its pages, and keeps alloc() away
  /// from it. With `any`, takes the sparsest slab known even if its pages must go to new slabs.
  struct Drain {
    std::uint32_t slab;
    std::uint32_t slots;  ///< slots ever used
  };
  [[nodiscard]] std::optional<Drain> begin_drain() noexcept;
  /// The same when no bin has room for a slab's pages: the one with least in it of a sample, for an
  /// owner who will evict what finds no place.
  [[nodiscard]] std::optional<Drain> begin_forced_drain(base::Random& random) noexcept;
  /// The page in a slot of a draining slab; none if it is free.
  [[nodiscard]] Ref page_in_slot(std::uint32_t slab, std::uint32_t slot) const noexcept;
  /// Pages that a draining slab still holds; 0 once it is empty and no longer draining.
  [[nodiscard]] std::size_t pages_to_drain(std::uint32_t slab) const noexcept;
  [[nodiscard]] bool drained(std::uint32_t slab) const noexcept {
    return pages_to_drain(slab) == 0;
  }
  void abandon_drain(std::uint32_t slab) noexcept;
  [[nodiscard]] std::uint32_t slab_of(Ref ref) const noexcept {
    return static_cast<std::uint32_t>((static_cast<std::size_t>(ref) * k_granule - slabs_at_) /
                                      slab_bytes_);
  }

  /// Gives up to `count` empty slabs back to the system, keeping `keep`. Answers how many.
  std::size_t release_empty(std::size_t count, std::size_t keep) noexcept;
  /// Makes up to `bytes` of untouched slabs resident. Answers the bytes that are now resident and
  /// empty.
  std::size_t populate(std::size_t bytes) noexcept;

  [[nodiscard]] ArenaBytes bytes() const noexcept;
  /// Visits every page in use: `visit(ref, bytes)`; for validators. Holds the arena's lock, and
  /// answers the bytes of that moment. A page that was just taken looks free until its owner writes
  /// its first word, but is counted.
  template <class Visit>
  ArenaBytes for_each_page(Visit visit) const {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t s = 0; s < slabs_seen_; ++s) {
      if (slabs_[s].used == 0) continue;
      for (std::uint32_t slot = 0; slot < slabs_[s].cut; ++slot) {
        const Ref ref = ref_of(s, slot);
        if (!slot_is_free(ref)) visit(ref, bins_[slabs_[s].bin].bytes);
      }
    }
    return bytes_now();
  }
  /// A slab at one moment.
  struct SlabLook {
    bool is_resident = false;
    std::uint64_t page_bytes = 0;  ///< of one page
  };
  /// Slabs that were ever opened; those above are untouched.
  [[nodiscard]] std::uint32_t slabs_seen() const noexcept {
    const std::lock_guard lock(mutex_);
    return slabs_seen_;
  }
  /// Visits the pages in use of one slab as for_each_page() does. Holds the arena's lock: neither
  /// is one of them freed meanwhile, nor moved.
  template <class Visit>
  SlabLook look_at(std::uint32_t slab, Visit visit) const {
    const std::lock_guard lock(mutex_);
    const Slab& s = slabs_[slab];
    if (slab >= slabs_seen_ || s.state == SlabState::untouched) return {};
    if (s.used == 0) return {true, 0};
    for (std::uint32_t slot = 0; slot < s.cut; ++slot) {
      const Ref ref = ref_of(slab, slot);
      if (!slot_is_free(ref)) visit(ref);
    }
    return {true, bins_[s.bin].bytes};
  }
  /// Books of the slabs themselves: counts agree with lists. For validators.
  [[nodiscard]] bool slabs_consistent() const noexcept;

#if defined(ULLAGE_HAS_DEBUG_CHECKS)
  /// For tests of what happens when there is no page: lets `successes` more be taken and then
  /// answers the next `refusals` requests as if the arena were full.
  void refuse_after(std::uint64_t successes, std::uint64_t refusals) noexcept;
  /// Pages taken since the arena was mapped, and requests refused by the above.
  [[nodiscard]] std::uint64_t pages_taken() const noexcept;
  [[nodiscard]] std::uint64_t pages_refused() const noexcept;
#endif

 private:
  enum class SlabState : std::uint8_t { untouched, empty, open, full, draining };
  struct Slab {  // 16 B, in the fixed region
    BinIndex bin;
    SlabState state;
    std::uint16_t used;  // pages in use
    std::uint16_t cut;   // slots handed out at least once; beyond them lies garbage of former bins
    std::uint16_t free_head;  // 1 + slot of the first free one below `cut`; 0 none
    std::uint32_t next;       // 1 + slab, in the list of its state and bin
    std::uint32_t prev;
  };
  static_assert(sizeof(Slab) == 16);
  struct List {
    std::uint32_t head = 0;  // 1 + slab
    std::uint32_t tail = 0;
    std::uint32_t count = 0;
  };
  static constexpr std::size_t k_guard_bytes =
      64;  // ref 0 stays unused, and tables are line-aligned

  Arena(std::byte* base, std::size_t mapped, const ArenaLayout& layout,
        std::size_t budget_bytes) noexcept;

  [[nodiscard]] Ref ref_of(std::uint32_t slab, std::uint32_t slot) const noexcept {
    return static_cast<Ref>((slabs_at_ + slab * slab_bytes_ +
                             static_cast<std::size_t>(slot) * bins_[slabs_[slab].bin].bytes) /
                            k_granule);
  }
  [[nodiscard]] bool slot_is_free(Ref ref) const noexcept;
  [[nodiscard]] ArenaBytes bytes_now() const noexcept;  // mutex_ is held
  void push_front(List& list, std::uint32_t slab) noexcept;
  void push_back(List& list, std::uint32_t slab) noexcept;
  void unlink(List& list, std::uint32_t slab) noexcept;
  void recount() noexcept;
  void add_free(std::size_t bytes) noexcept {
    free_page_bytes_.store(free_page_bytes() + bytes, std::memory_order_relaxed);
  }
  void sub_free(std::size_t bytes) noexcept {
    free_page_bytes_.store(free_page_bytes() - bytes, std::memory_order_relaxed);
  }
  [[nodiscard]] bool was_given_up(std::uint32_t slab) const noexcept;
  [[nodiscard]] std::size_t resident_slabs() const noexcept {  // mutex_ is held
    return in_use_slabs_ + empty_.count + releasing_;
  }
  void allow_huge_pages() noexcept;  // mutex_ is held
  void forbid_huge_pages() noexcept;
  /// Gives back what a huge page holds resident behind the last slab that was opened. mutex_ is
  /// held.
  void release_huge_tail() noexcept;
  void start_drain(std::uint32_t slab) noexcept;
  [[nodiscard]] bool refused() noexcept;               // by refuse_after()
  [[nodiscard]] Ref take_page(BinIndex bin) noexcept;  // the bin has an open slab
  [[nodiscard]] bool open_slab(BinIndex bin, std::size_t keep_slabs) noexcept;

  // Constant after construction.
  std::byte* const base_;
  const std::size_t mapped_;
  const std::size_t slab_bytes_;
  std::size_t slabs_at_ = 0;
  std::size_t slabs_span_ = 0;
  std::size_t max_slabs_ = 0;
  std::size_t fixed_charge_ = 0;
  Bins bins_;
  Slab* slabs_ = nullptr;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  List open_[k_bins_max];
  std::size_t open_free_[k_bins_max] = {};  // free pages in open slabs of the bin
  List empty_;
  List untouched_;                // released ones
  std::uint32_t slabs_seen_ = 0;  // slabs below were opened at least once
  std::size_t in_use_slabs_ = 0;
  std::size_t releasing_ = 0;  // on their way from empty_ to untouched_, and resident
  std::uint64_t page_bytes_used_ = 0;
  std::size_t huge_end_ = 0;  // from the start: where huge pages were allowed

  /// Slabs that were lately given up: drains pass them by for a while.
  static constexpr std::size_t k_given_up_max = 64;
  std::array<std::uint32_t, k_given_up_max> given_up_{};  // 1 + slab
  std::size_t given_up_next_ = 0;

#if defined(ULLAGE_HAS_DEBUG_CHECKS)
  std::uint64_t successes_left_ = 0;  // until refusals_left_ counts
  std::uint64_t refusals_left_ = 0;
  std::uint64_t pages_taken_ = 0;
  std::uint64_t pages_refused_ = 0;
#endif

  // Written under mutex_, read by anyone as hints.
  std::atomic<std::size_t> slabs_left_{0};
  std::atomic<std::size_t> budget_slabs_{0};
  std::atomic<std::size_t> slab_bytes_in_use_{0};
  std::atomic<std::size_t> free_page_bytes_{0};
  std::atomic<bool> huge_pages_{false};
};

}  // namespace ullage::arena
