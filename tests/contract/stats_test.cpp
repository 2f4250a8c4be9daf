// Statistics add up, and the validator agrees after each kind of life a cache may have.
#include "contract.h"

namespace ullage::test {
namespace {

class Statistics : public Contract {};
ULLAGE_EVERY_SETTING(Statistics);

TEST_P(Statistics, AnEmptyCacheChargesItsTablesOnly) {
  Cache& cache = open();
  const Stats stats = cache.stats();
  EXPECT_EQ(GetParam().memory_limit, stats.memory_limit);
  EXPECT_EQ(0U, stats.entries);
  EXPECT_EQ(0U, stats.payload_bytes);
  EXPECT_EQ(0.0, stats.hit_ratio());
  EXPECT_LE(stats.charged_bytes, stats.memory_limit / 20)
      << "the fixed tables are about a hundredth";
}

TEST_P(Statistics, HitsAndMisses) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  for (int i = 0; i < 30; ++i)
    EXPECT_TRUE(cache.get("g", "f").has_value());
  for (int i = 0; i < 7; ++i)
    EXPECT_FALSE(cache.get("g", "none").has_value());
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(cache.get("none", "f").has_value());
  const Stats stats = cache.stats();
  EXPECT_EQ(30U, stats.hits);
  EXPECT_EQ(10U, stats.misses);
  EXPECT_DOUBLE_EQ(0.75, stats.hit_ratio());
  const Key keys[] = {{"g", "f"}, {"g", "none"}, {"g", "f"}};
  std::optional<Value> out[3];
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  EXPECT_EQ(32U, cache.stats().hits);
  EXPECT_EQ(11U, cache.stats().misses);
}

TEST_P(Statistics, AnExpiredEntryIsAMiss) {
  Cache& cache = open();
  put(cache, "g", "f", "v", {.ttl = 5ms});
  clock->advance(5ms);
  EXPECT_FALSE(cache.get("g", "f").has_value());
  EXPECT_EQ(0U, cache.stats().hits);
  EXPECT_EQ(1U, cache.stats().misses);
}

TEST_P(Statistics, WhatWasEvictedUnreadIsCounted) {
  Cache& cache = open();
  const std::string value(1000, 'v');
  const int count = static_cast<int>(GetParam().memory_limit / 500);  // twice what it holds
  for (int i = 0; i < count; ++i)
    put(cache, "g" + std::to_string(i), "f", value);
  const Stats unread = cache.stats();
  EXPECT_GT(unread.removed(RemovalCause::evicted), 1000U);
  EXPECT_EQ(unread.evicted_unread, unread.removed(RemovalCause::evicted));
  // Read at once, and never again: they were read.
  cache.clear();
  cache.tick(1'000'000);
  const Stats before = cache.stats();
  for (int i = 0; i < count; ++i) {
    put(cache, "h" + std::to_string(i), "f", value);
    static_cast<void>(cache.get("h" + std::to_string(i), "f"));
  }
  const Stats read = cache.stats();
  EXPECT_GT(read.removed(RemovalCause::evicted) - before.removed(RemovalCause::evicted), 1000U);
  // What is evicted by its own write was never there to be read.
  EXPECT_LE(read.evicted_unread - before.evicted_unread, read.misses - before.misses);
}

TEST_P(Statistics, InsertsCountNewEntriesOnly) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  put(cache, "g", "f", "w");
  put(cache, "g", "f", "x", {.condition = Condition::if_absent});
  EXPECT_EQ(1, cache.increment("g", "n").value());
  EXPECT_EQ(2, cache.increment("g", "n").value());
  EXPECT_EQ(2U, cache.stats().inserts);
  EXPECT_EQ(2U, cache.stats().entries);
  EXPECT_EQ(2U, cache.stats().removed(RemovalCause::replaced));
}

