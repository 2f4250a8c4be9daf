// Emptying slabs: which one is chosen, what alloc() may touch meanwhile, and that no page gets lost
// between the states.
#include "arena/arena.h"
#include "arena/arena_testing.h"

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::arena {
namespace {

constexpr std::size_t k_bytes = 2000;

std::vector<Ref> pages_of(const Arena& arena, const Arena::Drain& drain) {
  std::vector<Ref> pages;
  for (std::uint32_t slot = 0; slot < drain.slots; ++slot) {
    if (const Ref ref = arena.page_in_slot(drain.slab, slot)) pages.push_back(ref);
  }
  return pages;
}

/// Four slabs of one bin, full but for `holes` pages at random places each.
struct Scattered {
  std::unique_ptr<Arena> arena = map_slabs(4);
  std::vector<Ref> live = take_all(*arena, k_bytes, 0);

  void drop_from(std::uint32_t slab, std::size_t pages) {
    for (auto it = live.begin(); it != live.end() && pages > 0;) {
      if (arena->slab_of(*it) == slab) {
        arena->free(*it);
        it = live.erase(it);
        --pages;
      } else {
        ++it;
      }
    }
  }
};

TEST(Drain, NothingSparseMeansNoDrain) {
  Scattered s;
  EXPECT_FALSE(s.arena->begin_drain());
  const std::uint32_t slab = s.arena->slab_of(s.live.front());
  s.drop_from(slab, 1);
  EXPECT_FALSE(s.arena->begin_drain()) << "no other slab could take its pages";
}

TEST(Drain, ThePagesOfTheSparsestSlabFitInTheOthers) {
  Scattered s;
  const std::uint32_t sparse = s.arena->slab_of(s.live.front());
  const std::size_t per_slab = s.live.size() / 4;
  s.drop_from(sparse, per_slab - 2);
  for (std::uint32_t slab = 0; slab < 4; ++slab) {
    if (slab != sparse) s.drop_from(slab, 1);
  }
  const auto drain = s.arena->begin_drain();
  ASSERT_TRUE(drain);
  EXPECT_EQ(drain->slab, sparse);
  const auto pages = pages_of(*s.arena, *drain);
  ASSERT_EQ(pages.size(), 2U);
  for (const Ref page : pages) {
    EXPECT_FALSE(s.arena->drained(sparse));
    const Ref to = take(*s.arena, k_bytes, k_no_new_slab);
    ASSERT_NE(to, k_no_ref);
    EXPECT_NE(s.arena->slab_of(to), sparse) << "alloc() passes a draining slab by";
    s.arena->free(page);
    EXPECT_TRUE(s.arena->slabs_consistent());
  }
  EXPECT_TRUE(s.arena->drained(sparse));
  EXPECT_EQ(s.arena->bytes().slabs_empty, k_test_slab_bytes);
  EXPECT_EQ(s.arena->bytes().slabs_in_use, 3 * k_test_slab_bytes);
}

TEST(Drain, AbandonedASlabIsOpenAgain) {
  Scattered s;
  const std::uint32_t sparse = s.arena->slab_of(s.live.front());
  const std::size_t per_slab = s.live.size() / 4;
  for (std::uint32_t slab = 0; slab < 4; ++slab)
    s.drop_from(slab, slab == sparse ? per_slab - 1 : 2);
  const std::size_t free_before = s.arena->free_page_bytes();
  const auto drain = s.arena->begin_drain();
  ASSERT_TRUE(drain);
  EXPECT_LT(s.arena->free_page_bytes(), free_before) << "its free pages are out of reach";
  s.arena->abandon_drain(drain->slab);
  EXPECT_EQ(s.arena->free_page_bytes(), free_before);
  EXPECT_TRUE(s.arena->slabs_consistent());
  const std::size_t free_pages = 4 * per_slab - s.live.size();
  EXPECT_EQ(take_all(*s.arena, k_bytes, k_no_new_slab).size(), free_pages);
}

TEST(Drain, AbandonAfterTheLastPageLeftChangesNothing) {
  Scattered s;
  const std::uint32_t sparse = s.arena->slab_of(s.live.front());
  const std::size_t per_slab = s.live.size() / 4;
  for (std::uint32_t slab = 0; slab < 4; ++slab)
    s.drop_from(slab, slab == sparse ? per_slab - 1 : 2);
  const auto drain = s.arena->begin_drain();
  ASSERT_TRUE(drain);
  for (const Ref page : pages_of(*s.arena, *drain))
    s.arena->free(page);
  EXPECT_TRUE(s.arena->drained(drain->slab));
  s.arena->abandon_drain(drain->slab);
  EXPECT_EQ(s.arena->bytes().slabs_empty, k_test_slab_bytes);
  EXPECT_TRUE(s.arena->slabs_consistent());
}

TEST(Drain, ForcedTakesASlabThoughNothingHasRoom) {
  Scattered s;
  base::Random random(3);
  const auto drain = s.arena->begin_forced_drain(random);
  ASSERT_TRUE(drain);
  const auto pages = pages_of(*s.arena, *drain);
  EXPECT_EQ(pages.size(), s.live.size() / 4);
  EXPECT_EQ(take(*s.arena, k_bytes, 0), k_no_ref);
  // Its owner evicts what finds no place.
  for (const Ref page : pages)
    s.arena->free(page);
  EXPECT_TRUE(s.arena->drained(drain->slab));
  EXPECT_TRUE(s.arena->slabs_consistent());
}

TEST(Drain, ForcedAndAbandonedFullSlabIsFullAgain) {
  Scattered s;
  base::Random random(4);
  const auto drain = s.arena->begin_forced_drain(random);
  ASSERT_TRUE(drain);
  s.arena->abandon_drain(drain->slab);
  EXPECT_TRUE(s.arena->slabs_consistent());
  EXPECT_EQ(take(*s.arena, k_bytes, 0), k_no_ref);
  s.arena->free(s.live.back());
  EXPECT_NE(take(*s.arena, k_bytes, 0), k_no_ref);
}

TEST(Drain, ForcedTakesTheEmptiestOfASample) {
  Scattered s;
  const std::uint32_t sparse = s.arena->slab_of(s.live.back());
  s.drop_from(sparse, s.live.size() / 4 - 1);
  base::Random random(5);
  const auto drain = s.arena->begin_forced_drain(random);
  ASSERT_TRUE(drain);
  EXPECT_EQ(drain->slab, sparse);
}

TEST(Drain, AnchorsSlabsAreNeverDrained) {
  const auto arena = map_slabs(2);
  std::vector<Ref> anchors = take_all(*arena, k_page_min_bytes, 0);
  for (std::size_t i = 0; i + 4 < anchors.size(); ++i) {
    if (i % 4 != 0) arena->free(anchors[i]);
  }
  base::Random random(6);
  EXPECT_FALSE(arena->begin_drain());
  EXPECT_FALSE(arena->begin_forced_drain(random));
}

TEST(Drain, AnEmptyArenaHasNothingToDrain) {
  const auto arena = map_slabs(2);
  base::Random random(7);
  EXPECT_FALSE(arena->begin_drain());
  EXPECT_FALSE(arena->begin_forced_drain(random));
}

TEST(Drain, FreeSlotsOfADrainingSlabAreNoPages) {
  Scattered s;
  s.drop_from(s.arena->slab_of(s.live.front()), 3);
  base::Random random(8);
  const auto drain = s.arena->begin_forced_drain(random);
  ASSERT_TRUE(drain);
  const auto pages = pages_of(*s.arena, *drain);
  const std::set<Ref> live(s.live.begin(), s.live.end());
  for (const Ref page : pages)
    EXPECT_TRUE(live.contains(page));
  EXPECT_EQ(s.arena->page_in_slot(drain->slab, drain->slots), k_no_ref) << "beyond what was cut";
}

}  // namespace
}  // namespace ullage::arena
