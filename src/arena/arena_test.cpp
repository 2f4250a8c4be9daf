// Slabs and pages: what is handed out, what is refused, and where bytes are counted. Emptying slabs
// is in drain_test.cpp, the randomized run in overlap_test.cpp.
#include "arena/arena.h"

#include "arena/arena_testing.h"
#include "base/check.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace ullage::arena {
namespace {

std::size_t per_slab(const Arena& arena, std::size_t bytes) {
  return arena.bins()[arena.bins().for_bytes(bytes)].per_slab;
}

TEST(Arena, FixedTablesAreZeroAndAligned) {
  const auto arena = map_slabs(2);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena->fixed()) % 64, 0U);
  for (std::size_t i = 0; i < 100; ++i)
    ASSERT_EQ(arena->fixed()[i], std::byte{0});
}

TEST(Arena, AFreshPageSaysFreeUntilItIsWritten) {
  const auto arena = map_slabs(3);
  const Ref ref = arena->alloc(100, 1);
  ASSERT_NE(ref, k_no_ref);
  EXPECT_GE(arena->page_bytes(ref), 100U);
  EXPECT_EQ(*reinterpret_cast<const std::uint64_t*>(arena->at(ref)), 0U);
  mark_page(*arena, ref);
  arena->free(ref);
  EXPECT_EQ(arena->at(ref)[0], std::byte{0});
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, ARecycledSlotStartsZeroWhateverLayThere) {
  const auto arena = map_slabs(1);
  for (const std::size_t bytes : {48U, 4096U, 112U, 992U, 64U}) {
    // The slab is cut anew for each size, over the marks of the one before.
    std::vector<Ref> refs;
    while (const Ref ref = arena->alloc(bytes, 0)) {
      ASSERT_EQ(*reinterpret_cast<const std::uint64_t*>(arena->at(ref)), 0U) << bytes;
      mark_page(*arena, ref);
      refs.push_back(ref);
    }
    ASSERT_EQ(refs.size(), per_slab(*arena, bytes));
    EXPECT_TRUE(arena->slabs_consistent());
    for (const Ref ref : refs)
      arena->free(ref);
  }
}

TEST(Arena, EveryPageIsPlausibleAndNothingOutsideIs) {
  const auto arena = map_slabs(2);
  const auto refs = take_all(*arena, 1000, 0);
  for (const Ref ref : refs)
    EXPECT_TRUE(arena->plausible(ref));
  EXPECT_FALSE(arena->plausible(k_no_ref));
  EXPECT_FALSE(arena->plausible(1)) << "a table";
  EXPECT_FALSE(arena->plausible(UINT32_MAX));
  const auto end = static_cast<Ref>((arena->bytes().fixed + 2 * k_test_slab_bytes) / k_granule);
  EXPECT_TRUE(arena->plausible(end - 1));
  EXPECT_FALSE(arena->plausible(end));
}

TEST(Arena, ThePromisedTailIsReadable) {
  // A reader may copy a whole page and a word from any plausible reference.
  const auto arena = map_slabs(1);
  const auto end = static_cast<Ref>((arena->bytes().fixed + k_test_slab_bytes) / k_granule);
  ASSERT_TRUE(arena->plausible(end - 1));
  unsigned sum = 0;
  for (std::size_t i = 0; i < k_page_max_bytes + 8; ++i)
    sum += static_cast<unsigned>(arena->at(end - 1)[i]);
  EXPECT_EQ(sum, 0U);
}

TEST(Arena, BytesAreCountedByState) {
  const auto arena = map_slabs(4);
  const ArenaBytes before = arena->bytes();
  EXPECT_EQ(before.charged(), before.fixed);
  EXPECT_EQ(before.pages, 0U);
  EXPECT_EQ(before.budget, before.fixed + 4 * k_test_slab_bytes);

  const Ref a = take(*arena, 500);
  const Ref b = take(*arena, 3000);
  EXPECT_EQ(arena->bytes().pages, arena->page_bytes(a) + arena->page_bytes(b));
  EXPECT_EQ(arena->bytes().slabs_in_use, 2 * k_test_slab_bytes);
  EXPECT_EQ(arena->free_page_bytes(), arena->page_bytes(a) * (per_slab(*arena, 500) - 1) +
                                          arena->page_bytes(b) * (per_slab(*arena, 3000) - 1));
  arena->free(a);
  EXPECT_EQ(arena->bytes().slabs_empty, k_test_slab_bytes) << "resident, and counted as such";
  EXPECT_EQ(arena->bytes().charged(), before.fixed + 2 * k_test_slab_bytes);
  arena->free(b);
  EXPECT_EQ(arena->bytes().pages, 0U);
  EXPECT_EQ(arena->free_page_bytes(), 0U);
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, AnEmptySlabServesAnyBin) {
  const auto arena = map_slabs(1);
  for (std::size_t bytes = 40; bytes <= k_page_max_bytes; bytes += 333) {
    const auto refs = take_all(*arena, bytes, 0);
    EXPECT_EQ(refs.size(), per_slab(*arena, bytes));
    for (const Ref ref : refs)
      arena->free(ref);
    EXPECT_TRUE(arena->slabs_consistent());
  }
  EXPECT_EQ(arena->bytes().charged(), arena->bytes().budget);
}

