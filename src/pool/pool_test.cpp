#include <ullage/pool.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage {
namespace {

using namespace std::chrono_literals;

/// Counts how many there are.
struct Counted {
  static inline std::atomic<int> alive{0};
  Counted() { ++alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --alive; }
  void clear() { number = 0; }
  int number = 0;
};

struct Pools : testing::Test {
  ~Pools() override { EXPECT_EQ(Counted::alive, 0) << "objects that nobody destroyed"; }
};

/// What always holds.
void expect_balanced(const PoolStats& stats) {
  EXPECT_EQ(stats.leases, stats.reuses + stats.misses);
  EXPECT_EQ(stats.outstanding, stats.leases - stats.returns);
  EXPECT_EQ(stats.idle, stats.misses - stats.drops - stats.trimmed - stats.outstanding);
  EXPECT_GE(stats.high_water, stats.outstanding);
}

TEST_F(Pools, GiveTheSameObjectAgain) {
  Pool<std::string> pool({}, {.capacity = 4096});
  const std::string* first = nullptr;
  {
    auto lease = pool.lease();
    EXPECT_GE(lease->capacity(), 4096U);
    *lease = "used";
    first = lease.get();
  }
  auto lease = pool.lease();
  EXPECT_EQ(lease.get(), first);
  EXPECT_EQ(*lease, "");
  EXPECT_GE(lease->capacity(), 4096U);
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.leases, 2U);
  EXPECT_EQ(stats.reuses, 1U);
  EXPECT_EQ(stats.misses, 1U);
  EXPECT_EQ(stats.outstanding, 1U);
  EXPECT_EQ(stats.high_water, 1U);
  expect_balanced(stats);
}

TEST_F(Pools, LeasesMoveAndGoBackOnce) {
  Pool<Counted> pool;
  auto a = pool.lease();
  auto b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  EXPECT_TRUE(b);
  Counted* const object = b.get();
  auto c = pool.lease();
  c = std::move(b);
  EXPECT_EQ(c.get(), object);
  EXPECT_EQ(pool.stats().outstanding, 1U);
  c.reset();
  c.reset();
  EXPECT_FALSE(c);
  EXPECT_EQ(pool.stats().outstanding, 0U);
  EXPECT_EQ(pool.stats().returns, 2U);
}

TEST_F(Pools, KeepNoMoreObjectsThanTheyMay) {
  for (const std::size_t thread_cache : {std::size_t{0}, std::size_t{4}, std::size_t{32}}) {
    for (const std::size_t max_idle : {std::size_t{0}, std::size_t{1}, std::size_t{10}}) {
      Pool<Counted> pool({.max_idle = max_idle, .thread_cache = thread_cache});
      std::vector<Lease<Counted>> leases;
      for (int i = 0; i < 100; ++i)
        leases.push_back(pool.lease());
      EXPECT_EQ(Counted::alive, 100);
      leases.clear();
      const PoolStats stats = pool.stats();
      EXPECT_EQ(stats.idle, max_idle) << "of a thread's " << thread_cache;
      EXPECT_EQ(static_cast<std::size_t>(Counted::alive), max_idle);
      EXPECT_EQ(stats.drops, 100 - max_idle);
      EXPECT_EQ(stats.high_water, 100U);
      expect_balanced(stats);
    }
  }
}

