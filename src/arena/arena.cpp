#include "arena/arena.h"

#include "base/check.h"
#include "base/words.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace ullage::arena {

namespace {
constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept {
  return (n + to - 1) / to * to;
}
constexpr std::size_t k_os_page_bytes = 4096;
constexpr std::size_t k_huge_page_bytes = std::size_t{2} << 20;
// Readers may read a whole page plus a word from any plausible reference.
constexpr std::size_t k_tail_bytes = k_page_max_bytes + k_os_page_bytes;
constexpr std::size_t k_larger_divisor =
    4;  // a page may be this share larger than asked for when slabs are out
constexpr int k_sample_probes = 32;
constexpr std::uint32_t k_drain_search_max = 16;  // slabs looked at for the sparsest one
}  // namespace

std::unique_ptr<Arena> Arena::map(const ArenaLayout& layout, std::size_t budget_bytes) {
  const std::size_t align = layout.huge_pages ? k_huge_page_bytes : k_os_page_bytes;
  std::size_t mapped = round_up(layout.reserve_bytes + k_tail_bytes + layout.slab_bytes, align);
  const std::size_t slack = align - k_os_page_bytes;
  void* at = ::mmap(nullptr, mapped + slack, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  auto* base = static_cast<std::byte*>(at);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  const std::size_t before = round_up(address, align) - address;
  if (before != 0) ::munmap(base, before);
  base += before;
  mapped += slack - before;
  // The kernel must not refill with one huge page what was given back page by page.
  static_cast<void>(::madvise(base, mapped, MADV_NOHUGEPAGE));
  return std::unique_ptr<Arena>(new Arena(base, mapped, layout, budget_bytes));
}

Arena::Arena(std::byte* base, std::size_t mapped, const ArenaLayout& layout,
             std::size_t budget_bytes) noexcept
    : base_(base), mapped_(mapped), slab_bytes_(layout.slab_bytes), bins_(layout.slab_bytes) {
  const std::size_t table_at = round_up(k_guard_bytes + layout.fixed_bytes, 64);
  max_slabs_ = (layout.reserve_bytes - table_at) / (slab_bytes_ + sizeof(Slab));
  // Slabs start at a multiple of an OS page so that each can be given back alone.
  slabs_at_ = round_up(table_at + max_slabs_ * sizeof(Slab), k_os_page_bytes);
  if (slabs_at_ + max_slabs_ * slab_bytes_ > layout.reserve_bytes && max_slabs_ > 0) --max_slabs_;
  slabs_span_ = max_slabs_ * slab_bytes_;
  slabs_ = reinterpret_cast<Slab*>(base_ + table_at);
  fixed_charge_ = slabs_at_;
  huge_pages_.store(layout.huge_pages, std::memory_order_relaxed);
  set_budget(budget_bytes);
}

Arena::~Arena() {
  ::munmap(base_, mapped_);
}

std::size_t Arena::page_bytes(Ref ref) const noexcept {
  return bins_[slabs_[slab_of(ref)].bin].bytes;
}

bool Arena::slot_is_free(Ref ref) const noexcept {
  return (__atomic_load_n(reinterpret_cast<const std::uint64_t*>(at(ref)), __ATOMIC_ACQUIRE) &
          0xff) == 0;
}

void Arena::push_front(List& list, std::uint32_t slab) noexcept {
  slabs_[slab].prev = 0;
  slabs_[slab].next = list.head;
  if (list.head != 0) slabs_[list.head - 1].prev = slab + 1;
  list.head = slab + 1;
  if (list.tail == 0) list.tail = slab + 1;
  ++list.count;
}

void Arena::push_back(List& list, std::uint32_t slab) noexcept {
  slabs_[slab].next = 0;
  slabs_[slab].prev = list.tail;
  if (list.tail != 0) slabs_[list.tail - 1].next = slab + 1;
  list.tail = slab + 1;
  if (list.head == 0) list.head = slab + 1;
  ++list.count;
}

void Arena::unlink(List& list, std::uint32_t slab) noexcept {
  Slab& s = slabs_[slab];
  (s.prev != 0 ? slabs_[s.prev - 1].next : list.head) = s.next;
  (s.next != 0 ? slabs_[s.next - 1].prev : list.tail) = s.prev;
  s.next = s.prev = 0;
  --list.count;
}

void Arena::recount() noexcept {
  const std::size_t budget = budget_slabs_.load(std::memory_order_relaxed);
  slabs_left_.store(budget > in_use_slabs_ ? budget - in_use_slabs_ : 0, std::memory_order_relaxed);
  slab_bytes_in_use_.store(in_use_slabs_ * slab_bytes_, std::memory_order_relaxed);
}

bool Arena::open_slab(BinIndex bin, std::size_t keep_slabs) noexcept {
  const std::size_t budget = budget_slabs_.load(std::memory_order_relaxed);
  // Reclaim (keep 0) may use a slab that is resident anyway: above a lowered budget it must, to
  // come below it.
  const bool resident = keep_slabs == 0 && empty_.head != 0;
  if (in_use_slabs_ + keep_slabs >= budget && !resident) return false;
  std::uint32_t slab;
  if (empty_.head != 0) {
    slab = empty_.head - 1;
    unlink(empty_, slab);
  } else if (resident_slabs() < budget && untouched_.head != 0) {
    slab = untouched_.head - 1;
    unlink(untouched_, slab);
  } else if (resident_slabs() < budget && slabs_seen_ < max_slabs_) {
    slab = slabs_seen_++;
  } else {
    return false;
  }
  slabs_[slab] = {.bin = bin,
                  .state = SlabState::open,
                  .used = 0,
                  .cut = 0,
                  .free_head = 0,
                  .next = 0,
                  .prev = 0};
  push_front(open_[bin], slab);
  open_free_[bin] += bins_[bin].per_slab;
  add_free(static_cast<std::uint64_t>(bins_[bin].per_slab) * bins_[bin].bytes);
  ++in_use_slabs_;
  recount();
  return true;
}

Ref Arena::alloc(std::size_t bytes, std::size_t keep_slabs) noexcept {
  const BinIndex bin = bins_.for_bytes(bytes);
  const std::lock_guard lock(mutex_);
  if (refused()) return k_no_ref;
  if (open_[bin].head != 0) return take_page(bin);
  // Reclaim opens a slab last: a slab emptied at the price of another opened is no gain.
  const bool reluctant = keep_slabs == 0;
  if (!reluctant && open_slab(bin, keep_slabs)) return take_page(bin);
  if (bin != 0) {  // anchors' pages are only for anchors
    const std::size_t most = bytes + bytes / k_larger_divisor;
    for (auto larger = static_cast<BinIndex>(bin + 1);
         larger < bins_.count() && bins_[larger].bytes <= most; ++larger) {
      if (open_[larger].head != 0) return take_page(larger);
    }
  }
  if (!reluctant || !open_slab(bin, keep_slabs)) return k_no_ref;
  return take_page(bin);
}

Ref Arena::alloc_most(std::size_t least, std::size_t most, std::size_t keep_slabs) noexcept {
  const BinIndex first = bins_.for_bytes(least);
  BinIndex bin = bins_.for_bytes(most);
  const std::lock_guard lock(mutex_);
  if (refused()) return k_no_ref;
  if (open_[bin].head != 0 || open_slab(bin, keep_slabs)) return take_page(bin);
  while (bin > first) {
    --bin;
    if (open_[bin].head != 0) return take_page(bin);
  }
  return k_no_ref;
}

std::size_t Arena::largest_free(std::size_t most) const noexcept {
  const std::lock_guard lock(mutex_);
  for (auto bin = static_cast<BinIndex>(bins_.count() - 1); bin > 0; --bin) {
    if (bins_[bin].bytes <= most && open_[bin].head != 0) return bins_[bin].bytes;
  }
  return 0;
}

#if defined(ULLAGE_HAS_DEBUG_CHECKS)
bool Arena::refused() noexcept {
  if (successes_left_ != 0 || refusals_left_ == 0) return false;
  --refusals_left_;
  ++pages_refused_;
  return true;
}

void Arena::refuse_after(std::uint64_t successes, std::uint64_t refusals) noexcept {
  const std::lock_guard lock(mutex_);
  successes_left_ = successes;
  refusals_left_ = refusals;
}

std::uint64_t Arena::pages_taken() const noexcept {
  const std::lock_guard lock(mutex_);
  return pages_taken_;
}

std::uint64_t Arena::pages_refused() const noexcept {
  const std::lock_guard lock(mutex_);
  return pages_refused_;
}
#else
bool Arena::refused() noexcept {
  return false;
}
#endif

Ref Arena::take_page(BinIndex bin) noexcept {
#if defined(ULLAGE_HAS_DEBUG_CHECKS)
  ++pages_taken_;
  if (successes_left_ != 0) --successes_left_;
#endif
  const std::uint32_t slab = open_[bin].head - 1;
  Slab& s = slabs_[slab];
  std::uint32_t slot;
  if (s.free_head != 0) {
    slot = s.free_head - 1U;
    const std::uint64_t word = *reinterpret_cast<const std::uint64_t*>(at(ref_of(slab, slot)));
    s.free_head = static_cast<std::uint16_t>(word >> 32);
  } else {
    slot = s.cut++;
  }
  const Ref ref = ref_of(slab, slot);
  // A fresh cut lies over a former bin's bytes: say "free" before anyone samples it.
  base::store_word(reinterpret_cast<std::uint64_t*>(at(ref)), 0);
  ++s.used;
  --open_free_[bin];
  page_bytes_used_ += bins_[bin].bytes;
  sub_free(bins_[bin].bytes);
  if (s.used == bins_[bin].per_slab) {
    unlink(open_[bin], slab);
    s.state = SlabState::full;
  }
  return ref;
}

void Arena::free(Ref ref) noexcept {
  const std::lock_guard lock(mutex_);
  const std::uint32_t slab = slab_of(ref);
  Slab& s = slabs_[slab];
  const BinIndex bin = s.bin;
  const std::size_t offset =
      static_cast<std::size_t>(ref) * k_granule - slabs_at_ - slab * slab_bytes_;
  const auto slot = static_cast<std::uint32_t>(offset / bins_[bin].bytes);
  ULLAGE_CHECK(s.used != 0 && offset % bins_[bin].bytes == 0);
  base::store_word(reinterpret_cast<std::uint64_t*>(at(ref)),
                   static_cast<std::uint64_t>(s.free_head) << 32);
  s.free_head = static_cast<std::uint16_t>(slot + 1);
  --s.used;
  page_bytes_used_ -= bins_[bin].bytes;
  if (s.state == SlabState::draining) {
    if (s.used == 0) {
      given_up_[given_up_next_++ % k_given_up_max] = 0;  // one of those may do by now
      s.state = SlabState::empty;
      push_front(empty_, slab);
      --in_use_slabs_;
      recount();
    }
    return;
  }
  ++open_free_[bin];
  add_free(bins_[bin].bytes);
  if (s.state == SlabState::full) {
    s.state = SlabState::open;
    push_front(open_[bin], slab);
  } else if (s.used == 0) {
    unlink(open_[bin], slab);
    open_free_[bin] -= bins_[bin].per_slab;
    sub_free(static_cast<std::uint64_t>(bins_[bin].per_slab) * bins_[bin].bytes);
    s.state = SlabState::empty;
    push_front(empty_, slab);
    --in_use_slabs_;
    recount();
  } else if (s.used == bins_[bin].per_slab / 2 && open_[bin].count > 1) {
    // Half empty: to the end of the line, so that fuller slabs fill first and this one may run dry.
    unlink(open_[bin], slab);
    push_back(open_[bin], slab);
  }
}

std::size_t Arena::slabs_over_budget() const noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t budget = budget_slabs_.load(std::memory_order_relaxed);
  const std::size_t resident = in_use_slabs_ + empty_.count;
  return resident > budget ? resident - budget : 0;
}

