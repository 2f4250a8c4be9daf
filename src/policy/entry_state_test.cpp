// The sixteen bits of an entry: fields survive, ages saturate, and a stamp that would wrap and look
// young again is moved up in time.
#include "policy/reuse_model.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace ullage::policy {
namespace {

constexpr unsigned k_clock = 1U << k_tick_bits;

Tick tick(unsigned n) {
  return static_cast<Tick>(n % k_clock);
}

TEST(EntryState, KeepsClassAndStamp) {
  for (unsigned seen = 0; seen < k_class_count; ++seen) {
    for (unsigned last = 0; last < k_clock; last += 7) {
      const EntryState state(seen, tick(last));
      EXPECT_EQ(state.seen(), seen);
      EXPECT_EQ(state.last(), last);
      EXPECT_EQ(state.spare(), 0U);
      EXPECT_EQ(EntryState(state.bits()), state);
    }
  }
}

TEST(EntryState, AgesSaturateAndTheFutureIsNow) {
  for (unsigned last = 0; last < k_clock; last += 97) {
    for (unsigned by = 0; by < k_clock; ++by) {
      const EntryState state(1, tick(last));
      const Tick now = tick(last + by);
      // A stamp a little ahead is another thread's, not one from a whole turn of the clock ago.
      const unsigned expected = by < k_clock - k_race_ticks ? by : 0;
      ASSERT_EQ(state.raw_age(now), expected) << last << " " << by;
      ASSERT_EQ(state.age(now), expected < k_age_ticks_max ? expected : k_age_ticks_max);
    }
  }
}

TEST(EntryState, RefreshingChangesNeitherAgeNorClass) {
  for (unsigned by = 0; by < k_clock - k_race_ticks; ++by) {
    const EntryState state(2, tick(100));
    const Tick now = tick(100 + by);
    const EntryState fresh = state.refreshed(now);
    ASSERT_EQ(fresh.age(now), state.age(now)) << by;
    ASSERT_EQ(fresh.seen(), state.seen());
    ASSERT_LT(fresh.raw_age(now), k_refresh_ticks) << "far from wrapping";
    if (by < k_refresh_ticks) {
      ASSERT_EQ(fresh, state);
    }
  }
}

TEST(EntryState, AnEntrySeenNowAndThenNeverLooksYoungAgain) {
  EntryState state(0, 0);
  for (unsigned now = 0; now < 40 * k_clock; now += k_refresh_ticks - k_race_ticks) {
    state = state.refreshed(tick(now));
    if (now > k_age_ticks_max) {
      ASSERT_EQ(state.age(tick(now)), k_age_ticks_max) << now;
    }
  }
}

TEST(EntryState, TouchingCountsUpToTheLastClassAndKeepsTheSpareBits) {
  EntryState state(static_cast<std::uint16_t>(3U << k_tick_bits));
  ASSERT_EQ(state.spare(), 3U);
  for (unsigned hit = 1; hit < 6; ++hit) {
    state = state.touched(tick(hit * 10));
    EXPECT_EQ(state.seen(), hit < k_class_count ? hit : k_class_count - 1);
    EXPECT_EQ(state.last(), hit * 10);
    EXPECT_EQ(state.spare(), 3U);
  }
  EXPECT_EQ(state.refreshed(tick(10 + 3 * k_age_ticks_max)).spare(), 3U);
}

TEST(Buckets, AgesFallInBucketsInOrder) {
  EXPECT_EQ(ReuseModel::bucket_of(0), 0U);
  for (unsigned age = 1; age <= k_age_ticks_max; ++age) {
    const unsigned here = ReuseModel::bucket_of(age);
    const unsigned before = ReuseModel::bucket_of(age - 1);
    ASSERT_TRUE(here == before || here == before + 1) << age;
    ASSERT_LT(here, k_bucket_count);
  }
}

}  // namespace
}  // namespace ullage::policy
