// The lock and the version in one word: what a reader may trust, and when a tick is refused.
#include "base/version_lock.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

TEST(VersionLock, NothingHappenedIsValid) {
  const VersionLock lock;
  EXPECT_TRUE(lock.validate(lock.begin_read()));
}

TEST(VersionLock, LockingAloneChangesNothing) {
  VersionLock lock;
  const auto before = lock.begin_read();
  lock.lock();
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(lock.validate(before)) << "a holder that stored nothing";
  const auto during = lock.begin_read();
  lock.unlock();
  EXPECT_FALSE(lock.is_held());
  EXPECT_TRUE(lock.validate(before));
  EXPECT_TRUE(lock.validate(during)) << "the lock's bit is no part of the version";
}

TEST(VersionLock, AChangeEndsWhatWasReadBefore) {
  VersionLock lock;
  const auto before = lock.begin_read();
  lock.lock();
  lock.begin_change();
  EXPECT_FALSE(lock.validate(before));
  const auto inside = lock.begin_read();  // gives up waiting: the change does not end
  EXPECT_FALSE(lock.validate(inside));
  lock.end_change();
  EXPECT_FALSE(lock.validate(before));
  EXPECT_FALSE(lock.validate(inside)) << "the bytes seen were half old and half new";
  EXPECT_TRUE(lock.validate(lock.begin_read()));
  lock.unlock();
  EXPECT_FALSE(lock.validate(before));
}

TEST(VersionLock, EveryChangeIsAnotherVersion) {
  VersionLock lock;
  lock.lock();
  std::vector<VersionLock::Version> seen;
  for (int i = 0; i < 100; ++i) {
    seen.push_back(lock.begin_read());
    lock.begin_change();
    lock.end_change();
    for (const auto version : seen)
      EXPECT_FALSE(lock.validate(version)) << i;
  }
  lock.unlock();
}

TEST(VersionLock, TryLockMeetsAHolder) {
  VersionLock lock;
  ASSERT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(VersionLock, ATickNeedsThatNothingChangedAndNobodyHolds) {
  VersionLock lock;
  const auto version = lock.begin_read();
  ASSERT_TRUE(lock.try_tick(version));
  EXPECT_TRUE(lock.is_held());
  EXPECT_TRUE(lock.validate(version)) << "a tick does not make readers retry";
  EXPECT_FALSE(lock.try_tick(version)) << "held";
  lock.unlock();
  ASSERT_TRUE(lock.try_tick(version)) << "a tick is no change";
  lock.begin_change();
  lock.end_change();
  lock.unlock();
  EXPECT_FALSE(lock.try_tick(version)) << "stale";
}

TEST(VersionLock, ATickNeverComesBetweenAChange) {
  VersionLock lock;
  lock.lock();
  lock.begin_change();
  const auto inside = lock.begin_read();
  lock.end_change();
  lock.unlock();
  EXPECT_FALSE(lock.try_tick(inside));
}

TEST(VersionLock, AVersionTakenFromAHolderStillTicks) {
  VersionLock lock;
  lock.lock();
  const auto version = lock.begin_read();
  EXPECT_FALSE(lock.try_tick(version));
  lock.unlock();
  ASSERT_TRUE(lock.try_tick(version));
  lock.unlock();
}

TEST(VersionLock, HoldersExcludeEachOtherAndSleepersWake) {
  constexpr int k_threads = 4;
  constexpr int k_rounds = 5000;
  VersionLock lock;
  std::uint64_t guarded = 0;
  std::vector<std::thread> threads;
  threads.reserve(k_threads);
  for (int t = 0; t < k_threads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < k_rounds; ++i) {
        lock.lock();
        const std::uint64_t seen = guarded;
        if (i % 100 == 0) std::this_thread::yield();  // lets others reach the sleeping path
        guarded = seen + 1;
        lock.unlock();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(guarded, std::uint64_t{k_threads} * k_rounds);
  EXPECT_FALSE(lock.is_held());
}

TEST(VersionLock, AValidReaderSawBothWordsOfOneChange) {
  VersionLock lock;
  std::atomic<std::uint64_t> left{0};
  std::atomic<std::uint64_t> right{0};
  std::atomic<bool> stop{false};
  std::uint64_t torn = 0;
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const auto version = lock.begin_read();
      const std::uint64_t a = left.load(std::memory_order_acquire);
      const std::uint64_t b = right.load(std::memory_order_acquire);
      if (lock.validate(version) && a != b) ++torn;
    }
  });
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    lock.lock();
    lock.begin_change();
    left.store(i, std::memory_order_release);
    right.store(i, std::memory_order_release);
    lock.end_change();
    lock.unlock();
  }
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace ullage::base