void Arena::set_budget(std::size_t budget_bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t slabs =
      budget_bytes > fixed_charge_ ? (budget_bytes - fixed_charge_) / slab_bytes_ : 0;
  budget_slabs_.store(std::min(slabs, max_slabs_), std::memory_order_relaxed);
  recount();
  allow_huge_pages();
}

void Arena::allow_huge_pages() noexcept {
  if (!huge_pages()) return;
  const std::size_t end = slabs_at_ + budget_slabs() * slab_bytes_;
  const std::size_t whole = end / k_huge_page_bytes * k_huge_page_bytes;
  if (whole > huge_end_) {
    static_cast<void>(::madvise(base_ + huge_end_, whole - huge_end_, MADV_HUGEPAGE));
  } else if (whole < huge_end_) {
    static_cast<void>(::madvise(base_ + whole, huge_end_ - whole, MADV_NOHUGEPAGE));
    release_huge_tail();
  }
  huge_end_ = whole;
}

void Arena::release_huge_tail() noexcept {
  const std::size_t end = slabs_at_ + slabs_seen_ * slab_bytes_;
  const std::size_t tail = round_up(end, k_huge_page_bytes);
  // Slabs begin at a multiple of an OS page.
  if (tail > end && tail <= mapped_)
    static_cast<void>(::madvise(base_ + end, tail - end, MADV_DONTNEED));
}