TEST_F(Pools, KeepNoMoreBytesThanTheyMay) {
  Pool<std::string> pool({.max_idle_bytes = 100'000, .max_object_bytes = 10'000});
  std::vector<Lease<std::string>> leases;
  for (int i = 0; i < 100; ++i) {
    leases.push_back(pool.lease());
    leases.back()->reserve(static_cast<std::size_t>(i) * 90);
  }
  leases.clear();
  const PoolStats stats = pool.stats();
  EXPECT_LE(stats.idle_bytes, 100'000U);
  EXPECT_GE(stats.idle, 9U);
  EXPECT_GE(stats.drops, 50U);
  expect_balanced(stats);
}

TEST_F(Pools, DropWhatHasGrownTooLarge) {
  Pool<std::string> pool({.max_object_bytes = 1000});
  pool.lease()->reserve(2000);
  EXPECT_EQ(pool.stats().drops, 1U);
  EXPECT_EQ(pool.stats().idle, 0U);
  pool.lease()->reserve(500);
  EXPECT_EQ(pool.stats().drops, 1U);
  EXPECT_EQ(pool.stats().idle, 1U);
}

// Random leases and returns against what must hold at each step.
TEST_F(Pools, BalanceWhateverComes) {
  std::minstd_rand random(11);
  for (int round = 0; round < 60; ++round) {
    const std::size_t max_idle = random() % 40;
    Pool<Counted> pool({.max_idle = max_idle, .thread_cache = random() % 20});
    Pool<Counted> other({.max_idle = 5, .thread_cache = 3});
    std::vector<Lease<Counted>> leases;
    std::set<Counted*> out;
    for (int step = 0; step < 400; ++step) {
      const auto what = random() % 20;
      if (what < 10) {
        leases.push_back(pool.lease());
        EXPECT_EQ(leases.back()->number, 0);
        EXPECT_TRUE(out.insert(leases.back().get()).second) << "given out twice";
        leases.back()->number = step;
      } else if (what < 18) {
        if (leases.empty()) continue;
        std::swap(leases[random() % leases.size()], leases.back());
        out.erase(leases.back().get());
        leases.pop_back();
      } else if (what == 18) {
        random() % 2 == 0 ? pool.trim(random() % 4) : pool.tick();
      } else {
        other.lease()->number = 1;
      }
      const PoolStats stats = pool.stats();
      expect_balanced(stats);
      EXPECT_EQ(stats.outstanding, leases.size());
      EXPECT_LE(stats.idle, max_idle);
    }
  }
}

TEST_F(Pools, AreTrimmedUnderPressure) {
  Pool<Counted> pool;
  std::vector<Lease<Counted>> leases;
  for (int i = 0; i < 500; ++i)
    leases.push_back(pool.lease());
  leases.resize(3);
  EXPECT_EQ(pool.stats().idle, 497U);
  EXPECT_EQ(pool.trim(10), 487U);
  EXPECT_EQ(pool.stats().idle, 10U);
  EXPECT_EQ(pool.trim(), 10U);
  EXPECT_EQ(Counted::alive, 3);
  EXPECT_EQ(pool.stats().trimmed, 497U);
  leases.clear();
  EXPECT_EQ(pool.stats().idle, 3U);
}

TEST_F(Pools, TrimCallsOtherThreadsToo) {
  Pool<Counted> pool;
  std::atomic<int> step{0};
  std::thread other([&] {
    std::vector<Lease<Counted>> leases;
    for (int i = 0; i < 10; ++i)
      leases.push_back(pool.lease());
    leases.resize(1);  // nine in this thread's cache
    step = 1;
    while (step != 2)
      std::this_thread::yield();
    leases.clear();
    step = 3;
    while (step != 4)
      std::this_thread::yield();
  });
  while (step != 1)
    std::this_thread::yield();
  pool.trim();
  EXPECT_EQ(Counted::alive, 10);
  step = 2;
  while (step != 3)
    std::this_thread::yield();
  EXPECT_EQ(Counted::alive, 1) << "the one that it gave back last";
  step = 4;
  other.join();
  EXPECT_EQ(pool.stats().idle, 1U);
  expect_balanced(pool.stats());
}

// After a burst the pool goes back to what the load needs, without being told.
TEST_F(Pools, ForgetABurstWithTheirTicks) {
  Pool<Counted> pool({.thread_cache = 4});
  const auto load = [&](std::size_t at_once) {
    std::vector<Lease<Counted>> leases;
    for (std::size_t i = 0; i < at_once; ++i)
      leases.push_back(pool.lease());
  };
  load(1000);
  EXPECT_EQ(pool.stats().idle, 1000U);
  pool.tick();
  for (int i = 0; i < 3; ++i) {
    load(10);
    pool.tick();
  }
  EXPECT_LE(pool.stats().idle, 14U);
  EXPECT_GE(pool.stats().idle, 10U);
  const std::uint64_t misses = pool.stats().misses;
  load(10);
  EXPECT_EQ(pool.stats().misses, misses) << "what the load needs stays";
}

TEST_F(Pools, MeasureOutstandingAcrossThreads) {
  Pool<Counted> pool({.max_idle = 100});
  constexpr int k_threads = 4;
  constexpr int k_rounds = 3000;
  std::vector<std::thread> threads;
  std::vector<std::vector<Lease<Counted>>> handed(k_threads);
  for (int t = 0; t < k_threads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t));
      std::vector<Lease<Counted>> leases;
      for (int i = 0; i < k_rounds; ++i) {
        if (random() % 2 == 0) {
          leases.push_back(pool.lease());
          EXPECT_EQ(leases.back()->number, 0);
          leases.back()->number = i + 1;
        } else if (!leases.empty()) {
          leases.pop_back();
        }
        if (i % 500 == 0) {
          pool.trim(random() % 50);
          const PoolStats seen = pool.stats();
          EXPECT_LE(seen.high_water, std::uint64_t{k_threads} * k_rounds);
        }
      }
      leases.resize(std::min<std::size_t>(leases.size(), 5));
      handed[static_cast<std::size_t>(t)] = std::move(leases);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::size_t out = 0;
  for (const auto& leases : handed)
    out += leases.size();
  EXPECT_EQ(pool.stats().outstanding, out);
  expect_balanced(pool.stats());
  handed.clear();
  expect_balanced(pool.stats());
  EXPECT_EQ(pool.stats().outstanding, 0U);
  EXPECT_EQ(static_cast<std::uint64_t>(Counted::alive), pool.stats().idle);
  EXPECT_LE(pool.stats().idle, 100U);
}

