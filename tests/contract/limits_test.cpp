// Limits of groups, of entries and of memory: they hold, they change at run time, and whoever is at
// its own limit pays with its own entries.
#include "contract.h"

namespace ullage::test {
namespace {

class Limits : public Contract {
 protected:
  static void fill(Cache& cache, std::string_view group, std::uint64_t fields,
                   std::size_t value_bytes = 10) {
    for (std::uint64_t i = 0; i < fields; ++i)
      put(cache, group, numbered("f", i), std::string(value_bytes, 'v'));
  }
  static std::uint64_t bytes_of(Cache& cache, std::string_view group) {
    std::uint64_t bytes = 0;
    for (const auto& [field, value] : entries_of(cache, group))
      bytes += field.size() + value.size();
    return bytes;
  }
};
ULLAGE_EVERY_SETTING(Limits);

TEST_P(Limits, WithoutAnyNothingIsLost) {
  Cache& cache = open();
  fill(cache, "g", 20'000);
  settle(cache);
  EXPECT_EQ(20'000U, cache.group_size("g"));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::limit));
  EXPECT_EQ(GroupLimits{}, cache.group_limits("g"));
}

TEST_P(Limits, MaxFieldsHoldsAtEveryMoment) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_fields = 100; });
  fill(cache, "bystander", 100);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    put(cache, "g", numbered("f", i), "v");
    ASSERT_LE(cache.group_size("g"), 100U) << i;
  }
  EXPECT_GE(cache.group_size("g"), 75U) << "it evicts what it must, not much more";
  EXPECT_EQ(100U, cache.group_size("bystander")) << "another group paid";
  EXPECT_EQ(cache.stats().inserts - cache.size(), cache.stats().removed(RemovalCause::limit));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
}

TEST_P(Limits, MaxFieldsOfOneTakesTurns) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_fields = 1; });
  for (std::uint64_t i = 0; i < 200; ++i) {
    put(cache, "g", numbered("f", i), "v");
    ASSERT_LE(cache.group_size("g"), 1U);
  }
  put(cache, "g", "f0", "w");
  put(cache, "g", "f0", "x");
  EXPECT_LE(cache.group_size("g"), 1U);
}

TEST_P(Limits, AGroupAtItsLimitKeepsWhatIsReadOften) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_fields = 200; });
  for (std::uint64_t i = 0; i < 20; ++i)
    put(cache, "g", numbered("hot", i), "v");
  std::uint64_t hits = 0;
  std::uint64_t asked = 0;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    put(cache, "g", numbered("cold", i), "v");
    if (i % 10 == 0) clock->advance(100ms);
    const std::string hot = numbered("hot", i % 20);
    ++asked;
    if (cache.get("g", hot)) {
      ++hits;
    } else {
      put(cache, "g", hot, "v");
    }
  }
  EXPECT_GE(hits * 10, asked * 8) << hits << " of " << asked
                                  << ": it must evict its coldest fields";
}

TEST_P(Limits, MaxBytesHoldsAtEveryMoment) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_bytes = 20'000; });
  fill(cache, "bystander", 500, 30);
  Rng rng(7);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    put(cache, "g", numbered("f", i), std::string(rng.below(900), 'v'));
    if (i % 20 == 0) {
      ASSERT_LE(bytes_of(cache, "g"), 20'000U) << i;
    }
  }
  EXPECT_LE(bytes_of(cache, "g"), 20'000U);
  EXPECT_GE(bytes_of(cache, "g"), 12'000U) << "it evicts what it must, not much more";
  EXPECT_EQ(500U, cache.group_size("bystander"));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
  EXPECT_GT(cache.stats().removed(RemovalCause::limit), 0U);
}

TEST_P(Limits, MaxBytesCountsAValueThatGrows) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_bytes = 20'000; });
  fill(cache, "g", 100, 100);
  for (std::size_t size = 100; size < 15'000; size += 500) {
    put(cache, "g", "grows", std::string(size, 'v'));
    ASSERT_LE(bytes_of(cache, "g"), 20'000U);
  }
}

TEST_P(Limits, AValueLargerThanItsGroupMayHurtsNobodyElse) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_bytes = 20'000; });
  fill(cache, "bystander", 100);
  fill(cache, "g", 10);
  static_cast<void>(cache.set("g", "huge", std::string(30'000, 'v')));
  EXPECT_LE(bytes_of(cache, "g"), 20'000U);
  EXPECT_EQ(100U, cache.group_size("bystander"));
}

TEST_P(Limits, ThePresetForConfiguration) {
  static_assert(GroupLimits::config_cache().max_fields == 1000);
  static_assert(GroupLimits::config_cache().max_bytes == 0);
  static_assert(GroupLimits::config_cache().idle_ttl == 30min);
  Cache& cache = open([](Options& chosen) { chosen.group = GroupLimits::config_cache(); });
  fill(cache, "g", 3000);
  EXPECT_LE(cache.group_size("g"), 1000U);
  EXPECT_GE(cache.group_size("g"), 750U);
  EXPECT_EQ(GroupLimits::config_cache(), cache.group_limits("g"));
  put(cache, "small", "f", "v");
  clock->advance(29min);
  settle(cache);
  EXPECT_TRUE(cache.get("small", "f").has_value());
  clock->advance(33min);
  EXPECT_FALSE(cache.contains_group("g"));
  EXPECT_FALSE(cache.contains_group("small"));
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 0; }));
}

TEST_P(Limits, AGroupMayHaveItsOwn) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_fields = 50; });
  EXPECT_FALSE(cache.set_group_limits("g", {.max_fields = 10}).value()) << "there is no such group";
  EXPECT_FALSE(cache.group_limits("g").has_value());
  put(cache, "g", "f", "v");
  put(cache, "free", "f", "v");
  EXPECT_TRUE(cache.set_group_limits("g", {.max_fields = 10}).value());
  EXPECT_TRUE(cache.set_group_limits("free", {}).value());
  EXPECT_EQ(10U, cache.group_limits("g")->max_fields);
  EXPECT_EQ(0U, cache.group_limits("free")->max_fields);
  fill(cache, "g", 200);
  fill(cache, "free", 200);
  fill(cache, "default", 200);
  EXPECT_LE(cache.group_size("g"), 10U);
  EXPECT_EQ(201U, cache.group_size("free"));
  EXPECT_LE(cache.group_size("default"), 50U);
  EXPECT_GE(cache.group_size("default"), 37U);
}