void Arena::forbid_huge_pages() noexcept {
  const std::lock_guard lock(mutex_);
  if (!huge_pages()) return;
  huge_pages_.store(false, std::memory_order_relaxed);
  static_cast<void>(::madvise(base_, mapped_, MADV_NOHUGEPAGE));
  release_huge_tail();
}

Ref Arena::sample_page(base::Random& random) const noexcept {
  const std::lock_guard lock(mutex_);
  if (slabs_seen_ == 0) return k_no_ref;
  const std::uint32_t slab = random.below(slabs_seen_);
  const Slab& s = slabs_[slab];
  if (s.used == 0) return k_no_ref;
  const Ref ref = ref_of(slab, random.below(s.cut));
  return slot_is_free(ref) ? k_no_ref : ref;
}

Arena::PageWalk Arena::walk_from(base::Random& random) const noexcept {
  const std::lock_guard lock(mutex_);
  if (slabs_seen_ == 0) return {};
  return {.slab = random.below(slabs_seen_), .slot = 0, .slabs_left = slabs_seen_};
}

Ref Arena::next_page(PageWalk& walk) const noexcept {
  const std::lock_guard lock(mutex_);
  while (walk.slabs_left != 0) {
    const Slab& s = slabs_[walk.slab];
    if (s.used != 0 && s.bin != 0) {  // the first bin is the anchors'
      while (walk.slot < s.cut) {
        const Ref ref = ref_of(walk.slab, walk.slot++);
        if (!slot_is_free(ref)) return ref;
      }
    }
    walk.slab = (walk.slab + 1) % slabs_seen_;
    walk.slot = 0;
    --walk.slabs_left;
  }
  return k_no_ref;
}

