// Calls about whole groups: iterating, scanning, dropping, renaming.
#include "contract.h"

namespace ullage::test {
namespace {

class Group : public Contract {
 protected:
  /// Fills a group with fields f0 ... and values that name their field.
  static void fill(Cache& cache, std::string_view group, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      const std::string field = numbered("f", i);
      put(cache, group, field, "v" + field);
    }
  }
};
ULLAGE_EVERY_SETTING(Group);

TEST_P(Group, ForEachVisitsEveryEntryOnce) {
  Cache& cache = open();
  for (const std::uint64_t count : {1U, 10U, 100U, 5000U}) {
    const std::string group = numbered("g", count);
    fill(cache, group, 0, count);
    const std::map<std::string, std::string> seen = entries_of(cache, group);
    ASSERT_EQ(count, seen.size());
    for (const auto& [field, value] : seen)
      ASSERT_EQ("v" + field, value);
    EXPECT_EQ(count, cache.group_size(group));
  }
  EXPECT_EQ(0U, entries_of(cache, "none").size());
}

TEST_P(Group, ForEachSeesLargeValues) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 10; ++i)
    put(cache, "g", numbered("f", i), sealed(i, 16 + i * 20'000));
  for (const auto& [field, value] : entries_of(cache, "g"))
    EXPECT_TRUE(unseal(value).has_value()) << field;
}

TEST_P(Group, ForEachSkipsExpiredEntries) {
  Cache& cache = open();
  fill(cache, "g", 0, 10);
  for (std::uint64_t i = 0; i < 100; ++i)
    put(cache, "g", numbered("t", i), "x", {.ttl = 5ms});
  clock->advance(5ms);
  EXPECT_EQ(10U, entries_of(cache, "g").size());
}

TEST_P(Group, ForEachSurvivesAVisitorThatErases) {
  Cache& cache = open();
  fill(cache, "g", 0, 3000);
  std::uint64_t seen = 0;
  const Result<std::uint64_t> visited =
      cache.for_each("g", [&](std::string_view field, std::string_view) {
        ++seen;
        cache.erase("g", field);
      });
  EXPECT_EQ(seen, visited.value());
  EXPECT_EQ(3000U, seen);
  EXPECT_FALSE(cache.contains_group("g"));
}

TEST_P(Group, ForEachGroupVisitsEveryGroupWithItsSize) {
  Cache& cache = open();
  std::map<std::string, std::uint64_t> expected;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string group = numbered("g", i);
    fill(cache, group, 0, 1 + i % 4);
    expected[group] = 1 + i % 4;
  }
  std::map<std::string, std::uint64_t> seen;
  EXPECT_EQ(2000U, cache
                       .for_each_group([&](std::string_view group, std::uint64_t fields) {
                         EXPECT_TRUE(seen.emplace(group, fields).second) << "seen twice: " << group;
                       })
                       .value());
  EXPECT_EQ(expected, seen);
}

