// Ghosts: found once, with their age within half a quantum whatever the clock stands at, the four
// newest of a word; strangers are rarely taken for one.
#include "base/random.h"
#include "policy/reuse_model.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::policy {
namespace {

constexpr unsigned k_clock = 1U << k_tick_bits;

class Ghosts : public ::testing::Test {
 protected:
  static constexpr std::size_t k_words = 512;
  std::vector<std::atomic<std::uint64_t>> words_ = std::vector<std::atomic<std::uint64_t>>(k_words);
  GhostTable table_{std::span(words_)};
  base::Random random_{7};
};

TEST_F(Ghosts, AnEmptyTableKnowsNobody) {
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t hash = random_.next();
    ASSERT_FALSE(table_.take(hash, 5));
    ASSERT_EQ(table_.look(hash, 5).count, 0U);
  }
}

TEST_F(Ghosts, IsFoundOnceWithItsAge) {
  table_.fit(2 * k_words);
  for (unsigned now = 0; now < 2 * k_clock; now += 5) {
    for (const unsigned age : {0U, 3U, 64U, 300U, 480U}) {
      const std::uint64_t hash = random_.next();
      const auto here = static_cast<Tick>(now % k_clock);
      const auto last = static_cast<Tick>((now + k_clock - age) % k_clock);
      table_.remember(hash, EntryState(2, last), here);
      const auto ghost = table_.take(hash, here);
      ASSERT_TRUE(ghost);
      EXPECT_EQ(ghost->seen, 1U);
      EXPECT_LE(ghost->age_ticks, age + GhostTable::k_quantum_ticks / 2);
      EXPECT_GE(ghost->age_ticks + GhostTable::k_quantum_ticks / 2, age);
      ASSERT_FALSE(table_.take(hash, here)) << "a ghost comes back once";
    }
  }
}

TEST_F(Ghosts, AnAgeBeyondItsRangeIsTheOldestItCanTell) {
  for (unsigned age = 500; age < k_clock - k_race_ticks; age += 111) {
    const std::uint64_t hash = random_.next();
    table_.remember(hash, EntryState(0, static_cast<Tick>((3000 + k_clock - age) % k_clock)), 3000);
    const auto ghost = table_.take(hash, 3000);
    ASSERT_TRUE(ghost);
    EXPECT_GE(ghost->age_ticks, 400U) << age << " ticks must not look young";
  }
}

TEST_F(Ghosts, KnowsWhetherItWasEverHit) {
  table_.remember(1, EntryState(0, 0), 0);
  EXPECT_EQ(table_.take(1, 0)->seen, 0U);
  for (unsigned seen = 1; seen < k_class_count; ++seen) {
    table_.remember(1, EntryState(seen, 0), 0);
    EXPECT_EQ(table_.take(1, 0)->seen, 1U);
  }
}

TEST_F(Ghosts, AWordKeepsItsFourNewest) {
  // One word: the same high half, other low halves.
  for (std::uint64_t i = 0; i < 6; ++i)
    table_.remember(0xabcd'0000'0000'0000ULL + i, EntryState(0, 0), 0);
  EXPECT_EQ(table_.look(0xabcd'0000'0000'0000ULL, 0).count, GhostTable::k_slots);
  EXPECT_FALSE(table_.take(0xabcd'0000'0000'0000ULL, 0));
  EXPECT_FALSE(table_.take(0xabcd'0000'0000'0001ULL, 0));
  for (const std::uint64_t i : {4U, 2U, 5U, 3U})  // taking one closes the gap
    EXPECT_TRUE(table_.take(0xabcd'0000'0000'0000ULL + i, 0)) << i;
  EXPECT_EQ(table_.look(0xabcd'0000'0000'0000ULL, 0).count, 0U);
}

TEST_F(Ghosts, StrangersAreRarelyTakenForOne) {
  table_.fit(2 * k_words);
  for (std::size_t i = 0; i < 8 * k_words; ++i)
    table_.remember(random_.next(), EntryState(0, 0), 0);
  int mistaken = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t hash = random_.next();
    if (table_.take(hash, 0)) {
      ++mistaken;
      table_.remember(hash, EntryState(0, 0), 0);
    }
  }
  // Four of 1023 look-ups of a full word: 195 expected, 14 the deviation.
  EXPECT_LT(mistaken, 290);
}

TEST_F(Ghosts, TheWordsInUseFollowTheEntriesWithoutFlicker) {
  table_.fit(1000);
  EXPECT_EQ(table_.words_in_use(), 512U);
  table_.fit(500);
  EXPECT_EQ(table_.words_in_use(), 512U) << "within the range that is kept";
  table_.fit(100);
  EXPECT_EQ(table_.words_in_use(), 64U);
  table_.fit(120);
  EXPECT_EQ(table_.words_in_use(), 64U);
  table_.fit(1'000'000'000);
  EXPECT_EQ(table_.words_in_use(), k_words) << "never more than it was given";
  table_.fit(0);
  EXPECT_GE(table_.words_in_use(), 1U);
}

}  // namespace
}  // namespace ullage::policy