std::optional<Arena::Drain> Arena::begin_drain() noexcept {
  const std::lock_guard lock(mutex_);
  // The bin that has most free bytes gives most back for the pages moved.
  std::size_t best_bin = k_bins_max;
  std::size_t best_bytes = 0;
  for (std::size_t b = 1; b < bins_.count(); ++b) {  // the first bin is the anchors'
    const auto bin = static_cast<BinIndex>(b);
    // Its other slabs must be able to take the pages: at least a whole slab's worth is free.
    if (open_free_[b] < bins_[bin].per_slab || open_[b].count < 2) continue;
    const std::size_t bytes = open_free_[b] * bins_[bin].bytes;
    if (bytes > best_bytes) best_bin = b, best_bytes = bytes;
  }
  if (best_bin == k_bins_max) return std::nullopt;
  // Sparse slabs gather at the list's end.
  std::uint32_t best = 0;
  std::uint32_t searched = 0;
  for (std::uint32_t at = open_[best_bin].tail; at != 0 && searched < k_drain_search_max;
       at = slabs_[at - 1].prev, ++searched) {
    if (was_given_up(at - 1)) continue;
    if (best == 0 || slabs_[at - 1].used < slabs_[best - 1].used) best = at;
  }
  if (best == 0) return std::nullopt;
  const std::uint32_t slab = best - 1;
  Slab& s = slabs_[slab];
  const Bin& bin = bins_[s.bin];
  if (open_free_[best_bin] - (bin.per_slab - s.used) < s.used) return std::nullopt;
  start_drain(slab);
  return Drain{slab, s.cut};
}

void Arena::start_drain(std::uint32_t slab) noexcept {
  Slab& s = slabs_[slab];
  const Bin& bin = bins_[s.bin];
  if (s.state == SlabState::open) {
    unlink(open_[s.bin], slab);
    open_free_[s.bin] -= bin.per_slab - s.used;
    sub_free(static_cast<std::size_t>(bin.per_slab - s.used) * bin.bytes);
  }
  s.state = SlabState::draining;
}

std::optional<Arena::Drain> Arena::begin_forced_drain(base::Random& random) noexcept {
  const std::lock_guard lock(mutex_);
  if (slabs_seen_ == 0) return std::nullopt;
  std::uint32_t best = 0;
  std::size_t best_bytes = 0;
  for (int probe = 0; probe < k_sample_probes; ++probe) {
    const std::uint32_t slab = random.below(slabs_seen_);
    const Slab& s = slabs_[slab];
    // The first bin is the anchors', which never move.
    if ((s.state != SlabState::open && s.state != SlabState::full) || s.bin == 0) continue;
    if (was_given_up(slab)) continue;
    const std::size_t bytes = std::size_t{s.used} * bins_[s.bin].bytes;
    if (best == 0 || bytes < best_bytes) best = slab + 1, best_bytes = bytes;
  }
  if (best == 0) return std::nullopt;
  start_drain(best - 1);
  return Drain{best - 1, slabs_[best - 1].cut};
}

Ref Arena::page_in_slot(std::uint32_t slab, std::uint32_t slot) const noexcept {
  const std::lock_guard lock(mutex_);
  if (slot >= slabs_[slab].cut) return k_no_ref;
  const Ref ref = ref_of(slab, slot);
  return slot_is_free(ref) ? k_no_ref : ref;
}