TEST_P(Group, ScanSeesAllInStepsOfAboutCount) {
  Cache& cache = open();
  fill(cache, "g", 0, 10'000);
  std::set<std::string> seen;
  Cursor cursor = 0;
  std::size_t steps = 0;
  do {
    std::size_t in_step = 0;
    cursor = cache
                 .scan("g", cursor, 50,
                       [&](std::string_view field, std::string_view value) {
                         EXPECT_EQ("v" + std::string(field), value);
                         seen.emplace(field);
                         ++in_step;
                       })
                 .value();
    EXPECT_LE(in_step, 2000U) << "a step must stay a small part of the group";
    ASSERT_LT(++steps, 20'000U) << "the scan does not end";
  } while (cursor != 0);
  EXPECT_EQ(10'000U, seen.size());
}

TEST_P(Group, ScanOfNothingIsDoneAtOnce) {
  Cache& cache = open();
  EXPECT_EQ(
      0U,
      cache.scan("none", 0, 10, [](std::string_view, std::string_view) { ADD_FAILURE(); }).value());
  EXPECT_EQ(
      0U, cache.scan_groups(0, 10, [](std::string_view, std::uint64_t) { ADD_FAILURE(); }).value());
}

TEST_P(Group, AnyNumberIsACursorThatDoesNoHarm) {
  Cache& cache = open();
  fill(cache, "g", 0, 3000);
  fill(cache, "small", 0, 3);
  Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    const Cursor cursor = i < 64 ? Cursor{1} << i : rng.next();
    for (const char* group : {"g", "small", "none"}) {
      static_cast<void>(
          cache.scan(group, cursor, 10, [](std::string_view field, std::string_view value) {
            EXPECT_EQ("v" + std::string(field), value);
          }));
    }
    static_cast<void>(cache.scan_groups(cursor, 10, [](std::string_view, std::uint64_t) {}));
  }
  EXPECT_EQ(3003U, cache.size());
}

/// Scans `group` to its end with `between` after each step, and answers the fields seen.
template <class Between>
std::set<std::string> scan_with(Cache& cache, std::string& group, std::size_t count,
                                Between between) {
  std::set<std::string> seen;
  Cursor cursor = 0;
  std::size_t step = 0;
  do {
    cursor = cache
                 .scan(group, cursor, count,
                       [&](std::string_view field, std::string_view) { seen.emplace(field); })
                 .value();
    between(step++);
  } while (cursor != 0 && step < 100'000);
  EXPECT_EQ(0U, cursor) << "the scan does not end";
  return seen;
}

TEST_P(Group, ScanMissesNothingWhileTheGroupGrowsFrom10To50000) {
  Cache& cache = open();
  std::string group = "g";
  fill(cache, group, 0, 10);
  std::uint64_t grown = 10;
  const std::set<std::string> seen = scan_with(cache, group, 1, [&](std::size_t) {
    if (grown >= 50'000) return;
    const std::uint64_t more = std::max<std::uint64_t>(10'000, grown / 2);
    fill(cache, group, grown, std::min<std::uint64_t>(50'000, grown + more));
    grown = std::min<std::uint64_t>(50'000, grown + more);
  });
  for (std::uint64_t i = 0; i < 10; ++i)
    EXPECT_TRUE(seen.contains(numbered("f", i))) << i;
}

TEST_P(Group, ScanMissesNothingWhileALargeGroupGrows) {
  Cache& cache = open();
  std::string group = "g";
  fill(cache, group, 0, 2000);
  std::uint64_t grown = 2000;
  const std::set<std::string> seen = scan_with(cache, group, 20, [&](std::size_t) {
    if (grown >= 50'000) return;
    fill(cache, group, grown, grown + 500);
    grown += 500;
  });
  for (std::uint64_t i = 0; i < 2000; ++i)
    EXPECT_TRUE(seen.contains(numbered("f", i))) << i;
}

TEST_P(Group, ScanMissesNothingWhileTheGroupShrinks) {
  Cache& cache = open();
  std::string group = "g";
  fill(cache, group, 0, 20'000);
  std::uint64_t erased = 100;
  const std::set<std::string> seen = scan_with(cache, group, 50, [&](std::size_t) {
    for (int i = 0; i < 200 && erased < 20'000; ++i)
      cache.erase(group, numbered("f", erased++));
    settle(cache);
  });
  for (std::uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(seen.contains(numbered("f", i))) << i;
}

TEST_P(Group, ScanMissesNothingWhileValuesChangeSize) {
  Cache& cache = open();
  std::string group = "g";
  fill(cache, group, 0, 3000);
  Rng rng(5);
  const std::set<std::string> seen = scan_with(cache, group, 30, [&](std::size_t) {
    for (int i = 0; i < 50; ++i) {
      put(cache, group, numbered("f", rng.below(3000)), std::string(rng.below(700), 'x'));
    }
  });
  EXPECT_EQ(3000U, seen.size());
}

TEST_P(Group, ScanGoesOnAfterARename) {
  Cache& cache = open();
  std::string group = "name0";
  fill(cache, group, 0, 5000);
  const std::set<std::string> seen = scan_with(cache, group, 100, [&](std::size_t step) {
    const std::string next = numbered("name", step + 1);
    ASSERT_TRUE(succeeded(cache.rename_group(group, next)));
    group = next;
  });
  EXPECT_EQ(5000U, seen.size());
  EXPECT_EQ(5000U, cache.group_size(group));
}

TEST_P(Group, ScanGroupsMissesNothingWhileGroupsComeAndGo) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 3000; ++i)
    put(cache, numbered("stay", i), "f", "v");
  std::set<std::string> seen;
  Cursor cursor = 0;
  std::uint64_t step = 0;
  do {
    cursor = cache
                 .scan_groups(cursor, 20,
                              [&](std::string_view group, std::uint64_t) { seen.emplace(group); })
                 .value();
    if (step < 300) {
      for (std::uint64_t i = 0; i < 40; ++i)
        put(cache, numbered("new", step * 40 + i), "f", "v");
      if (step >= 10) {
        for (std::uint64_t i = 0; i < 40; ++i)
          cache.erase_group(numbered("new", (step - 10) * 40 + i));
      }
    }
    ASSERT_LT(++step, 50'000U) << "the scan does not end";
  } while (cursor != 0);
  for (std::uint64_t i = 0; i < 3000; ++i)
    EXPECT_TRUE(seen.contains(numbered("stay", i))) << i;
}

TEST_P(Group, ForEachSeesAllThatStaysWhileItsVisitorWrites) {
  Cache& cache = open();
  fill(cache, "g", 0, 1000);
  std::set<std::string> seen;
  std::uint64_t next = 1000;
  ASSERT_TRUE(succeeded(cache.for_each("g", [&](std::string_view field, std::string_view) {
    seen.emplace(field);
    if (next < 20'000) {
      fill(cache, "g", next, next + 10);
      next += 10;
    }
  })));
  for (std::uint64_t i = 0; i < 1000; ++i)
    EXPECT_TRUE(seen.contains(numbered("f", i))) << i;
}

TEST_P(Group, EraseIfInOneGroup) {
  Cache& cache = open();
  fill(cache, "g", 0, 3000);
  fill(cache, "other", 0, 100);
  const Result<std::uint64_t> erased =
      cache.erase_if("g", [](std::string_view field, std::string_view value) {
        return value == "v" + std::string(field) && field.back() == '7';
      });
  EXPECT_EQ(300U, erased.value());
  EXPECT_EQ(2700U, cache.group_size("g"));
  EXPECT_FALSE(cache.contains("g", "f17"));
  EXPECT_TRUE(cache.contains("g", "f18"));
  EXPECT_EQ(100U, cache.group_size("other"));
  EXPECT_EQ(2700U,
            cache.erase_if("g", [](std::string_view, std::string_view) { return true; }).value());
  EXPECT_FALSE(cache.contains_group("g"));
  EXPECT_EQ(0U,
            cache.erase_if("g", [](std::string_view, std::string_view) { return true; }).value());
}

TEST_P(Group, EraseIfEverywhere) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 500; ++i)
    fill(cache, numbered("g", i), 0, 4);
  EXPECT_EQ(500U + 3U,
            cache
                .erase_if([](std::string_view group, std::string_view field, std::string_view) {
                  return field == "f0" || group == "g3";
                })
                .value());
  EXPECT_EQ(2000U - 503U, cache.size());
  EXPECT_FALSE(cache.contains_group("g3"));
}

TEST_P(Group, EraseIfSparesAnEntryThatChangedMeanwhile) {
  Cache& cache = open();
  fill(cache, "g", 0, 100);
  EXPECT_EQ(99U, cache
                     .erase_if("g",
                               [&](std::string_view field, std::string_view) {
                                 if (field == "f50") put(cache, "g", "f50", "saved");
                                 return true;
                               })
                     .value());
  EXPECT_EQ("saved", fetch(cache, "g", "f50"));
  EXPECT_EQ(1U, cache.group_size("g"));
}

TEST_P(Group, EraseGroupIsCompleteAtOnce) {
  Cache& cache = open();
  for (const std::uint64_t count : {1U, 30U, 20'000U}) {
    fill(cache, "g", 0, count);
    put(cache, "other", "f", "v");
    EXPECT_TRUE(cache.erase_group("g"));
    EXPECT_FALSE(cache.erase_group("g"));
    EXPECT_FALSE(cache.contains_group("g"));
    EXPECT_EQ(0U, cache.group_size("g"));
    for (std::uint64_t i = 0; i < count; ++i)
      ASSERT_FALSE(cache.contains("g", numbered("f", i)));
    EXPECT_EQ(0U, entries_of(cache, "g").size());
    EXPECT_EQ("v", fetch(cache, "other", "f"));
    // A group of the same name is a new one while the old one's pages are still owed.
    put(cache, "g", "f0", "new");
    EXPECT_EQ(1U, cache.group_size("g"));
    EXPECT_EQ("new", fetch(cache, "g", "f0"));
    EXPECT_FALSE(cache.contains("g", "f1"));
    settle(cache);
    EXPECT_EQ("new", fetch(cache, "g", "f0"));
    EXPECT_TRUE(cache.erase_group("g"));
  }
}

TEST_P(Group, BytesOfADroppedGroupComeBack) {
  Cache& cache = open();
  settle(cache);
  const Stats before = cache.stats();
  fill(cache, "g", 0, 50'000);
  const Stats full = cache.stats();
  ASSERT_GT(full.live_page_bytes, before.live_page_bytes + 500'000);
  EXPECT_TRUE(cache.erase_group("g"));
  pass_time(cache, 1000ms);
  EXPECT_TRUE(eventually(cache,
                         [&] {
                           const Stats now = cache.stats();
                           return now.live_page_bytes <= before.live_page_bytes + 64_KiB &&
                                  now.charged_bytes <= before.charged_bytes + 1_MiB;
                         }))
      << "live pages before " << before.live_page_bytes << ", full " << full.live_page_bytes
      << ", now " << cache.stats().live_page_bytes << "; charged before " << before.charged_bytes
      << ", full " << full.charged_bytes << ", now " << cache.stats().charged_bytes;
}

TEST_P(Group, RenameMovesEverythingInOneStep) {
  Cache& cache = open();
  for (const std::uint64_t count : {1U, 20U, 10'000U}) {
    fill(cache, "from", 0, count);
    ASSERT_TRUE(succeeded(cache.rename_group("from", "to a longer name")));
    EXPECT_FALSE(cache.contains_group("from"));
    EXPECT_EQ(count, cache.group_size("to a longer name"));
    for (const auto& [field, value] : entries_of(cache, "to a longer name"))
      ASSERT_EQ("v" + field, value);
    EXPECT_EQ(std::nullopt, fetch(cache, "from", "f0"));
    EXPECT_EQ("vf0", fetch(cache, "to a longer name", "f0"));
    put(cache, "to a longer name", "more", "v");
    EXPECT_EQ(count + 1, cache.group_size("to a longer name"));
    EXPECT_TRUE(cache.erase_group("to a longer name"));
  }
}

TEST_P(Group, RenameToLongAndEmptyNames) {
  Cache& cache = open();
  const std::string longest(k_name_max_bytes, 'n');
  put(cache, "a", "f", "v");
  ASSERT_TRUE(succeeded(cache.rename_group("a", longest)));
  EXPECT_EQ("v", fetch(cache, longest, "f"));
  ASSERT_TRUE(succeeded(cache.rename_group(longest, "")));
  EXPECT_EQ("v", fetch(cache, "", "f"));
  EXPECT_EQ(1U, cache.group_count());
}

TEST_P(Group, RenameNeedsItsSourceAndSparesItsTarget) {
  Cache& cache = open();
  fill(cache, "a", 0, 5);
  fill(cache, "b", 0, 3000);
  EXPECT_TRUE(fails_with(cache.rename_group("none", "x"), Errc::not_found));
  EXPECT_TRUE(fails_with(cache.rename_group("a", "b"), Errc::exists));
  EXPECT_EQ(5U, cache.group_size("a"));
  EXPECT_EQ(3000U, cache.group_size("b"));
  ASSERT_TRUE(succeeded(cache.rename_group("a", "b", true)));
  EXPECT_FALSE(cache.contains_group("a"));
  EXPECT_EQ(5U, cache.group_size("b"));
  EXPECT_FALSE(cache.contains("b", "f100"));
  EXPECT_EQ(5U, cache.size());
}

TEST_P(Group, RenameKeepsTimesToLiveAndLimits) {
  Cache& cache = open();
  fill(cache, "a", 0, 5);
  put(cache, "a", "t", "v", {.ttl = 100ms});
  ASSERT_TRUE(cache.expire_group("a", 200ms).value());
  ASSERT_TRUE(cache.set_group_limits("a", {.max_fields = 77}).value());
  ASSERT_TRUE(succeeded(cache.rename_group("a", "b")));
  EXPECT_EQ(100ms, cache.ttl("b", "t")->remaining);
  EXPECT_EQ(200ms, cache.group_ttl("b")->remaining);
  EXPECT_EQ(77U, cache.group_limits("b")->max_fields);
  clock->advance(100ms);
  EXPECT_FALSE(cache.contains("b", "t"));
  EXPECT_EQ(5U, cache.group_size("b"));
  clock->advance(100ms);
  EXPECT_FALSE(cache.contains("b", "f1"));
  EXPECT_EQ(0U, cache.group_size("b"));
}

TEST_P(Group, LongNamesAndMiddlingValuesGoTogether) {
  Cache& cache = open();
  for (const std::size_t name : {300UL, 700UL, 1000UL, 1024UL}) {
    const std::string group(name, 'g');
    for (const std::size_t size : {100UL, 400UL, 700UL, 1100UL, 2000UL, 3000UL, 4000UL}) {
      for (const std::size_t field : {4UL, 300UL, 1000UL}) {
        const std::string long_field =
            std::string(field - 4, 'f') + std::to_string(1000 + size % 1000);
        const std::string value = sealed(size, size);
        put(cache, group, long_field, value);
        ASSERT_EQ(value, fetch(cache, group, long_field)) << name << ", " << field << ", " << size;
      }
    }
    EXPECT_TRUE(cache.erase_group(group));
  }
}

TEST_P(Group, ClearRemovesEverything) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 2000; ++i)
    put(cache, numbered("g", i), "f", "v");
  fill(cache, "large", 0, 20'000);
  put(cache, "large", "huge", sealed(1, 500'000));
  cache.clear();
  EXPECT_EQ(0U, cache.size());
  EXPECT_EQ(0U, cache.group_count());
  EXPECT_FALSE(cache.contains("g7", "f"));
  EXPECT_FALSE(cache.contains("large", "f7"));
  EXPECT_EQ(0U, cache.for_each_group([](std::string_view, std::uint64_t) {}).value());
  put(cache, "g7", "f", "new");
  settle(cache);
  EXPECT_EQ("new", fetch(cache, "g7", "f"));
  EXPECT_EQ(1U, cache.size());
}

TEST_P(Group, GroupsGrowAndShrinkBothWaysRepeatedly) {
  Cache& cache = open();
  Rng rng(17);
  std::map<std::string, std::map<std::string, std::string>> model;
  for (int round = 0; round < 6; ++round) {
    const bool growing = round % 2 == 0;
    for (int step = 0; step < 6000; ++step) {
      const std::string group = numbered("g", rng.below(3));
      const std::string field = numbered("f", rng.below(4000));
      if (rng.below(10) < (growing ? 9U : 1U)) {
        const std::string value = numbered("v", rng.next());
        put(cache, group, field, value);
        model[group][field] = value;
      } else {
        EXPECT_EQ(model[group].erase(field) == 1, cache.erase(group, field));
      }
    }
    settle(cache);
    for (const auto& [group, entries] : model) {
      ASSERT_EQ(entries.size(), cache.group_size(group));
      ASSERT_EQ(entries, entries_of(cache, group));
    }
  }
}

TEST_P(Group, InfoCountsFieldsAndBytes) {
  Cache& cache = open();
  EXPECT_FALSE(cache.group_info("none").has_value());
  put(cache, "small", "field", "value");
  const auto small = cache.group_info("small");
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(1U, small->fields);
  EXPECT_EQ(10U, small->payload_bytes);
  EXPECT_GE(small->resident_bytes, small->payload_bytes);
  std::uint64_t payload = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::string field = numbered("f", i);
    const std::string value = sealed(i, 20 + i % 50);
    put(cache, "large", field, value);
    payload += field.size() + value.size();
  }
  put(cache, "large", "pieces", sealed(1, 50'000));
  payload += 6 + 50'000;
  const auto large = cache.group_info("large");
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(3001U, large->fields);
  EXPECT_EQ(payload, large->payload_bytes);
  EXPECT_GE(large->resident_bytes, payload);
  EXPECT_LE(large->resident_bytes, payload * 3 / 2);
}

}  // namespace
}  // namespace ullage::test