TEST(Arena, CallersLeaveTheReserveToReclaim) {
  const auto arena = map_slabs(4);
  const std::size_t a_slab = per_slab(*arena, 2000);
  EXPECT_EQ(take_all(*arena, 2000, 2).size(), 2 * a_slab);
  EXPECT_EQ(arena->slabs_left(), 2U);
  EXPECT_EQ(take(*arena, 2000, 2), k_no_ref);
  EXPECT_EQ(take_all(*arena, 2000, 1).size(), a_slab);
  EXPECT_EQ(take_all(*arena, 2000, 0).size(), a_slab);
  EXPECT_EQ(arena->slabs_left(), 0U);
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, WhoMayOpenNoSlabTakesWhatLiesOpen) {
  const auto arena = map_slabs(4);
  EXPECT_EQ(take(*arena, 600, k_no_new_slab), k_no_ref);
  const Ref first = take(*arena, 600);
  const auto rest = take_all(*arena, 600, k_no_new_slab);
  EXPECT_EQ(rest.size() + 1, per_slab(*arena, 600));
  EXPECT_EQ(arena->slab_of(first), arena->slab_of(rest.back()));
}

TEST(Arena, FallsBackToALittleLargerPagesWhenSlabsAreOut) {
  const auto arena = map_slabs(1);
  const Ref larger = take(*arena, 1200, 0);
  const std::size_t size = arena->page_bytes(larger);
  // A quarter larger is taken, more is not: two thirds of a page would be wasted for long.
  const std::size_t within = size * 4 / 5 + 1;
  const std::size_t beyond = size * 4 / 6;
  const Ref fallback = take(*arena, within, 1);
  ASSERT_NE(fallback, k_no_ref);
  EXPECT_EQ(arena->page_bytes(fallback), size);
  EXPECT_EQ(take(*arena, beyond, 1), k_no_ref);
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, ReclaimPrefersALargerPageToANewSlab) {
  const auto arena = map_slabs(3);
  const Ref larger = take(*arena, 1200, 1);
  const Ref other = take(*arena, 1100, 0);
  EXPECT_EQ(arena->page_bytes(other), arena->page_bytes(larger));
  EXPECT_EQ(arena->slab_of(other), arena->slab_of(larger));
  // Who writes opens a slab of its own size while there is one.
  EXPECT_NE(arena->slab_of(take(*arena, 1000, 1)), arena->slab_of(larger));
}

TEST(Arena, TheSmallestBinIsNeverLentNorBorrowedFor) {
  const auto arena = map_slabs(1);
  ASSERT_NE(take(*arena, 48, 0), k_no_ref);
  EXPECT_EQ(take(*arena, k_page_min_bytes, 0), k_no_ref) << "anchors do not move into other bins";
}

TEST(Arena, AllocMostTakesTheLargestThatIsFree) {
  const auto arena = map_slabs(2);
  const Ref small = take(*arena, 700, 0);
  const Ref large = take(*arena, 1500, 0);
  EXPECT_EQ(arena->alloc_most(600, 4096, 1),
            large + static_cast<Ref>(arena->page_bytes(large) / k_granule));
  mark_page(*arena, large + static_cast<Ref>(arena->page_bytes(large) / k_granule));
  take_all(*arena, 1500, k_no_new_slab);
  const Ref next = arena->alloc_most(600, 4096, 1);
  EXPECT_EQ(arena->slab_of(next), arena->slab_of(small));
  mark_page(*arena, next);
  EXPECT_EQ(arena->alloc_most(800, 4096, 1), k_no_ref) << "nothing open holds so much";
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, TheLargestFreePageIsWhatAllocWouldTake) {
  const auto arena = map_slabs(3);
  EXPECT_EQ(arena->largest_free(k_page_max_bytes), 0U);
  static_cast<void>(take(*arena, k_page_min_bytes, 0));
  EXPECT_EQ(arena->largest_free(k_page_max_bytes), 0U) << "anchors' pages are for nobody else";
  const Ref small = take(*arena, 700, 0);
  const Ref large = take(*arena, 1500, 0);
  EXPECT_EQ(arena->largest_free(k_page_max_bytes), arena->page_bytes(large));
  EXPECT_EQ(arena->largest_free(arena->page_bytes(large) - 1), arena->page_bytes(small));
  EXPECT_EQ(arena->largest_free(arena->page_bytes(small) - 1), 0U);
  take_all(*arena, 1500, k_no_new_slab);
  EXPECT_EQ(arena->largest_free(k_page_max_bytes), arena->page_bytes(small));
}