TEST_P(Limits, OwnLimitsGoWithTheirGroup) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  ASSERT_TRUE(
      cache.set_group_limits("g", {.max_fields = 3, .max_bytes = 1000, .idle_ttl = 1h}).value());
  EXPECT_EQ((GroupLimits{3, 1000, 1h}), cache.group_limits("g"));
  EXPECT_TRUE(cache.erase_group("g"));
  fill(cache, "g", 50);
  EXPECT_EQ(GroupLimits{}, cache.group_limits("g"));
  EXPECT_EQ(50U, cache.group_size("g"));
}

TEST_P(Limits, LoweredAtRunTime) {
  Cache& cache = open();
  fill(cache, "g", 5000);
  fill(cache, "h", 5000, 50);
  fill(cache, "bystander", 5000);
  ASSERT_TRUE(cache.set_group_limits("g", {.max_fields = 100}).value());
  ASSERT_TRUE(cache.set_group_limits("h", {.max_bytes = 30'000}).value());
  put(cache, "g", "one more", "v");
  put(cache, "h", "one more", "v");
  EXPECT_TRUE(eventually(
      cache, [&] { return cache.group_size("g") <= 100 && bytes_of(cache, "h") <= 30'000; }))
      << cache.group_size("g") << " fields, " << bytes_of(cache, "h") << " bytes";
  EXPECT_GE(cache.group_size("g"), 50U);
  EXPECT_GE(bytes_of(cache, "h"), 15'000U);
  EXPECT_EQ(5000U, cache.group_size("bystander"));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
}

TEST_P(Limits, RaisedAtRunTime) {
  Cache& cache = open([](Options& chosen) { chosen.group.max_fields = 10; });
  fill(cache, "g", 100);
  EXPECT_LE(cache.group_size("g"), 10U);
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({.max_fields = 500})));
  fill(cache, "g", 400);
  EXPECT_EQ(400U, cache.group_size("g"));
}

TEST_P(Limits, DefaultsChangedAtRunTimeHoldForGroupsThatExist) {
  Cache& cache = open();
  fill(cache, "g", 1000);
  ASSERT_TRUE(succeeded(cache.set_default_group_limits({.max_fields = 100, .idle_ttl = 10s})));
  put(cache, "g", "one more", "v");
  EXPECT_TRUE(eventually(cache, [&] { return cache.group_size("g") <= 100; }))
      << cache.group_size("g");
  clock->advance(11s);
  EXPECT_FALSE(cache.contains_group("g"));
}

TEST_P(Limits, IdleTimeSetOnOneGroup) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  put(cache, "other", "f", "v");
  ASSERT_TRUE(cache.set_group_limits("g", {.idle_ttl = 1600ms}).value());
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(cache.get("g", "f").has_value());
    clock->advance(1599ms);
    settle(cache);
  }
  EXPECT_TRUE(cache.get("g", "f").has_value());
  clock->advance(1702ms);
  EXPECT_FALSE(cache.get("g", "f").has_value());
  EXPECT_TRUE(cache.get("other", "f").has_value());
}

TEST_P(Limits, MaxEntriesHoldsAtEveryMoment) {
  Cache& cache = open([](Options& chosen) { chosen.max_entries = 1000; });
  for (std::uint64_t i = 0; i < 5000; ++i) {
    put(cache, numbered("g", i % 97), numbered("f", i), "v");
    ASSERT_LE(cache.size(), 1000U) << i;
  }
  EXPECT_GE(cache.size(), 900U) << "it evicts what it must, not much more";
  EXPECT_EQ(5000U - cache.size(), cache.stats().removed(RemovalCause::evicted));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::limit));
}

// Few pages in use among many free ones: what is to be evicted must be found all the same.
TEST_P(Limits, MaxEntriesHoldWithAHandfulOfPages) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Cache& cache = open([&](Options& chosen) {
      chosen.max_entries = 20;
      chosen.random_seed = seed;
    });
    for (std::uint64_t i = 0; i < 300; ++i) {
      put(cache, numbered("g", i % 7), numbered("f", i), std::string(i * 37 % 700, 'v'));
      ASSERT_LE(cache.size(), 20U) << "seed " << seed << ", write " << i;
    }
  }
}

