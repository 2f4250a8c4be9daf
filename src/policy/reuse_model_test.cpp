// The model: scores are numbers whatever it is fed, a ghost that comes back is another entry than a
// new one, and until something is learned the order is that of age.
#include "policy/reuse_model.h"

#include "base/random.h"

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::policy {
namespace {

constexpr unsigned k_clock = 1U << k_tick_bits;

EntryState aged(unsigned seen, unsigned age, Tick now) {
  return {seen, static_cast<Tick>((unsigned{now} + k_clock - age) % k_clock)};
}

void expect_sane_scores(const ReuseModel& model) {
  for (unsigned seen = 0; seen < k_class_count; ++seen) {
    for (unsigned age = 0; age < k_clock; age += 3) {
      for (const std::uint32_t bytes : {0U, 1U, 100U, 1U << 26}) {
        const float score = model.score(aged(seen, age, model.now()), model.now(), bytes);
        ASSERT_TRUE(std::isfinite(score)) << seen << " " << age << " " << bytes;
        ASSERT_GE(score, 0.0F) << seen << " " << age << " " << bytes;
      }
    }
  }
}

TEST(ReuseModel, KnowsNothingAtFirstAndRanksByAge) {
  const ReuseModel model;
  for (unsigned seen = 0; seen < k_class_count; ++seen) {
    float last = -1;
    for (unsigned age = 0; age <= k_age_ticks_max; ++age) {
      const float score = model.score(aged(seen, age, 0), 0, 1);
      ASSERT_GT(score, last) << age;
      last = score;
    }
  }
}

TEST(ReuseModel, TheLargerOfTwoAlikeGoesFirst) {
  const ReuseModel model;
  for (const unsigned age : {0U, 5U, 600U}) {
    const EntryState state = aged(1, age, 0);
    EXPECT_GT(model.score(state, 0, 200), model.score(state, 0, 100));
    EXPECT_FLOAT_EQ(model.score(state, 0, 200), 2 * model.score(state, 0, 100));
  }
}

TEST(ReuseModel, ScoresStayNumbersWhateverHappened) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    base::Random random(seed);
    ReuseModel model;
    std::vector<std::atomic<std::uint64_t>> words(64);
    GhostTable ghosts{std::span(words)};
    for (int i = 0; i < 20'000; ++i) {
      // All sizes of cache, ages and classes, in no order that a cache would know.
      const std::uint64_t entries = random.next() >> (24 + random.below(40));
      const std::uint64_t hash = random.next();
      EntryState residents[k_census_max];
      for (EntryState& state : residents)
        state = EntryState(static_cast<std::uint16_t>(random.next()));
      if (random.below(4) == 0)
        model.census(std::span(residents).first(random.below(k_census_max + 1)), entries,
                     ghosts.look(hash, model.now()), ghosts.words_in_use());
      static_cast<void>(model.on_insert(hash, ghosts.take(hash, model.now())));
      static_cast<void>(model.on_hit(hash, residents[0]));
      ghosts.remember(hash, residents[1], model.now());
      model.advance(entries);
      if (random.below(50) == 0) model.rebuild();
      if (random.below(500) == 0) ghosts.fit(entries);
    }
    model.rebuild();
    expect_sane_scores(model);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(ReuseModel, HitsWithoutExposureAndExposureWithoutHitsAreNoDivisionByZero) {
  ReuseModel hits_only;
  for (int i = 0; i < 10'000; ++i)
    static_cast<void>(hits_only.on_insert(static_cast<std::uint64_t>(i), Ghost{0, 5}));
  hits_only.rebuild();
  expect_sane_scores(hits_only);

  ReuseModel exposure_only;
  const std::vector<EntryState> old(k_census_max, aged(0, 700, 0));
  for (int i = 0; i < 10'000; ++i)
    exposure_only.census(old, 1'000'000'000, {}, 0);
  exposure_only.rebuild();
  expect_sane_scores(exposure_only);
}

TEST(ReuseModel, AGhostThatComesBackIsNoNewcomer) {
  ReuseModel model;
  for (int i = 0; i < 100; ++i)
    model.advance(64);
  const EntryState fresh = model.on_insert(1, std::nullopt);
  const EntryState unproven = model.on_insert(2, Ghost{0, 10});
  const EntryState proven = model.on_insert(3, Ghost{1, 10});
  EXPECT_EQ(fresh.seen(), 0U);
  EXPECT_GE(unproven.seen(), 1U);
  EXPECT_GE(proven.seen(), unproven.seen());
  EXPECT_EQ(fresh.last(), model.now());
  EXPECT_EQ(proven.last(), model.now());
}

TEST(ReuseModel, ABurstOfHitsCountsOnce) {
  ReuseModel model;
  for (int i = 0; i < 100; ++i)
    model.advance(64);
  EntryState state = model.on_insert(1, std::nullopt);
  for (int i = 0; i < 10; ++i)
    state = model.on_hit(1, state);
  EXPECT_EQ(state.seen(), 0U) << "the insertion and its burst are one use";
  model.advance(64);
  state = model.on_hit(1, state);
  EXPECT_EQ(state.seen(), 1U);
}

TEST(ReuseModel, TheClockHasSixtyFourTicksATurnover) {
  for (const std::uint64_t entries : {64U, 1000U, 6400U, 100'000U}) {
    ReuseModel model;
    for (std::uint64_t i = 0; i < entries; ++i)
      model.advance(entries);
    EXPECT_NEAR(model.now(), k_ticks_per_turnover, 1) << entries;
  }
}

TEST(ReuseModel, TheClockTakesAtMostATickAnInsertionAndStandsInHugeCaches) {
  ReuseModel model;
  for (unsigned i = 0; i < 100; ++i) {
    model.advance(i % 3);  // next to nothing in the cache
    EXPECT_LE(model.now(), i + 1);
  }
  EXPECT_GE(model.now(), 99U);
  ReuseModel huge;
  for (int i = 0; i < 1000; ++i)
    huge.advance(std::uint64_t{1} << 40);
  EXPECT_EQ(huge.now(), 0U);
}

TEST(ReuseModel, LearnsThatAClassIsReused) {
  // Class 0 stands about and is never asked for; class 1 is, at every age.
  ReuseModel model;
  std::vector<EntryState> residents;
  for (unsigned age = 0; age < 512; age += 8) {
    residents.push_back(aged(0, age, 0));
    residents.push_back(aged(1, age, 0));
  }
  base::Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t first =
        std::size_t{8} * random.below(static_cast<std::uint32_t>(residents.size() / 8));
    model.census(std::span(residents).subspan(first, 8), 1000, {}, 0);
    static_cast<void>(model.on_insert(random.next(), Ghost{1, random.below(512)}));
  }
  model.rebuild();
  for (const unsigned age : {10U, 100U, 400U}) {
    EXPECT_GT(model.score(aged(0, age, 0), 0, 1), 2 * model.score(aged(1, age, 0), 0, 1)) << age;
  }
}

TEST(ReuseModel, AllButRebuildMayRunAtOnce) {
  ReuseModel model;
  std::vector<std::atomic<std::uint64_t>> words(512);
  GhostTable ghosts{std::span(words)};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (std::uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      base::Random random(t);
      EntryState states[k_census_max];
      for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        const std::uint64_t hash = random.next();
        const Tick now = model.now();
        if (model.census_due()) model.census(states, 1000, ghosts.look(hash, now), 512);
        EntryState& state = states[i % k_census_max];
        state = model.on_insert(hash, ghosts.take(hash, now));
        state = model.on_hit(hash, state);
        if (!(model.score(state, now, 10) >= 0)) ++wrong;
        ghosts.remember(hash, state, now);
        model.advance(1000);
      }
    });
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    model.rebuild();
    ghosts.fit(i * 10);
  }
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ullage::policy