TEST(Arena, ReleaseGivesMemoryBackAndZeroes) {
  const auto arena = map_slabs(3);
  std::vector<Ref> refs;
  for (const Ref ref : take_all(*arena, 4000, 0))
    refs.push_back(ref);
  std::byte* const first = arena->at(refs.front());
  for (const Ref ref : refs)
    arena->free(ref);
  EXPECT_EQ(arena->bytes().slabs_empty, 3 * k_test_slab_bytes);
  EXPECT_EQ(arena->release_empty(10, 1), 2U);
  EXPECT_EQ(arena->bytes().slabs_empty, k_test_slab_bytes);
  EXPECT_EQ(arena->release_empty(10, 1), 0U);
  EXPECT_EQ(arena->release_empty(10, 0), 1U);
  EXPECT_EQ(arena->bytes().charged(), arena->bytes().fixed);
  unsigned char resident = 1;
  std::byte* const os_page = first - reinterpret_cast<std::uintptr_t>(first) % 4096 + 4096;
  ASSERT_EQ(::mincore(os_page, 4096, &resident), 0);
  EXPECT_EQ(resident & 1, 0) << "the system has it back";
  EXPECT_EQ(os_page[7], std::byte{0});
  // And all of it can be had again.
  EXPECT_EQ(take_all(*arena, 4000, 0).size(), refs.size());
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, ALoweredBudgetOpensNothingAndSaysWhatIsTooMuch) {
  const auto arena = map_slabs(6);
  const std::uint64_t fixed = arena->bytes().fixed;
  std::vector<Ref> refs = take_all(*arena, 4000, 2);
  EXPECT_EQ(arena->bytes().slabs_in_use, 4 * k_test_slab_bytes);
  arena->set_budget(fixed + 2 * k_test_slab_bytes);
  EXPECT_EQ(arena->slabs_over_budget(), 2U);
  EXPECT_EQ(arena->slabs_left(), 0U);
  EXPECT_EQ(take(*arena, 100, 1), k_no_ref);
  EXPECT_EQ(take(*arena, 100, 0), k_no_ref);
  // Emptied but resident: still too much until it is released; reclaim may use it meanwhile.
  for (std::size_t i = 0; i < per_slab(*arena, 4000); ++i)
    arena->free(refs[i]);
  EXPECT_EQ(arena->slabs_over_budget(), 2U);
  const Ref reclaims = take(*arena, 100, 0);
  EXPECT_NE(reclaims, k_no_ref);
  arena->free(reclaims);
  EXPECT_EQ(arena->release_empty(arena->slabs_over_budget(), 0), 1U);
  EXPECT_EQ(arena->slabs_over_budget(), 1U);
  EXPECT_TRUE(arena->slabs_consistent());

  arena->set_budget(fixed + 6 * k_test_slab_bytes);
  EXPECT_EQ(arena->slabs_over_budget(), 0U);
  EXPECT_EQ(arena->slabs_left(), 3U);
  EXPECT_NE(take(*arena, 100, 1), k_no_ref);
}

TEST(Arena, ABudgetAboveTheReservationIsTheReservation) {
  const auto arena = map_slabs(2, 5);
  arena->set_budget(std::size_t{1} << 40);
  EXPECT_EQ(arena->budget_slabs(), 5U);
  EXPECT_EQ(arena->bytes().budget, arena->max_budget_bytes());
  arena->set_budget(0);
  EXPECT_EQ(arena->budget_slabs(), 0U);
  EXPECT_EQ(take(*arena, 100, 0), k_no_ref);
}

TEST(Arena, PopulateMakesResidentWithinTheBudget) {
  const auto arena = map_slabs(3, 8);
  EXPECT_EQ(arena->populate(2 * k_test_slab_bytes), 2 * k_test_slab_bytes);
  EXPECT_EQ(arena->bytes().slabs_empty, 2 * k_test_slab_bytes);
  EXPECT_EQ(arena->populate(1), 2 * k_test_slab_bytes) << "there already";
  EXPECT_EQ(arena->populate(100 * k_test_slab_bytes), 3 * k_test_slab_bytes) << "the budget's";
  EXPECT_EQ(arena->bytes().charged(), arena->bytes().budget);
  EXPECT_TRUE(arena->slabs_consistent());
  EXPECT_EQ(take_all(*arena, 4000, 0).size(), 3 * per_slab(*arena, 4000));
  EXPECT_EQ(arena->bytes().charged(), arena->bytes().budget);
}

