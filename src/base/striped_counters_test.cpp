// Sums are exact whatever stripe an addition fell into, and a gauge may fall in another one than it
// rose in.
#include "base/striped_counters.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

TEST(StripedCounters, StartAtZeroAndDoNotMix) {
  const auto counters = std::make_unique<StripedCounters<3>>();
  counters->add(0);
  counters->add(2, 41);
  counters->add(2);
  EXPECT_EQ(counters->sum(0), 1U);
  EXPECT_EQ(counters->sum(1), 0U);
  EXPECT_EQ(counters->sum(2), 42U);
}

TEST(StripedCounters, AGaugeFallsInAnotherThreadThanItRose) {
  const auto counters = std::make_unique<StripedCounters<1>>();
  counters->add(0, 1000);
  std::thread([&] { counters->sub(0, 999); }).join();
  EXPECT_EQ(counters->sum(0), 1U);
}

TEST(StripedCounters, NothingIsLostBetweenMoreThreadsThanStripesAndWhenStripesChangeHands) {
  constexpr unsigned k_threads = Stripes::k_owned + 30;
  constexpr std::uint64_t k_rounds = 200;
  const auto counters = std::make_unique<StripedCounters<1>>();
  for (int wave = 0; wave < 2; ++wave) {
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> threads;
    threads.reserve(k_threads);
    for (unsigned t = 0; t < k_threads; ++t) {
      threads.emplace_back([&] {
        counters->add(0);  // takes a stripe; all are held at once
        ready.fetch_add(1);
        while (ready.load() < k_threads)
          std::this_thread::yield();
        for (std::uint64_t i = 1; i < k_rounds; ++i)
          counters->add(0);
      });
    }
    for (std::thread& thread : threads)
      thread.join();
  }
  EXPECT_EQ(counters->sum(0), 2 * k_threads * k_rounds);
}

TEST(StripedCounters, AStripeIsGivenBackByEachThreadThatEnds) {
  for (unsigned t = 0; t < 3 * Stripes::k_owned; ++t) {
    unsigned mine = Stripes::k_all;
    std::thread([&] { mine = Stripes::mine(); }).join();
    ASSERT_LT(mine, Stripes::k_owned) << "thread " << t;
  }
}

TEST(StripedCounters, AThreadAloneInItsStripeUsesNoOthers) {
  const unsigned mine = Stripes::mine();
  unsigned first = 0;
  unsigned second = 0;
  std::thread([&] { first = Stripes::mine(), second = Stripes::mine(); }).join();
  EXPECT_EQ(first, second);
  EXPECT_LT(first, Stripes::k_owned);
  EXPECT_NE(first, mine) << "that is this thread's own, while it lives";
}

TEST(StripedCounters, NothingIsLostBetweenThreads) {
  constexpr int k_threads = 8;
  constexpr int k_rounds = 10'000;
  const auto counters = std::make_unique<StripedCounters<2>>();
  std::vector<std::thread> threads;
  threads.reserve(k_threads);
  for (int t = 0; t < k_threads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < k_rounds; ++i) {
        counters->add(0);
        counters->add(1, 3);
        counters->sub(1, 1);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counters->sum(0), std::uint64_t{k_threads} * k_rounds);
  EXPECT_EQ(counters->sum(1), std::uint64_t{k_threads} * k_rounds * 2);
}

TEST(RaiseTo, NeverFalls) {
  std::atomic<std::uint64_t> high{0};
  for (const std::uint64_t value : {3U, 1U, 7U, 7U, 2U})
    raise_to(high, value);
  EXPECT_EQ(high.load(), 7U);
}

}  // namespace
}  // namespace ullage::base