TEST_P(Statistics, PayloadIsTheBytesOfNamesAndValues) {
  Cache& cache = open();
  std::uint64_t payload = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::string field = numbered("f", i);
    put(cache, numbered("g", i % 10), field, std::string(i, 'v'));
    payload += field.size() + i;
  }
  EXPECT_EQ(payload, cache.stats().payload_bytes);
  put(cache, "g0", "f0", std::string(77, 'v'));
  payload += 77;
  EXPECT_EQ(payload, cache.stats().payload_bytes);
  EXPECT_TRUE(cache.erase("g1", "f1"));
  payload -= 2 + 1;
  EXPECT_EQ(payload, cache.stats().payload_bytes);
  const Validation found = cache.validate();
  EXPECT_LE(found.roles.field + found.roles.value, payload) << "names may be shared, never doubled";
}

TEST_P(Statistics, TheBooksBalanceAfterEachStepOfALife) {
  Cache& cache = open();
  Rng rng(29);
  const auto balanced = [&](const char* when) {
    std::string why;
    EXPECT_TRUE(eventually(cache, [&] { return (why = imbalance(cache)).empty(); }))
        << when << ": " << why;
  };
  balanced("empty");
  for (int i = 0; i < 5000; ++i) {
    put(cache, numbered("g", rng.below(500)), numbered("f", rng.below(50)),
        std::string(rng.below(300), 'v'));
  }
  balanced("filled");
  for (int i = 0; i < 5000; ++i) {
    put(cache, numbered("g", rng.below(500)), numbered("f", rng.below(50)),
        std::string(rng.below(900), 'v'));
  }
  balanced("values have grown");
  for (int i = 0; i < 5000; ++i) {
    put(cache, numbered("g", rng.below(500)), numbered("f", rng.below(50)),
        std::string(rng.below(20), 'v'));
  }
  balanced("values have shrunk");
  for (std::uint64_t i = 0; i < 30'000; ++i)
    put(cache, "giant", numbered("f", i), "v");
  balanced("one giant group");
  for (std::uint64_t i = 0; i < 4; ++i)
    put(cache, "large", numbered("f", i), sealed(i, 300'000));
  balanced("large values");
  for (std::uint64_t i = 0; i < 500; ++i) {
    if (i % 3 == 0) static_cast<void>(cache.expire_group(numbered("g", i), 50ms));
    if (i % 3 == 1) static_cast<void>(cache.erase_group(numbered("g", i)));
    if (i % 3 == 2) static_cast<void>(cache.rename_group(numbered("g", i), numbered("renamed", i)));
  }
  balanced("dropped and renamed");
  pass_time(cache, 2000ms);
  balanced("expired");
  for (std::uint64_t i = 0; i < 30'000; i += 2)
    cache.erase("giant", numbered("f", i));
  balanced("half of the giant erased");
  for (std::uint64_t i = 0; i < 60'000; ++i)
    put(cache, numbered("h", i % 900), numbered("f", i), std::string(120, 'v'));
  balanced("under pressure");
  cache.clear();
  balanced("cleared");
}

TEST_P(Statistics, SingleCallsDoBoundedWork) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 50'000; ++i)
    put(cache, "giant", numbered("f", i), "v");
  const WorkMax while_growing = cache.stats().work_max;
  EXPECT_LT(while_growing.entries_moved, 5000U) << "no call may move a whole group";
  EXPECT_TRUE(cache.erase_group("giant"));
  settle(cache);
  EXPECT_LT(cache.stats().work_max.pages_freed, 200U) << "no call may free a whole group";
}

TEST_P(Statistics, TickSaysWhenNothingIsLeft) {
  Cache& cache = open([](Options& chosen) { chosen.maintenance = Maintenance::manual; });
  settle(cache);
  EXPECT_LT(cache.tick(100), 100U);
  EXPECT_EQ(0U, cache.tick(0));
  for (std::uint64_t i = 0; i < 20'000; ++i)
    put(cache, "g", numbered("f", i), "v");
  EXPECT_TRUE(cache.erase_group("g"));
  EXPECT_LE(cache.tick(3), 3U);
  settle(cache);
  EXPECT_LT(cache.tick(100), 100U);
}

}  // namespace
}  // namespace ullage::test
