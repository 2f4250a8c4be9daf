// Random calls beside a plain map of the pages that are in use: no two overlap, none loses a byte,
// and every number that the arena says follows from the map.
#include "arena/arena.h"
#include "arena/arena_testing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

namespace ullage::arena {
namespace {

class Beside {
 public:
  explicit Beside(std::uint64_t seed) : random_(seed) {}

  void step() {
    // Once it ran dry the slab may serve any bin again.
    if (draining_ && arena_->drained(draining_->slab)) draining_.reset();
    switch (random_.below(16)) {
      case 0:
        return drain();
      case 1:
        return budget();
      case 2:
        static_cast<void>(arena_->release_empty(random_.below(4), random_.below(3)));
        return;
      case 3:
        if (random_.below(20) == 0) arena_->populate(random_.below(4) * k_test_slab_bytes);
        return;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return release();
      default:
        return allocate();
    }
  }

  void check() const {
    ASSERT_TRUE(arena_->slabs_consistent());
    std::uint64_t bytes = 0;
    for (const auto& [ref, page] : live_) {
      bytes += page.bytes;
      ASSERT_EQ(page.bytes, arena_->page_bytes(ref));
      ASSERT_TRUE(page_is_marked(*arena_, ref, page.mark)) << "somebody wrote into page " << ref;
    }
    const ArenaBytes now = arena_->bytes();
    ASSERT_EQ(now.pages, bytes);
    ASSERT_LE(now.pages + arena_->free_page_bytes(), now.slabs_in_use);
    ASSERT_EQ(now.slabs_in_use, arena_->slab_bytes_in_use());
    const std::uint64_t over = arena_->slabs_over_budget() * k_test_slab_bytes;
    ASSERT_LE(now.charged(), now.budget + over);
    if (over == 0) {
      ASSERT_LE(now.charged(), now.budget);
    }
    std::size_t visited = 0;
    arena_->for_each_page(
        [&](Ref ref, std::size_t) { visited += live_.contains(ref) ? 1U : 1000U; });
    ASSERT_EQ(visited, live_.size());
  }

  void free_all() {
    if (draining_) arena_->abandon_drain(draining_->slab);
    draining_.reset();
    for (const auto& [ref, page] : live_)
      arena_->free(ref);
    live_.clear();
  }
  [[nodiscard]] const Arena& arena() const noexcept { return *arena_; }

 private:
  struct Page {
    std::size_t bytes;
    std::byte mark;
  };

  void remember(Ref ref, std::size_t asked) {
    const std::size_t bytes = arena_->page_bytes(ref);
    ASSERT_GE(bytes, asked);
    ASSERT_TRUE(arena_->plausible(ref));
    const std::uint64_t begin = std::uint64_t{ref} * k_granule;
    const auto after = live_.lower_bound(ref);
    if (after != live_.end()) {
      ASSERT_LE(begin + bytes, std::uint64_t{after->first} * k_granule) << "overlaps the next page";
    }
    if (after != live_.begin()) {
      const auto before = std::prev(after);
      ASSERT_LE(std::uint64_t{before->first} * k_granule + before->second.bytes, begin)
          << "overlaps the page before";
    }
    if (draining_) {
      ASSERT_NE(arena_->slab_of(ref), draining_->slab) << "a page of a draining slab";
    }
    mark_page(*arena_, ref);
    live_[ref] = {bytes, mark_of(ref)};
  }

  void allocate() {
    const std::size_t bytes = 1 + random_.below(random_.below(3) == 0 ? 4096 : 600);
    const std::size_t keeps[] = {0, 1, 2, 4, k_no_new_slab};
    const std::size_t keep = keeps[random_.below(5)];
    if (random_.below(8) == 0) {
      const std::size_t least = std::max<std::size_t>(bytes / 4, 1);
      if (const Ref ref = arena_->alloc_most(least, bytes, keep)) remember(ref, least);
    } else if (const Ref ref = arena_->alloc(bytes, keep)) {
      remember(ref, bytes);
    }
  }

  void release() {
    if (live_.empty()) return;
    auto victim = live_.lower_bound(static_cast<Ref>(random_.next() % (live_.rbegin()->first + 1)));
    if (victim == live_.end()) victim = live_.begin();
    const auto [ref, page] = *victim;
    live_.erase(victim);
    ASSERT_TRUE(page_is_marked(*arena_, ref, page.mark));
    arena_->free(ref);
  }

  void drain() {
    if (!draining_) {
      draining_ =
          random_.below(2) == 0 ? arena_->begin_drain() : arena_->begin_forced_drain(random_);
      return;
    }
    // Moves a few of its pages, as an owner would; what finds no place is given up at times.
    for (std::uint32_t slot = 0; slot < draining_->slots; ++slot) {
      const Ref from = arena_->page_in_slot(draining_->slab, slot);
      if (from == k_no_ref || random_.below(3) == 0) continue;
      ASSERT_TRUE(live_.contains(from));
      const Ref to = arena_->alloc(arena_->page_bytes(from), k_no_new_slab);
      if (to != k_no_ref) remember(to, live_[from].bytes);
      if (to == k_no_ref && random_.below(2) == 0) continue;
      live_.erase(from);
      arena_->free(from);
    }
    if (!arena_->drained(draining_->slab)) {
      if (random_.below(3) != 0) return;
      arena_->abandon_drain(draining_->slab);
    }
    draining_.reset();
  }

  void budget() {
    if (random_.below(4) != 0) return;
    arena_->set_budget(arena_->bytes().fixed + random_.below(k_slabs_max + 3) * k_test_slab_bytes);
  }

  static constexpr std::uint32_t k_slabs_max = 24;
  base::Random random_;
  std::unique_ptr<Arena> arena_ = map_slabs(12, k_slabs_max);
  std::map<Ref, Page> live_;
  std::optional<Arena::Drain> draining_;
};

TEST(Overlap, NoTwoPagesEverShareAByte) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    Beside beside(seed);
    for (int i = 0; i < 6000; ++i) {
      beside.step();
      if (i % 50 == 0) beside.check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    beside.check();
    beside.free_all();
    EXPECT_EQ(beside.arena().bytes().pages, 0U);
    EXPECT_EQ(beside.arena().bytes().slabs_in_use, 0U);
    EXPECT_EQ(beside.arena().free_page_bytes(), 0U);
    EXPECT_TRUE(beside.arena().slabs_consistent());
  }
}

}  // namespace
}  // namespace ullage::arena
