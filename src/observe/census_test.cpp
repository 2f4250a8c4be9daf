#include <ullage/observe/census.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

using namespace ullage::literals;

Cache cache_of(std::size_t limit, std::shared_ptr<const Clock> clock = nullptr) {
  Options options;
  options.memory_limit = limit;
  options.maintenance = Maintenance::manual;
  options.clock = std::move(clock);
  return Cache::open(std::move(options)).value();
}

TEST(Census, AddsUpToWhatIsCharged) {
  Cache cache = cache_of(32_MiB);
  for (int g = 0; g < 2000; ++g) {
    for (int f = 0; f < 5; ++f)
      ASSERT_TRUE(cache.set("user:" + std::to_string(g), "f" + std::to_string(f), "value"));
  }
  Census census(cache);
  EXPECT_EQ(census.last().walks, 0U);
  int steps = 1;
  while (!census.step(1))
    ++steps;
  EXPECT_GT(steps, 2);
  const CensusResult& seen = census.last();
  EXPECT_EQ(seen.walks, 1U);
  EXPECT_EQ(seen.bytes, cache.stats().charged_bytes);
  EXPECT_EQ(seen.roles.sum(), seen.bytes);
  EXPECT_EQ(seen.entries, 10'000U);
  EXPECT_EQ(seen.roles.value, 10'000U * 5);
  EXPECT_EQ(seen.roles.field, 10'000U * 2);
}

TEST(Census, ClassesAddUpToo) {
  Cache cache = cache_of(32_MiB);
  ASSERT_TRUE(cache.define_class("a:*", {}));
  ASSERT_TRUE(cache.define_class("a:b:*", {}));
  for (int g = 0; g < 3000; ++g) {
    const std::string_view stem = g % 3 == 0 ? "a:b:" : g % 3 == 1 ? "a:" : "c:";
    ASSERT_TRUE(cache.set(std::string(stem) + std::to_string(g), "f", std::string(100, 'v')));
  }
  Census census(cache);
  while (!census.step(2)) {
  }
  const auto& classes = census.last().classes;
  ASSERT_EQ(classes.size(), 3U);
  EXPECT_GT(classes.at("a:*").bytes, 100'000U);
  EXPECT_GT(classes.at("a:b:*").bytes, 100'000U);
  EXPECT_LT(classes.at("a:b:*").bytes, 150'000U);
  EXPECT_EQ(classes.at("").bytes + classes.at("a:*").bytes + classes.at("a:b:*").bytes,
            census.last().bytes);
}

TEST(Census, NamesTheLargestGroups) {
  Cache cache = cache_of(64_MiB);
  for (int f = 0; f < 20'000; ++f) {
    ASSERT_TRUE(cache.set("large", std::to_string(f), "0123456789012345678901234567890123456789"));
    const bool is_set = f % 4 != 0 || cache.set("middle", std::to_string(f), "0123456789");
    ASSERT_TRUE(is_set);
    ASSERT_TRUE(cache.set("small:" + std::to_string(f), "f", "v"));
  }
  ASSERT_TRUE(cache.set("wide", "blob", std::string(400'000, 'x')));
  CensusOptions options;
  options.group_name = [](std::string_view name) { return name.substr(0, 6); };
  Census census(cache, options);
  for (std::uint64_t walk = 1; walk <= 3; ++walk) {
    while (!census.step(3)) {
    }
    const CensusResult& seen = census.last();
    EXPECT_EQ(seen.walks, walk);
    ASSERT_GE(seen.groups.size(), 3U);
    // All small ones together are called "small:".
    std::map<std::string, CensusResult::Group> by_name;
    for (const auto& group : seen.groups)
      by_name[group.name] = group;
    const std::uint64_t truth = cache.group_info("large").value().resident_bytes;
    EXPECT_LE(by_name["large"].bytes, truth + truth / 50) << "with its share of what is shared";
    EXPECT_GE(by_name["large"].bytes, truth / 10 * 9);
    EXPECT_GE(by_name["large"].fields, 18'000U);
    EXPECT_GE(by_name["wide"].bytes, 400'000U);
    EXPECT_GT(by_name["middle"].bytes, 50'000U);
    EXPECT_GE(seen.groups[0].bytes, seen.groups[1].bytes);
  }
}

TEST(Census, AddsUpWhatNamesBeginWith) {
  EXPECT_EQ(prefix_of("user:42:theme"), "user:");
  EXPECT_EQ(prefix_of("a/b"), "a/");
  EXPECT_EQ(prefix_of("session42"), "session<n>");
  EXPECT_EQ(prefix_of(""), "");
  Cache cache = cache_of(32_MiB);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(cache.set("user:" + std::to_string(i), "f", std::string(100, 'v')));
    if (i % 3 == 0) {
      ASSERT_TRUE(cache.set("session" + std::to_string(i), "f", std::string(100, 'v')));
    }
  }
  Census census(cache);
  while (!census.step(1)) {
  }
  const auto& prefixes = census.last().prefixes;
  ASSERT_EQ(prefixes.size(), 2U);
  EXPECT_EQ(prefixes[0].name, "user:");
  EXPECT_EQ(prefixes[0].fields, 3000U);
  EXPECT_GT(prefixes[0].bytes, 3000U * 100);
  EXPECT_EQ(prefixes[1].name, "session<n>");
  EXPECT_EQ(prefixes[1].fields, 1000U);
}

TEST(Census, TellsHowLongEntriesOfAClassWereNotUsed) {
  const auto time = std::make_shared<ManualClock>(1'700'000'000'000);
  Cache cache = cache_of(32_MiB, time);
  ASSERT_TRUE(cache.define_class("old:*", {}));
  ASSERT_TRUE(cache.define_class("new:*", {}));
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(cache.set("old:" + std::to_string(i), "f", "value"));
  // The clock of uses counts insertions.
  for (int i = 0; i < 50'000; ++i) {
    if (i % 50 == 0) {
      time->advance(Millis(1000));
      cache.tick();
    }
    ASSERT_TRUE(cache.set("else:" + std::to_string(i), "f", "value"));
  }
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(cache.set("new:" + std::to_string(i), "f", "value"));
  cache.tick();
  Census census(cache);
  while (!census.step(2)) {
  }
  const auto& classes = census.last().classes;
  EXPECT_EQ(classes.at("old:*").entries, 1000U);
  EXPECT_EQ(classes.at("").entries, 50'000U);
  EXPECT_GT(classes.at("old:*").mean_idle_ms(), 600'000);
  EXPECT_LT(classes.at("new:*").mean_idle_ms(), 100'000);
  EXPECT_GT(classes.at("").mean_idle_ms(), classes.at("new:*").mean_idle_ms());
}

TEST(Census, TellsWhatNothingEndsAndNobodyReads) {
  Cache cache = cache_of(32_MiB);
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_TRUE(cache.set("kept:" + number, "f", "value"));
    SetOptions how;
    if (i % 3 != 0) how.ttl = Millis(60'000);
    ASSERT_TRUE(cache.set("ends:" + number, "f", "value", how));
    ASSERT_TRUE(cache.set("group", number, "value"));
  }
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(cache.get("kept:" + std::to_string(i), "f"));
  Census census(cache);
  while (!census.step(1)) {
  }
  std::map<std::string, CensusResult::Group> by_name;
  for (const auto& prefix : census.last().prefixes)
    by_name[prefix.name] = prefix;
  EXPECT_EQ(by_name["kept:"].endless_fields, 3000U);
  EXPECT_EQ(by_name["ends:"].endless_fields, 1000U);
  EXPECT_EQ(by_name["ends:"].unread_fields, 3000U);
  EXPECT_LE(by_name["kept:"].unread_fields, 2100U) << "some were read at once: that is not kept";
  EXPECT_GE(by_name["kept:"].unread_fields, 2000U);
  ASSERT_FALSE(census.last().groups.empty());
  EXPECT_EQ(census.last().groups[0].name, "group");
  EXPECT_EQ(census.last().groups[0].endless_fields, census.last().groups[0].fields);
}

TEST(Census, TellsWhatValuesOfEachSizeTake) {
  Cache cache = cache_of(64_MiB);
  for (int i = 0; i < 2000; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_TRUE(cache.set("a:" + number, "f", std::string(2500, 'v')));
    ASSERT_TRUE(cache.set("b:" + number, "f", std::string(100, 'v')));
    ASSERT_TRUE(cache.set("c:" + number, "f", std::string(40'000 / 16, 'v') + number.substr(0, 1)));
  }
  ASSERT_TRUE(cache.set("large", "f", std::string(1'000'000, 'v')));
  Census census(cache);
  while (!census.step(1)) {
  }
  const auto& sizes = census.last().sizes;
  ASSERT_EQ(sizes.size(), 3U);
  EXPECT_EQ(sizes[0].value_bytes, 96U);
  EXPECT_EQ(sizes[0].entries, 2000U);
  EXPECT_GT(sizes[0].bytes, 2000U * 100);
  EXPECT_LT(sizes[0].bytes, 2000U * 130);
  EXPECT_EQ(sizes[1].value_bytes, 2048U);
  EXPECT_EQ(sizes[1].entries, 4000U);
  EXPECT_GT(sizes[1].slack, sizes[1].bytes / 20) << "a page is made for 2.7 KB";
  EXPECT_LT(sizes[1].slack, sizes[1].bytes / 10);
  EXPECT_EQ(sizes[2].value_bytes, 917'504U);
  EXPECT_EQ(sizes[2].entries, 1U);
  EXPECT_GT(sizes[2].bytes, 1'000'000U);
  std::uint64_t sum = 0;
  for (const auto& size : sizes)
    sum += size.bytes;
  EXPECT_LT(sum, census.last().bytes);
}

TEST(Census, ValuesOfAnySizeFillTheirPages) {
  // What the doctor takes for much is more than most sizes of values leave empty (diagnoses.cpp).
  double worst = 0;
  double sum = 0;
  int sizes = 0;
  for (std::size_t value = 64; value <= 64_KiB; value += value / 8, ++sizes) {
    Cache cache = cache_of(16_MiB);
    for (std::size_t i = 0; i < 4_MiB / value; ++i)
      ASSERT_TRUE(cache.set("group:" + std::to_string(i), "field", std::string(value, 'v')));
    Census census(cache);
    while (!census.step(1)) {
    }
    const auto& seen = census.last().sizes;
    ASSERT_EQ(seen.size(), 1U) << value;
    const double share = static_cast<double>(seen[0].slack) / static_cast<double>(seen[0].bytes);
    worst = std::max(worst, share);
    sum += share;
  }
  EXPECT_GT(sizes, 50);
  // Between those of two and of four KiB; from eight on next to nothing.
  EXPECT_LT(worst, 0.20);
  EXPECT_LT(sum / sizes, 0.04);
  RecordProperty("worst_percent", std::to_string(worst * 100));
  RecordProperty("mean_percent", std::to_string(sum / sizes * 100));
}

TEST(Census, HoldsLittle) {
  EXPECT_LE(Census::held_bytes({}), 512U * 1024);
}

}  // namespace
}  // namespace ullage::observe