std::size_t Arena::pages_to_drain(std::uint32_t slab) const noexcept {
  const std::lock_guard lock(mutex_);
  return slabs_[slab].state == SlabState::draining ? slabs_[slab].used : 0;
}

bool Arena::was_given_up(std::uint32_t slab) const noexcept {
  return std::find(given_up_.begin(), given_up_.end(), slab + 1) != given_up_.end();
}

void Arena::abandon_drain(std::uint32_t slab) noexcept {
  const std::lock_guard lock(mutex_);
  Slab& s = slabs_[slab];
  if (s.state != SlabState::draining) return;
  given_up_[given_up_next_++ % k_given_up_max] = slab + 1;
  const Bin& bin = bins_[s.bin];
  const std::size_t free_pages = bin.per_slab - s.used;
  if (free_pages == 0) {
    s.state = SlabState::full;
    return;
  }
  s.state = SlabState::open;
  push_front(open_[s.bin], slab);
  open_free_[s.bin] += free_pages;
  add_free(free_pages * bin.bytes);
}

std::size_t Arena::release_empty(std::size_t count, std::size_t keep) noexcept {
  std::size_t released = 0;
  while (released < count) {
    std::uint32_t slab;
    {
      const std::lock_guard lock(mutex_);
      if (empty_.count <= keep) break;
      slab = empty_.tail - 1;
      unlink(empty_, slab);
      // Between the locks the slab is in no list: nobody else can open it, or another in its place.
      slabs_[slab].state = SlabState::untouched;
      ++releasing_;
    }
    if (huge_pages()) forbid_huge_pages();
    static_cast<void>(
        ::madvise(base_ + slabs_at_ + slab * slab_bytes_, slab_bytes_, MADV_DONTNEED));
    {
      const std::lock_guard lock(mutex_);
      push_front(untouched_, slab);
      --releasing_;
    }
    ++released;
  }
  return released;
}

std::size_t Arena::populate(std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t want = round_up(bytes, slab_bytes_) / slab_bytes_;
  while (empty_.count < want) {
    if (resident_slabs() >= budget_slabs()) break;
    std::uint32_t slab;
    if (untouched_.head != 0) {
      slab = untouched_.head - 1;
      unlink(untouched_, slab);
    } else if (slabs_seen_ < max_slabs_) {
      slab = slabs_seen_++;
    } else {
      break;
    }
    std::byte* at = base_ + slabs_at_ + slab * slab_bytes_;
    for (std::size_t i = 0; i < slab_bytes_; i += k_os_page_bytes) {
      base::store_word(reinterpret_cast<std::uint64_t*>(at + i), 0);
    }
    slabs_[slab] = {};
    slabs_[slab].state = SlabState::empty;
    push_back(empty_, slab);
  }
  return empty_.count * slab_bytes_;
}

ArenaBytes Arena::bytes() const noexcept {
  const std::lock_guard lock(mutex_);
  return bytes_now();
}

ArenaBytes Arena::bytes_now() const noexcept {
  return {.fixed = fixed_charge_,
          .slabs_in_use = static_cast<std::uint64_t>(in_use_slabs_) * slab_bytes_,
          .slabs_empty = static_cast<std::uint64_t>(empty_.count) * slab_bytes_,
          .pages = page_bytes_used_,
          .budget = static_cast<std::uint64_t>(budget_slabs_.load(std::memory_order_relaxed)) *
                        slab_bytes_ +
                    fixed_charge_};
}

bool Arena::slabs_consistent() const noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t in_use = 0;
  std::uint64_t pages = 0;
  std::uint64_t free_bytes = 0;
  for (std::uint32_t i = 0; i < slabs_seen_; ++i) {
    const Slab& s = slabs_[i];
    if (s.state == SlabState::untouched || s.state == SlabState::empty) {
      if (s.used != 0) return false;
      continue;
    }
    ++in_use;
    const Bin& bin = bins_[s.bin];
    std::uint32_t used = 0;
    for (std::uint32_t slot = 0; slot < s.cut; ++slot)
      used += slot_is_free(ref_of(i, slot)) ? 0U : 1U;
    if (used != s.used || s.used > bin.per_slab) return false;
    if ((s.state == SlabState::full) != (s.used == bin.per_slab) && s.state != SlabState::draining)
      return false;
    pages += static_cast<std::uint64_t>(used) * bin.bytes;
    if (s.state == SlabState::open)
      free_bytes += static_cast<std::uint64_t>(bin.per_slab - used) * bin.bytes;
  }
  return in_use == in_use_slabs_ && pages == page_bytes_used_ && free_bytes == free_page_bytes();
}

}  // namespace ullage::arena
