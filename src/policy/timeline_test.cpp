#include "policy/timeline.h"

#include <gtest/gtest.h>

namespace ullage::policy {
namespace {

TEST(Timeline, TellsTheLeastTimeWithoutUse) {
  Timeline timeline;
  timeline.note(10, 1'000);
  timeline.note(11, 5'000);
  timeline.note(12, 9'000);
  EXPECT_EQ(timeline.idle_ms(EntryState(0, 12), 12, 10'000), 0) << "within this tick: not known";
  EXPECT_EQ(timeline.idle_ms(EntryState(0, 11), 12, 10'000), 1'000);
  EXPECT_EQ(timeline.idle_ms(EntryState(0, 10), 12, 10'000), 5'000);
}

TEST(Timeline, TicksThatWereNotSeenBeganWithTheNextThatWas) {
  Timeline timeline;
  timeline.note(0, 1'000);
  timeline.note(50, 2'000);
  for (const Tick last : {Tick{0}, Tick{1}, Tick{30}, Tick{49}})
    EXPECT_EQ(timeline.idle_ms(EntryState(0, last), 50, 7'000), 5'000) << last;
}

TEST(Timeline, GoesRoundTheEndOfTheClock) {
  constexpr Tick k_last = (1U << k_tick_bits) - 1;
  Timeline timeline;
  timeline.note(k_last, 1'000);
  timeline.note(0, 2'000);
  timeline.note(1, 3'000);
  EXPECT_EQ(timeline.idle_ms(EntryState(0, k_last), 1, 10'000), 8'000);
  EXPECT_EQ(timeline.idle_ms(EntryState(0, 0), 1, 10'000), 7'000);
}

TEST(Timeline, VeryOldEntriesAreAtLeastAsOldAsItReaches) {
  Timeline timeline;
  timeline.note(0, 1);
  for (unsigned tick = 1; tick <= 3'000; ++tick)
    timeline.note(static_cast<Tick>(tick), static_cast<std::int64_t>(tick) * 10);
  const std::int64_t oldest = timeline.idle_ms(EntryState(0, 100), 3'000, 30'000);
  EXPECT_EQ(oldest, 30'000 - (3'000 - static_cast<std::int64_t>(k_age_ticks_max) + 1) * 10);
}

}  // namespace
}  // namespace ullage::policy