TEST(Arena, PopulateTakesReleasedSlabsFirst) {
  const auto arena = map_slabs(2);
  for (const Ref ref : take_all(*arena, 4000, 0))
    arena->free(ref);
  EXPECT_EQ(arena->release_empty(2, 0), 2U);
  EXPECT_EQ(arena->populate(2 * k_test_slab_bytes), 2 * k_test_slab_bytes);
  EXPECT_TRUE(arena->slabs_consistent());
}

TEST(Arena, SamplesOnlyPagesInUseAndReachesThemAll) {
  const auto arena = map_slabs(4);
  base::Random random(1);
  EXPECT_EQ(arena->sample_page(random), k_no_ref);
  std::set<Ref> live;
  for (int i = 0; i < 20; ++i) {
    live.insert(take(*arena, 900));
    live.insert(take(*arena, 200));
  }
  for (auto it = live.begin(); it != live.end();) {
    if (*it % 3 == 0) {
      arena->free(*it);
      it = live.erase(it);
    } else {
      ++it;
    }
  }
  std::set<Ref> seen;
  for (int i = 0; i < 5000; ++i) {
    const Ref ref = arena->sample_page(random);
    if (ref == k_no_ref) continue;
    ASSERT_TRUE(live.contains(ref));
    seen.insert(ref);
  }
  EXPECT_EQ(seen, live);
}

TEST(Arena, AWalkMeetsEveryPageOnceHoweverFewThereAre) {
  const auto arena = map_slabs(4);
  base::Random random(1);
  Arena::PageWalk nothing = arena->walk_from(random);
  EXPECT_EQ(arena->next_page(nothing), k_no_ref);
  const Ref anchor = take(*arena, k_page_min_bytes);
  ASSERT_NE(anchor, k_no_ref);
  std::set<Ref> live;
  const std::vector<Ref> pages = take_all(*arena, 100);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (i % 97 == 5) {
      live.insert(pages[i]);
    } else {
      arena->free(pages[i]);
    }
  }
  for (int round = 0; round < 50; ++round) {
    std::set<Ref> seen;
    Arena::PageWalk walk = arena->walk_from(random);
    while (const Ref ref = arena->next_page(walk))
      ASSERT_TRUE(seen.insert(ref).second) << "met twice";
    ASSERT_EQ(seen, live) << "anchors are no candidates";
  }
}

TEST(Arena, AllocationsAreVisitedOnceEach) {
  const auto arena = map_slabs(6);
  std::set<Ref> live;
  for (std::size_t bytes = 40; bytes < 4096; bytes += 1013)
    live.insert(take(*arena, bytes));
  arena->free(*live.begin());
  live.erase(live.begin());
  std::set<Ref> seen;
  arena->for_each_page([&](Ref ref, std::size_t bytes) {
    EXPECT_TRUE(seen.insert(ref).second);
    EXPECT_EQ(bytes, arena->page_bytes(ref));
  });
  EXPECT_EQ(seen, live);
}

#if defined(ULLAGE_HAS_DEBUG_CHECKS)
TEST(Arena, RefusesWhatATestTellsItTo) {
  const auto arena = map_slabs(4);
  arena->refuse_after(2, 3);
  EXPECT_NE(take(*arena, 100), k_no_ref);
  EXPECT_NE(arena->alloc_most(500, 600, 1), k_no_ref);
  EXPECT_EQ(take(*arena, 100), k_no_ref);
  EXPECT_EQ(take(*arena, 4096, 0), k_no_ref);
  EXPECT_EQ(arena->alloc_most(500, 600, 1), k_no_ref);
  EXPECT_NE(take(*arena, 100), k_no_ref);
  EXPECT_EQ(arena->pages_taken(), 3U);
  EXPECT_EQ(arena->pages_refused(), 3U);
}
#endif

TEST(ArenaDeathTest, FreeingTwiceIsNoticed) {
  const auto arena = map_slabs(1);
  const Ref ref = take(*arena, 1000, 0);
  EXPECT_DEATH(
      {
        arena->free(ref);
        arena->free(ref);
      },
      "check failed");
}

TEST(ArenaDeathTest, FreeingTheMiddleOfAPageIsNoticed) {
  const auto arena = map_slabs(1);
  const Ref ref = take(*arena, 1000, 0);
  EXPECT_DEATH(arena->free(ref + 1), "check failed");
}

}  // namespace
}  // namespace ullage::arena