TEST_P(Limits, MaxEntriesChangedAtRunTime) {
  Cache& cache = open([](Options& chosen) { chosen.max_entries = 0; });
  fill(cache, "g", 5000);
  cache.set_max_entries(1000);
  put(cache, "g", "one more", "v");
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() <= 1000; })) << cache.size();
  EXPECT_GE(cache.size(), 800U);
  cache.set_max_entries(0);
  fill(cache, "h", 5000);
  EXPECT_EQ(5000U, cache.group_size("h"));
}

TEST_P(Limits, ReplacingAtMaxEntriesEvictsNothing) {
  Cache& cache = open([](Options& chosen) { chosen.max_entries = 500; });
  fill(cache, "g", 500);
  ASSERT_EQ(500U, cache.size());
  fill(cache, "g", 500, 20);
  fill(cache, "g", 500, 5);
  EXPECT_EQ(500U, cache.size());
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
}

TEST_P(Limits, AFullCacheStaysUnderItsLimitAndTakesEveryWrite) {
  Cache& cache = open([](Options& chosen) { chosen.memory_limit = 8_MiB; });
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    put(cache, numbered("g", i % 5000), numbered("f", i), std::string(300, 'v'));
    if (i % 100 == 0) {
      ASSERT_LE(cache.stats().charged_bytes, 8_MiB);
    }
  }
  EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 0U);
  EXPECT_GT(cache.size(), 15'000U);
}

TEST_P(Limits, TheMemoryLimitMovesBothWays) {
  Cache& cache = open([](Options& chosen) {
    chosen.memory_limit = 16_MiB;
    chosen.max_memory_limit = 32_MiB;
    chosen.max_entries = 0;
  });
  const auto offer = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i)
      put(cache, numbered("g", i % 300), numbered("f", i), std::string(1000, 'v'));
  };
  offer(0, 30'000);
  const std::uint64_t at_16 = cache.size();
  EXPECT_LE(cache.stats().charged_bytes, 16_MiB);
  ASSERT_TRUE(succeeded(cache.set_memory_limit(32_MiB)));
  EXPECT_EQ(32_MiB, cache.stats().memory_limit);
  EXPECT_EQ(at_16, cache.size());
  offer(30'000, 70'000);
  const std::uint64_t at_32 = cache.size();
  EXPECT_GT(at_32, at_16 * 3 / 2);
  EXPECT_LE(cache.stats().charged_bytes, 32_MiB);
  ASSERT_TRUE(succeeded(cache.set_memory_limit(8_MiB)));
  EXPECT_EQ(8_MiB, cache.stats().memory_limit);
  EXPECT_LE(cache.stats().charged_bytes, 8_MiB) << "downwards it evicts in the call";
  EXPECT_GT(cache.size(), 4000U) << "and no more than it must";
  offer(70'000, 80'000);
  EXPECT_LE(cache.stats().charged_bytes, 8_MiB);
  ASSERT_TRUE(succeeded(cache.set_memory_limit(16_MiB)));
  offer(80'000, 110'000);
  EXPECT_GT(cache.size(), at_16 * 9 / 10);
}

TEST_P(Limits, LoweringTheMemoryLimitOfACacheThatFitsLosesNothing) {
  Cache& cache = open([](Options& chosen) {
    chosen.memory_limit = 32_MiB;
    chosen.max_memory_limit = 64_MiB;
  });
  fill(cache, "g", 20'000, 30);
  ASSERT_TRUE(succeeded(cache.set_memory_limit(8_MiB)));
  EXPECT_EQ(20'000U, cache.size());
  ASSERT_TRUE(succeeded(cache.set_memory_limit(64_MiB)));
  EXPECT_EQ(20'000U, cache.group_size("g"));
  EXPECT_EQ(20'000U, entries_of(cache, "g").size());
}

TEST_P(Limits, ReserveLosesNothing) {
  Cache& cache = open();
  fill(cache, "g", 100);
  EXPECT_TRUE(succeeded(cache.reserve(4_MiB)));
  EXPECT_EQ(100U, cache.group_size("g"));
  fill(cache, "g", 1000);
  EXPECT_EQ(1000U, cache.group_size("g"));
  EXPECT_LE(cache.stats().charged_bytes, cache.stats().memory_limit);
}

}  // namespace
}  // namespace ullage::test
