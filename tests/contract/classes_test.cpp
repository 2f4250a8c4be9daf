// Classes: who belongs to which, what each is charged and may hold, and who gives way to whom.
#include "contract.h"

#include <algorithm>

namespace ullage::test {
namespace {

using namespace ullage::literals;

class Classes : public Contract {
 protected:
  Cache& open_small() {
    return open([](Options& chosen) {
      chosen.memory_limit = 8_MiB;
      chosen.max_entries = 0;
    });
  }
  static void define(Cache& cache, std::string_view pattern, const ClassLimits& limits) {
    const Result<void> done = cache.define_class(pattern, limits);
    ASSERT_TRUE(done) << (done ? "" : done.error().message);
  }
  static ClassInfo info(Cache& cache, std::string_view pattern) {
    const std::optional<ClassInfo> found = cache.class_info(pattern);
    EXPECT_TRUE(found) << "no class " << pattern;
    return found.value_or(ClassInfo{});
  }
  static std::uint64_t charge(std::string_view field, std::size_t value) {
    return field.size() + value + k_class_entry_bytes;
  }
  /// Groups of one field of 40 bytes each: many small ones, as users are.
  static void flood(Cache& cache, std::string_view stem, std::uint64_t from, std::uint64_t groups,
                    std::size_t value_bytes = 40) {
    const std::string value(value_bytes, 'v');
    for (std::uint64_t i = from; i < from + groups; ++i)
      put(cache, numbered(stem, i), "f", value);
  }
  static bool is_settled(Cache& cache) {
    const std::vector<ClassInfo> all = cache.classes();
    return std::all_of(all.begin(), all.end(), [](const ClassInfo& one) { return one.settled; });
  }
};
ULLAGE_EVERY_SETTING(Classes);

TEST_P(Classes, TheLongestPrefixDecides) {
  Cache& cache = open();
  EXPECT_TRUE(cache.classes().empty());
  EXPECT_EQ("", cache.class_of("a:1"));
  define(cache, "a:*", {});
  define(cache, "a:b:*", {});
  define(cache, "b*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  EXPECT_EQ("a:*", cache.class_of("a:1"));
  EXPECT_EQ("a:*", cache.class_of("a:"));
  EXPECT_EQ("a:*", cache.class_of("a:b"));
  EXPECT_EQ("a:b:*", cache.class_of("a:b:"));
  EXPECT_EQ("a:b:*", cache.class_of("a:b:and a name that is far longer than any pattern"));
  EXPECT_EQ("b*", cache.class_of("b"));
  EXPECT_EQ("", cache.class_of("a"));
  EXPECT_EQ("", cache.class_of(""));
  define(cache, "*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  EXPECT_EQ("*", cache.class_of(""));
  EXPECT_EQ("*", cache.class_of("a"));
  EXPECT_EQ("a:b:*", cache.class_of("a:b:c"));

  EXPECT_EQ("*", info(cache, "a:*").parent);
  EXPECT_EQ("a:*", info(cache, "a:b:*").parent);
  EXPECT_EQ("", info(cache, "*").parent);
}

TEST_P(Classes, AnEntryIsChargedToItsClassAndThoseAbove) {
  Cache& cache = open();
  define(cache, "a:*", {});
  define(cache, "a:b:*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  put(cache, "a:b:1", "field", std::string(100, 'v'));
  const std::uint64_t one = charge("field", 100) + 5 + k_class_group_bytes;
  EXPECT_EQ(one, info(cache, "a:b:*").bytes);
  EXPECT_EQ(one, info(cache, "a:*").bytes);
  EXPECT_EQ(0U, info(cache, "a:*").own_bytes);
  EXPECT_EQ(1U, info(cache, "a:b:*").entries);
  EXPECT_EQ(1U, info(cache, "a:b:*").groups);
  EXPECT_EQ(0U, info(cache, "a:*").entries);

  put(cache, "a:2", "field", std::string(10, 'v'));
  EXPECT_EQ(charge("field", 10) + 3 + k_class_group_bytes, info(cache, "a:*").own_bytes);
  put(cache, "elsewhere", "field", std::string(10, 'v'));
  EXPECT_EQ(one + info(cache, "a:*").own_bytes, info(cache, "a:*").bytes);

  // Another value, longer, shorter and of the same length; another field; a large value.
  put(cache, "a:b:1", "field", std::string(200, 'w'));
  EXPECT_EQ(one + 100, info(cache, "a:b:*").bytes);
  put(cache, "a:b:1", "field", std::string(50, 'w'));
  put(cache, "a:b:1", "field", std::string(50, 'x'));
  EXPECT_EQ(one - 50, info(cache, "a:b:*").bytes);
  put(cache, "a:b:1", "large", std::string(200'000, 'x'));
  EXPECT_EQ(one - 50 + charge("large", 200'000), info(cache, "a:b:*").bytes);
  EXPECT_EQ(2U, info(cache, "a:b:*").entries);

  cache.erase("a:b:1", "field");
  cache.erase_group("a:b:1");
  cache.erase("a:2", "field");
  EXPECT_EQ(0U, info(cache, "a:*").bytes);
  EXPECT_EQ(0U, info(cache, "a:b:*").entries);
  EXPECT_EQ(0U, info(cache, "a:b:*").groups);
}

TEST_P(Classes, HitsAndMissesAreCountedWhereTheyBelong) {
  Cache& cache = open();
  define(cache, "a*", {});
  define(cache, "ab*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  put(cache, "ab", "f", "v");
  put(cache, "c", "f", "v");
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(cache.get("ab", "f"));
  static_cast<void>(cache.get("c", "f"));
  static_cast<void>(cache.get("ab", "absent"));
  static_cast<void>(cache.get("abc", "group absent"));
  static_cast<void>(cache.get("a", "group absent"));
  static_cast<void>(cache.get("none", "group absent"));
  const Key keys[] = {{"ab", "f"}, {"ab", "absent"}, {"ax", "f"}, {"c", "f"}};
  std::optional<Value> values[4];
  ASSERT_TRUE(cache.get_many(keys, values));
  // Many fields: the group lies in pages of its own.
  for (std::uint64_t i = 0; i < 500; ++i)
    put(cache, "abl", numbered("f", i), "a value of some bytes");
  EXPECT_TRUE(cache.get("abl", "f7"));
  static_cast<void>(cache.get("abl", "absent"));
  EXPECT_EQ(5U, info(cache, "ab*").hits);
  EXPECT_EQ(4U, info(cache, "ab*").misses);
  EXPECT_EQ(0U, info(cache, "a*").hits);
  EXPECT_EQ(2U, info(cache, "a*").misses);
  const Stats stats = cache.stats();
  EXPECT_EQ(7U, stats.hits);
  EXPECT_EQ(7U, stats.misses);
}

TEST_P(Classes, MaxHoldsAtEveryMomentAndTheClassPays) {
  Cache& cache = open();
  constexpr std::uint64_t k_max = 100'000;
  flood(cache, "other:", 0, 1000);
  define(cache, "a:*", {.max = k_max});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  for (std::uint64_t i = 0; i < 3000; ++i) {
    put(cache, numbered("a:", i % 700), numbered("f", i), std::string(i % 90, 'v'));
    ASSERT_LE(info(cache, "a:*").bytes, k_max) << i;
  }
  const ClassInfo a = info(cache, "a:*");
  EXPECT_GE(a.bytes, k_max / 10 * 9) << "it evicts what it must, not much more";
  EXPECT_EQ(a.limited, cache.stats().removed(RemovalCause::limit));
  EXPECT_GT(a.limited, 0U);
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
  for (std::uint64_t i = 0; i < 1000; ++i)
    EXPECT_TRUE(cache.contains(numbered("other:", i), "f")) << "another class paid";
}

TEST_P(Classes, AParentsMaxBoundsItsChildrenTogether) {
  Cache& cache = open();
  define(cache, "a:*", {.max = 60'000});
  define(cache, "a:x:*", {.max = 50'000});
  define(cache, "a:y:*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  for (std::uint64_t i = 0; i < 2000; ++i) {
    flood(cache, i % 2 == 0 ? "a:x:" : "a:y:", i, 1);
    ASSERT_LE(info(cache, "a:*").bytes, 60'000U);
    ASSERT_LE(info(cache, "a:x:*").bytes, 50'000U);
  }
  EXPECT_EQ(info(cache, "a:*").bytes, info(cache, "a:x:*").bytes + info(cache, "a:y:*").bytes);
  EXPECT_GT(info(cache, "a:x:*").bytes, 10'000U);
  EXPECT_GT(info(cache, "a:y:*").bytes, 10'000U);
}

TEST_P(Classes, LimitsOfItsGroupsMayBeLoweredWhileTheyAreThere) {
  Cache& cache = open();
  define(cache, "a:*", {.max_fields = 50});
  for (std::uint64_t g = 0; g < 20; ++g) {
    for (std::uint64_t f = 0; f < 50; ++f)
      put(cache, numbered("a:", g), numbered("f", f), "value");
  }
  put(cache, "b:1", "f1", "value");
  put(cache, "b:1", "f2", "value");
  EXPECT_EQ(info(cache, "a:*").entries, 1000U);
  define(cache, "a:*", {.max_fields = 10});
  EXPECT_TRUE(eventually(cache, [&] { return info(cache, "a:*").entries <= 20 * 10; }))
      << info(cache, "a:*").entries;
  for (std::uint64_t g = 0; g < 20; ++g)
    EXPECT_EQ(cache.group_size(numbered("a:", g)), 10U);
  EXPECT_EQ(cache.group_size("b:1"), 2U);
}

TEST_P(Classes, WithinAMaxAChildBelowItsMinDoesNotPayForItsSiblings) {
  Cache& cache = open();
  define(cache, "a:*", {.max = 120'000});
  define(cache, "a:kept:*", {.min = 40'000});
  define(cache, "a:all:*", {.min = 80'000});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  flood(cache, "a:kept:", 0, 200);
  const std::uint64_t kept = info(cache, "a:kept:*").bytes;
  ASSERT_LE(kept, 40'000U);
  flood(cache, "a:noise:", 0, 4000);
  EXPECT_EQ(info(cache, "a:kept:*").bytes, kept);
  EXPECT_EQ(info(cache, "a:kept:*").limited, 0U);
  EXPECT_LE(info(cache, "a:*").bytes, 120'000U);
  // Where all that the parent may hold is promised, each pays for itself.
  flood(cache, "a:all:", 0, 4000);
  EXPECT_LE(info(cache, "a:*").bytes, 120'000U);
  EXPECT_GT(info(cache, "a:all:*").bytes, 40'000U);
}

TEST_P(Classes, ANewMaxBelowWhatIsThereBringsItDown) {
  Cache& cache = open();
  flood(cache, "a:", 0, 2000);
  flood(cache, "b:", 0, 500);
  define(cache, "a:*", {.max = 60'000});
  define(cache, "b:*", {});
  std::uint64_t most = UINT64_MAX;
  ASSERT_TRUE(eventually(cache, [&] {
    const ClassInfo now = info(cache, "a:*");
    // Once all of it was found it only becomes less.
    if (is_settled(cache)) {
      EXPECT_LE(now.bytes, most);
      most = now.bytes;
    }
    return is_settled(cache) && now.bytes <= 60'000;
  }));
  EXPECT_EQ(info(cache, "b:*").evicted, 0U);
  flood(cache, "a:", 5000, 1000);
  EXPECT_LE(info(cache, "a:*").bytes, 60'000U);
}

TEST_P(Classes, WhatWasPromisedBeforeTheLimitWasLoweredMayBeTakenBack) {
  constexpr std::size_t limit = 16_MiB;
  Cache& cache = open([](Options& chosen) { chosen.memory_limit = limit; });
  define(cache, "a:*", {.min = limit / 8 * 3});
  define(cache, "b:*", {.min = limit / 8 * 2});
  ASSERT_TRUE(succeeded(cache.set_memory_limit(k_memory_limit_min_bytes)));
  ASSERT_LT(info(cache, "a:*").min_now, limit / 8 * 3) << "all get their part of what there is";
  EXPECT_TRUE(fails_with(cache.define_class("c:*", {.min = limit / 8}), Errc::invalid_argument));
  define(cache, "c:*", {.high = limit / 8});
  define(cache, "a:*", {.min = limit / 8 * 2});
  EXPECT_TRUE(cache.remove_class("b:*").value());
}

TEST_P(Classes, AClassAtItsMaxKeepsWhatIsReadOften) {
  Cache& cache = open([](Options& chosen) { chosen.random_seed = 1; });
  define(cache, "a:*", {.max = 40'000});
  std::uint64_t hits = 0;
  std::uint64_t asked = 0;
  for (std::uint64_t i = 0; i < 8000; ++i) {
    put(cache, numbered("a:cold", i), "f", std::string(40, 'v'));
    if (i % 10 == 0) clock->advance(100ms);
    const std::string hot = numbered("a:hot", i % 50);
    ++asked;
    if (cache.get(hot, "f")) {
      ++hits;
    } else {
      put(cache, hot, "f", std::string(40, 'v'));
    }
  }
  EXPECT_GE(hits * 10, asked * 8) << hits << " of " << asked;
}

TEST_P(Classes, WhatIsMoreThanItsClassMayHoldIsRefused) {
  Cache& cache = open();
  define(cache, "a:*", {.max = 10'000});
  put(cache, "a:1", "f", std::string(5000, 'v'));
  const Facts before = Facts::of(cache);
  EXPECT_TRUE(fails_with(cache.set("a:1", "g", std::string(10'000, 'v')), Errc::value_too_long));
  EXPECT_TRUE(fails_with(cache.set("a:2", "g", std::string(9995, 'v')), Errc::value_too_long));
  EXPECT_EQ(before, Facts::of(cache));
  // What takes the place of another needs only the difference.
  put(cache, "a:1", "f", std::string(9900, 'w'));
  EXPECT_EQ(9900U, cache.value_size("a:1", "f"));
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::limit));
}

TEST_P(Classes, BelowItsMinAClassLosesNothingToOthers) {
  Cache& cache = open_small();
  constexpr std::uint64_t k_groups = 10'000;
  const std::uint64_t bytes = k_groups * (charge("f", 40) + 5 + 6 + k_class_group_bytes);
  define(cache, "kept:*", {.min = bytes});
  flood(cache, "kept:", 0, k_groups);
  ASSERT_EQ(0U, info(cache, "kept:*").evicted);
  // Many times the limit, of small and of large values.
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    put(cache, numbered("flood:", i), "f", std::string(i % 500 == 0 ? 20'000 : 150, 'v'));
    if (i % 10 == 0) clock->advance(10ms);
  }
  EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 50'000U);
  EXPECT_EQ(0U, info(cache, "kept:*").evicted);
  for (std::uint64_t i = 0; i < k_groups; ++i)
    ASSERT_TRUE(cache.contains(numbered("kept:", i), "f")) << i;
}

TEST_P(Classes, AProtectedClassOfLargeGroupsLosesNothingEither) {
  Cache& cache = open_small();
  define(cache, "kept:*", {.min = 4_MiB});
  for (std::uint64_t group = 0; group < 20; ++group) {
    for (std::uint64_t i = 0; i < 1500; ++i)
      put(cache, numbered("kept:", group), numbered("f", i), std::string(60 + i % 40, 'v'));
    put(cache, numbered("kept:", group), "large", std::string(30'000, 'v'));
  }
  ASSERT_LT(info(cache, "kept:*").bytes, 4_MiB);
  ASSERT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
  flood(cache, "flood:", 0, 60'000, 150);
  EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 30'000U);
  EXPECT_EQ(0U, info(cache, "kept:*").evicted);
  EXPECT_EQ(20U * 1501, info(cache, "kept:*").entries);
}

TEST_P(Classes, WhoIsOverItsHighPaysFirst) {
  Cache& cache = open_small();
  define(cache, "over:*", {.high = 500'000});
  flood(cache, "over:", 0, 20'000);
  flood(cache, "cold:", 0, 20'000);
  const std::uint64_t before = info(cache, "over:*").bytes;
  ASSERT_EQ(0U, cache.stats().removed(RemovalCause::evicted)) << "below the limit nobody pays";
  ASSERT_GT(before, 500'000U);
  // Newer than all of them, and yet what is over its high goes first.
  for (std::uint64_t i = 0; cache.stats().removed(RemovalCause::evicted) < 2000; ++i) {
    ASSERT_LT(i, 300'000U);
    flood(cache, "new:", i, 1);
    if (i % 100 == 0) clock->advance(10ms);
  }
  // A page's others go along where it has to become smaller.
  EXPECT_GE(info(cache, "over:*").evicted * 10, cache.stats().removed(RemovalCause::evicted) * 7);
}

TEST_P(Classes, BelowItsLowAClassPaysOnlyWhenNobodyElseCan) {
  Cache& cache = open_small();
  define(cache, "low:*", {.low = 2_MiB});
  flood(cache, "low:", 0, 15'000);
  ASSERT_LT(info(cache, "low:*").bytes, 2_MiB);
  flood(cache, "flood:", 0, 100'000, 150);
  EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 30'000U);
  EXPECT_LE(info(cache, "low:*").evicted, 15'000U / 50);
  // Alone it may be evicted: the cache works on.
  ASSERT_TRUE(cache.erase_if([](std::string_view group, std::string_view, std::string_view) {
    return group.starts_with("flood:");
  }));
  define(cache, "low:*", {.low = 7_MiB});
  flood(cache, "low:", 15'000, 60'000, 150);
  EXPECT_GT(info(cache, "low:*").evicted, 0U);
}

TEST_P(Classes, WeightsShareTheRoomWhoeverWritesMore) {
  Cache& cache = open_small();
  define(cache, "a:*", {.weight = 100});
  define(cache, "b:*", {.weight = 100});
  define(cache, "c:*", {.weight = 200});
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < 60'000; ++i, ++next) {
    flood(cache, "a:", next, 1, 100);
    flood(cache, "b:", 5 * next, 5, 100);
    flood(cache, "c:", 3 * next, 3, 100);
    if (i % 100 == 0) clock->advance(10ms);
  }
  const auto a = static_cast<double>(info(cache, "a:*").bytes);
  const auto b = static_cast<double>(info(cache, "b:*").bytes);
  const auto c = static_cast<double>(info(cache, "c:*").bytes);
  EXPECT_NEAR(1, a / b, 0.05) << a << " " << b;
  EXPECT_NEAR(2, c / b, 0.1) << c << " " << b;
}

TEST_P(Classes, ItsGroupsHaveItsLimits) {
  Cache& cache = open();
  define(cache, "a:*", {.max_fields = 10, .idle_ttl = 10s, .ttl = 60s});
  define(cache, "a:b:*", {.max_fields = 3, .max_bytes = 1000});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  for (std::uint64_t i = 0; i < 50; ++i) {
    put(cache, "a:1", numbered("f", i), "v");
    put(cache, "a:b:1", numbered("f", i), "v");
    put(cache, "other", numbered("f", i), "v");
  }
  EXPECT_EQ(10U, cache.group_size("a:1"));
  EXPECT_EQ(3U, cache.group_size("a:b:1"));
  EXPECT_EQ(50U, cache.group_size("other"));
  EXPECT_EQ((GroupLimits{10, 0, 10s}), cache.group_limits("a:1"));
  EXPECT_EQ((GroupLimits{3, 1000, 10s}), cache.group_limits("a:b:1")) << "what it leaves open its "
                                                                         "parent says";
  EXPECT_TRUE(fails_with(cache.set("a:b:1", "f", std::string(1500, 'v')), Errc::value_too_long));
  // A group's own limits come first.
  ASSERT_TRUE(cache.set_group_limits("a:1", {.max_fields = 20}).value());
  for (std::uint64_t i = 0; i < 50; ++i)
    put(cache, "a:1", numbered("f", i), "v");
  EXPECT_EQ(20U, cache.group_size("a:1"));

  // Time to live of what is written without one.
  put(cache, "a:ttl", "f", "v");
  put(cache, "a:ttl", "own", "v", {.ttl = 5s});
  EXPECT_EQ(Millis(60s), cache.ttl("a:ttl", "f")->remaining);
  EXPECT_EQ(Millis(5s), cache.ttl("a:ttl", "own")->remaining);
  put(cache, "other", "f", "v");
  EXPECT_EQ(std::nullopt, cache.ttl("other", "f")->remaining);

  // Idle groups go; those that are read stay.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(cache.get("a:ttl", "f")) << i;
    pass_time(cache, 1s);
  }
  EXPECT_FALSE(cache.contains_group("a:b:1"));
  EXPECT_TRUE(cache.contains_group("a:ttl"));
  EXPECT_TRUE(cache.contains_group("other"));
  EXPECT_TRUE(eventually(cache, [&] { return info(cache, "a:b:*").expired > 0; }));
}

TEST_P(Classes, IdleTimesCountFromWhenTheyAreSwitchedOn) {
  Cache& cache = open();
  flood(cache, "a:", 0, 100);
  pass_time(cache, 60s, 1s);
  define(cache, "a:*", {.idle_ttl = 10s});
  settle(cache);
  EXPECT_EQ(100U, cache.size()) << "nobody noted uses before";
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(cache.get("a:0", "f"));
    pass_time(cache, 1s);
  }
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 1; }));
  EXPECT_TRUE(cache.contains("a:0", "f"));
}

TEST_P(Classes, TheyComeAndGoWhileGroupsAreThere) {
  Cache& cache = open();
  flood(cache, "a:", 0, 3000);
  flood(cache, "a:b:", 0, 2000);
  for (std::uint64_t i = 0; i < 2000; ++i)
    put(cache, "a:large", numbered("f", i), "a value of some bytes");
  define(cache, "a:*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  const std::uint64_t all = info(cache, "a:*").bytes;
  EXPECT_EQ(all, info(cache, "a:*").own_bytes);
  EXPECT_EQ(5001U, info(cache, "a:*").groups);
  EXPECT_EQ(7000U, info(cache, "a:*").entries);

  define(cache, "a:b:*", {});
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  EXPECT_EQ(all, info(cache, "a:*").bytes);
  EXPECT_EQ(2000U, info(cache, "a:b:*").groups);
  EXPECT_EQ(all - info(cache, "a:b:*").bytes, info(cache, "a:*").own_bytes);

  // One between the two, one above them, and the first away: in one step.
  const ClassDefinition set[] = {{"a*", {}}, {"a:b*", {}}, {"a:b:*", {}}};
  ASSERT_TRUE(cache.define_classes(set));
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  EXPECT_EQ(3U, cache.classes().size());
  EXPECT_EQ(all, info(cache, "a*").bytes);
  EXPECT_EQ(info(cache, "a:b:*").bytes, info(cache, "a:b*").bytes);
  EXPECT_EQ(3001U, info(cache, "a*").groups);

  EXPECT_TRUE(cache.remove_class("a:b:*").value());
  EXPECT_FALSE(cache.remove_class("a:b:*").value());
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  EXPECT_EQ(2000U, info(cache, "a:b*").groups);
  ASSERT_TRUE(cache.define_classes({}));
  settle(cache);
  EXPECT_TRUE(cache.classes().empty());
  EXPECT_EQ(7000U, cache.size());
  EXPECT_EQ("", cache.class_of("a:b:1"));
}

TEST_P(Classes, ARenamedGroupGoesToTheClassOfItsNewName) {
  Cache& cache = open();
  define(cache, "a:*", {.max = 100'000});
  define(cache, "b:*", {.max = 3000});
  put(cache, "a:1", "f", std::string(100, 'v'));
  ASSERT_TRUE(cache.rename_group("a:1", "b:one"));
  EXPECT_EQ(0U, info(cache, "a:*").bytes);
  EXPECT_EQ(charge("f", 100) + 5 + k_class_group_bytes, info(cache, "b:*").bytes);
  ASSERT_TRUE(cache.rename_group("b:one", "none"));
  EXPECT_EQ(0U, info(cache, "b:*").bytes);
  EXPECT_EQ(0U, info(cache, "b:*").groups);
  // One that its new class cannot hold stays what it was.
  for (std::uint64_t i = 0; i < 100; ++i)
    put(cache, "a:2", numbered("f", i), std::string(100, 'v'));
  EXPECT_TRUE(fails_with(cache.rename_group("a:2", "b:2"), Errc::no_room));
  EXPECT_EQ(100U, cache.group_size("a:2"));
  EXPECT_EQ(0U, info(cache, "b:*").bytes);
}

TEST_P(Classes, AMaxBelowWhatIsThereBringsTheClassDown) {
  Cache& cache = open();
  define(cache, "a:*", {});
  flood(cache, "a:", 0, 5000);
  flood(cache, "other:", 0, 1000);
  const std::uint64_t before = info(cache, "a:*").bytes;
  const std::uint64_t max = before / 4;
  define(cache, "a:*", {.max = max});
  for (std::uint64_t i = 0; i < 100; ++i) {
    flood(cache, "a:", 5000 + i, 1);
    ASSERT_LE(info(cache, "a:*").bytes, before) << "until it is down it does not grow";
  }
  ASSERT_TRUE(eventually(cache, [&] { return info(cache, "a:*").bytes <= max; }));
  EXPECT_GE(info(cache, "a:*").bytes, max / 10 * 7);
  ASSERT_TRUE(eventually(cache, [&] { return info(cache, "a:*").max_now == max; }));
  EXPECT_EQ(1000U, cache.size() - info(cache, "a:*").entries);
  define(cache, "a:*", {.max = before});
  flood(cache, "a:", 6000, 1000);
  EXPECT_GT(info(cache, "a:*").bytes, max);
}

TEST_P(Classes, WhatDoesNotGoTogetherIsRefusedWhole) {
  Cache& cache = open_small();
  define(cache, "a:*", {.min = 1_MiB, .max = 2_MiB});
  const auto refused = [&](std::string_view pattern, const ClassLimits& limits,
                           std::initializer_list<std::int64_t> numbers) {
    const Result<void> done = cache.define_class(pattern, limits);
    EXPECT_TRUE(fails_with(done, Errc::invalid_argument)) << pattern;
    if (done) return;
    for (const std::int64_t number : numbers)
      EXPECT_TRUE(mentions(done.error().message, number)) << done.error().message;
  };
  refused("", {}, {});
  refused("a", {}, {});
  refused("a*b*", {}, {});
  refused(std::string(k_class_pattern_max_bytes, 'x') + "*", {}, {k_class_pattern_max_bytes});
  refused("b:*", {.min = 2_MiB, .max = 1_MiB}, {2_MiB, 1_MiB});
  refused("b:*", {.low = 3000, .high = 2000}, {3000, 2000});
  refused("b:*", {.high = 3000, .max = 2000}, {3000, 2000});
  refused("b:*", {.max = 1000, .max_bytes = 2000}, {1000, 2000});
  refused("b:*", {.weight = k_class_weight_max + 1}, {k_class_weight_max});
  refused("a:1:*", {.min = 2_MiB + 1}, {2_MiB + 1, 2_MiB});
  refused("b:*", {.min = 5_MiB + 1}, {6_MiB + 1, 6_MiB});
  EXPECT_TRUE(fails_with(cache.define_class("b:*", {.ttl = Millis(-1)}), Errc::ttl_out_of_range));
  EXPECT_TRUE(fails_with(cache.define_class("b:*", {.idle_ttl = Millis(k_ttl_max_ms + 1)}),
                         Errc::ttl_out_of_range));
  const ClassDefinition twice[] = {{"b:*", {}}, {"c:*", {}}, {"b:*", {}}};
  EXPECT_TRUE(fails_with(cache.define_classes(twice), Errc::invalid_argument));
  std::vector<ClassDefinition> nested;
  for (std::size_t depth = 0; depth <= k_class_depth_max; ++depth)
    nested.push_back({std::string(depth, 'x') + "*", {}});
  EXPECT_TRUE(fails_with(cache.define_classes(nested), Errc::invalid_argument));
  std::vector<ClassDefinition> many;
  for (std::uint64_t i = 0; i <= k_classes_max; ++i)
    many.push_back({numbered("c", 10'000 + i) + "*", {}});
  EXPECT_TRUE(fails_with(cache.define_classes(many), Errc::invalid_argument));

  ASSERT_EQ(1U, cache.classes().size());
  EXPECT_EQ((ClassLimits{.min = 1_MiB, .max = 2_MiB}), cache.classes()[0].limits);
}

TEST_P(Classes, ASmallerCacheSharesOutWhatItCanProtect) {
  if (GetParam().memory_limit == 8_MiB) return;
  Cache& cache = open();
  define(cache, "a:*", {.min = 30_MiB});
  define(cache, "b:*", {.min = 10_MiB});
  EXPECT_EQ(30_MiB, info(cache, "a:*").min_now);
  ASSERT_TRUE(cache.set_memory_limit(16_MiB));
  EXPECT_NEAR(9.0, static_cast<double>(info(cache, "a:*").min_now) / k_mib, 0.01);
  EXPECT_NEAR(3.0, static_cast<double>(info(cache, "b:*").min_now) / k_mib, 0.01);
  ASSERT_TRUE(cache.set_memory_limit(64_MiB));
  EXPECT_EQ(30_MiB, info(cache, "a:*").min_now);
}

TEST_P(Classes, AThousandAreFound) {
  Cache& cache = open([](Options& chosen) {
    chosen.memory_limit = std::max<std::size_t>(chosen.memory_limit, 16_MiB);
    chosen.max_classes = 1000;
  });
  std::vector<ClassDefinition> set;
  for (std::uint64_t i = 0; i < 1000; ++i)
    set.push_back({"tenant" + std::to_string(i) + ":*", {.max = 10'000 + i}});
  ASSERT_TRUE(cache.define_classes(set));
  ASSERT_TRUE(eventually(cache, [&] { return is_settled(cache); }));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::string prefix = "tenant" + std::to_string(i) + ":";
    ASSERT_EQ(prefix + "*", cache.class_of(prefix + "user"));
    put(cache, prefix + "user", "f", "v");
  }
  for (const ClassInfo& one : cache.classes())
    ASSERT_EQ(1U, one.groups) << one.pattern;
  EXPECT_TRUE(fails_with(cache.define_class("one more*", {}), Errc::invalid_argument));
}

}  // namespace
}  // namespace ullage::test