TEST_F(Pools, TakeBackOnAnotherThread) {
  Pool<Counted> pool;
  auto lease = pool.lease();
  std::thread([&] { lease.reset(); }).join();
  EXPECT_EQ(pool.stats().outstanding, 0U);
  EXPECT_EQ(pool.stats().idle, 1U);
  auto again = pool.lease();
  EXPECT_EQ(pool.stats().reuses, 1U) << "what a thread kept is others' when it ends";
}

// More pools than a thread has slots for: slower, not wrong.
TEST_F(Pools, ShareAThreadInAnyNumber) {
  std::vector<std::unique_ptr<Pool<Counted>>> pools;
  for (std::size_t i = 0; i < 3 * pool_detail::k_slots; ++i)
    pools.push_back(std::make_unique<Pool<Counted>>());
  for (int round = 0; round < 10; ++round) {
    for (auto& pool : pools) {
      auto a = pool->lease();
      auto b = pool->lease();
    }
  }
  for (auto& pool : pools) {
    const PoolStats stats = pool->stats();
    EXPECT_EQ(stats.leases, 20U);
    EXPECT_EQ(stats.misses, 2U);
    expect_balanced(stats);
  }
}

// A pool that lies where another was must not find the other's objects in a thread.
TEST_F(Pools, ComeAndGo) {
  for (int i = 0; i < 200; ++i) {
    Pool<Counted> pool({.max_idle = 8});
    auto a = pool.lease();
    auto b = pool.lease();
    b.reset();
    EXPECT_EQ(pool.stats().misses, 2U);
    auto c = pool.lease();
    EXPECT_EQ(pool.stats().reuses, 1U);
  }
}

TEST_F(Pools, MoveWithTheirLeases) {
  Pool<Counted> pool;
  auto lease = pool.lease();
  Pool<Counted> moved = std::move(pool);
  lease.reset();
  EXPECT_EQ(moved.stats().returns, 1U);
  moved = Pool<Counted>({.name = "another"});
  EXPECT_EQ(Counted::alive, 0);
  EXPECT_EQ(moved.stats().name, "another");
}

// --- leases that never come back ---------------------------------------------------------------

TEST_F(Pools, TellWhoHoldsALeaseForTooLong) {
  auto clock = std::make_shared<ManualClock>();
  Pool<Counted> pool({.track_leases = true, .clock = clock});
  auto forgotten = pool.lease();
  const unsigned line = __LINE__ - 1;
  clock->advance(1000ms);
  auto young = pool.lease();
  auto returned = pool.lease();
  returned.reset();
  clock->advance(500ms);
  const auto overdue = pool.overdue(1000ms);
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0].age, 1500ms);
  EXPECT_EQ(overdue[0].where.line(), line);
  EXPECT_NE(std::string_view(overdue[0].where.file_name()).find("pool_test.cpp"),
            std::string_view::npos);
  const auto all = pool.overdue(0ms);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].age, 1500ms);
  EXPECT_EQ(pool.stats().outstanding, 2U);
}

TEST_F(Pools, ThatEndBeforeTheirLeasesSaySo) {
  std::uint64_t told = 0;
  std::size_t leases_told = 0;
  std::string name;
  Lease<Counted> left;
  Lease<Counted> left_too;
  {
    Pool<Counted> pool({.name = "left", .track_leases = true, .on_leak = [&](const PoolLeak& leak) {
                          told = leak.outstanding;
                          leases_told = leak.leases.size();
                          name = leak.name;
                        }});
    left = pool.lease();
    left_too = pool.lease();
    pool.lease().reset();
  }
  EXPECT_EQ(told, 2U);
  EXPECT_EQ(leases_told, 2U);
  EXPECT_EQ(name, "left");
  EXPECT_EQ(Counted::alive, 2);
  left->number = 5;
  left.reset();
  EXPECT_EQ(Counted::alive, 1);
  left_too.reset();
  EXPECT_EQ(Counted::alive, 0);
}

