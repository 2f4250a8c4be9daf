// Stripes: one writer at a time, and readers that notice whatever changed under them.
#include "command/key_locks.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

TEST(KeyLocks, AReaderNoticesAChange) {
  KeyLocks locks;
  const auto stripe = locks.stripe_of("key");
  const auto version = locks.begin_read(stripe);
  EXPECT_TRUE(locks.undisturbed(stripe, version));
  std::array held{stripe};
  {
    const HeldStripes hold(locks, held, false);
    EXPECT_TRUE(locks.undisturbed(stripe, version)) << "one entry changes by itself";
  }
  EXPECT_TRUE(locks.undisturbed(stripe, version));
  {
    const HeldStripes hold(locks, held, true);
    EXPECT_FALSE(locks.undisturbed(stripe, version));
  }
  EXPECT_FALSE(locks.undisturbed(stripe, version)) << "it was before, and is another now";
  EXPECT_TRUE(locks.undisturbed(stripe, locks.begin_read(stripe)));
}

TEST(KeyLocks, AStripeThatIsNamedTwiceIsHeldOnce) {
  KeyLocks locks;
  std::vector<KeyLocks::Stripe> stripes = {5, 3, 5, 3, 4};
  {
    const HeldStripes hold(locks, stripes, true);
  }
  std::vector<KeyLocks::Stripe> again = {3, 4, 5};
  const HeldStripes hold(locks, again, false);
}

TEST(KeyLocks, NamesSpreadOverTheStripes) {
  KeyLocks locks(7);
  std::vector<int> hits(KeyLocks::k_stripes);
  for (int i = 0; i < 80'000; ++i)
    ++hits[locks.stripe_of("user:" + std::to_string(i))];
  for (const int n : hits)
    EXPECT_LT(n, 60);
}

TEST(KeyLocks, ReadersOfTwoKeysSeeBothOrNeither) {
  // Two counters, moved together by writers that hold both stripes; a pair that was read
  // undisturbed is never torn, and no step of a writer is lost.
  KeyLocks locks;
  constexpr KeyLocks::Stripe k_a = 1;
  constexpr KeyLocks::Stripe k_b = 2;
  constexpr int k_rounds = 20'000;
  std::atomic<std::uint64_t> a{0};
  std::atomic<std::uint64_t> b{0};
  const auto write = [&] {
    for (int i = 0; i < k_rounds; ++i) {
      std::array stripes{k_b, k_a};
      const HeldStripes hold(locks, stripes, true);
      a.store(a.load(std::memory_order_acquire) + 1, std::memory_order_release);
      b.store(b.load(std::memory_order_acquire) + 1, std::memory_order_release);
    }
  };
  std::uint64_t read = 0;
  std::uint64_t torn = 0;
  std::thread one(write);
  std::thread two(write);
  while (a.load(std::memory_order_acquire) < std::uint64_t{2} * k_rounds) {
    const auto va = locks.begin_read(k_a);
    const auto vb = locks.begin_read(k_b);
    const auto seen_a = a.load(std::memory_order_acquire);
    const auto seen_b = b.load(std::memory_order_acquire);
    if (!locks.undisturbed(k_a, va) || !locks.undisturbed(k_b, vb)) continue;
    ++read;
    if (seen_a != seen_b) ++torn;
  }
  one.join();
  two.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(a.load(), std::uint64_t{2} * k_rounds);
  EXPECT_EQ(b.load(), std::uint64_t{2} * k_rounds);
  static_cast<void>(read);
}

}  // namespace
}  // namespace ullage::command