TEST_F(Pools, SayOnStderrWhatNobodyListensTo) {
  testing::internal::CaptureStderr();
  Lease<Counted> left;
  {
    Pool<Counted> pool({.name = "buffers"});
    left = pool.lease();
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "ullage: pool 'buffers' ends while 1 of its objects are out"),
            std::string::npos);
}

// Leases left over that come back on several threads, and one that ends with the pool.
TEST_F(Pools, EndWhileOthersGoOn) {
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<Lease<Counted>>> left(3);
    std::atomic<int> ready{0};
    std::atomic<bool> is_over{false};
    std::vector<std::thread> threads;
    {
      Pool<Counted> pool({.track_leases = round % 2 == 0, .on_leak = [](const PoolLeak&) {}});
      for (auto& mine : left) {
        threads.emplace_back([&] {
          for (int i = 0; i < 5; ++i)
            mine.push_back(pool.lease());
          mine.resize(3);
          ++ready;
          while (!is_over)
            std::this_thread::yield();
          // Another pool, which has the thread look at what it keeps of this one.
          Pool<Counted>().lease().reset();
          mine.clear();
        });
      }
      while (ready != 3)
        std::this_thread::yield();
    }
    is_over = true;
    for (std::thread& thread : threads)
      thread.join();
    ASSERT_EQ(Counted::alive, 0);
  }
}

// --- care --------------------------------------------------------------------------------------

struct Session {
  int user = 0;
  std::vector<int> cart;
};
struct SessionCare {
  int* resets;
  [[nodiscard]] Session* make() const { return new Session{.user = -1, .cart = {}}; }
  void reset(Session& session) const noexcept {
    ++*resets;
    session.user = -1;
    session.cart.clear();
  }
  [[nodiscard]] std::size_t bytes(const Session& session) const noexcept {
    return sizeof(Session) + session.cart.capacity() * sizeof(int);
  }
};

TEST_F(Pools, TakeCareOfTypesAsTheyAreTold) {
  int resets = 0;
  Pool<Session, SessionCare> pool({.max_object_bytes = 1024}, SessionCare{&resets});
  {
    auto session = pool.lease();
    EXPECT_EQ(session->user, -1);
    session->user = 42;
    session->cart.resize(10);
  }
  EXPECT_EQ(resets, 1);
  auto session = pool.lease();
  EXPECT_EQ(session->user, -1);
  EXPECT_EQ(session->cart.size(), 0U);
  session->cart.resize(1000);
  session.reset();
  EXPECT_EQ(pool.stats().drops, 1U);
}

struct Throwing {
  Throwing() { throw std::runtime_error("no"); }
};

TEST_F(Pools, PassOnWhatMakingThrows) {
  Pool<Throwing> pool;
  EXPECT_THROW((void)pool.lease(), std::runtime_error);
  EXPECT_EQ(pool.stats().leases, 0U);
  EXPECT_EQ(pool.stats().outstanding, 0U);
}

struct Nested {
  Lease<Counted> inner;
  void clear() { inner.reset(); }
};

// A destructor may use the pool that destroys it, since no lock is held there.
struct Recursive {
  static inline Pool<Recursive>* pool = nullptr;
  bool is_busy = false;
  ~Recursive() {
    if (pool != nullptr && is_busy) (void)pool->stats();
  }
};

TEST_F(Pools, DestroyOutsideTheirLock) {
  Pool<Recursive> pool({.max_idle = 10});
  Recursive::pool = &pool;
  {
    std::vector<Lease<Recursive>> leases;
    for (int i = 0; i < 100; ++i) {
      leases.push_back(pool.lease());
      leases.back()->is_busy = true;
    }
  }
  EXPECT_EQ(pool.stats().drops, 90U);
  pool.trim();
  EXPECT_EQ(pool.stats().trimmed, 10U);
  Recursive::pool = nullptr;
}

TEST_F(Pools, HoldLeasesOfOthers) {
  Pool<Counted> inner;
  {
    Pool<Nested> outer;
    auto nested = outer.lease();
    nested->inner = inner.lease();
    EXPECT_EQ(inner.stats().outstanding, 1U);
    nested.reset();
    EXPECT_EQ(inner.stats().outstanding, 0U);
  }
  EXPECT_EQ(inner.stats().idle, 1U);
}

// A lease in a thread-local that is destroyed behind the thread's magazines.
TEST_F(Pools, TakeBackWhatAThreadsEndGives) {
  Pool<Counted> pool;
  std::thread([&] {
    thread_local Lease<Counted> held;  // made before the magazines, so destroyed behind them
    held.reset();
    held = pool.lease();
    pool.lease().reset();
  }).join();
  EXPECT_EQ(pool.stats().outstanding, 0U);
  expect_balanced(pool.stats());
}

}  // namespace
}  // namespace ullage
