// Calls about one entry: what they answer and what they leave behind.
#include "contract.h"

namespace ullage::test {
namespace {

class SingleEntry : public Contract {};
ULLAGE_EVERY_SETTING(SingleEntry);

TEST_P(SingleEntry, AnEmptyCacheHasNothing) {
  Cache& cache = open();
  EXPECT_EQ(std::nullopt, fetch(cache, "g", "f"));
  EXPECT_FALSE(cache.contains("g", "f"));
  EXPECT_EQ(std::nullopt, cache.value_size("g", "f"));
  EXPECT_FALSE(cache.erase("g", "f"));
  EXPECT_EQ(0U, cache.size());
  EXPECT_EQ(0U, cache.group_count());
  EXPECT_EQ(0U, cache.group_size("g"));
  EXPECT_FALSE(cache.contains_group("g"));
}

TEST_P(SingleEntry, SetThenEveryWayOfReading) {
  Cache& cache = open();
  EXPECT_EQ(SetOutcome::inserted, put(cache, "user:42", "theme", "dark"));
  EXPECT_EQ("dark", fetch(cache, "user:42", "theme"));
  EXPECT_TRUE(cache.contains("user:42", "theme"));
  EXPECT_EQ(4U, cache.value_size("user:42", "theme"));
  char buffer[8] = {};
  EXPECT_EQ(4U, cache.get_into("user:42", "theme", buffer));
  EXPECT_EQ("dark", std::string_view(buffer, 4));
  std::string seen;
  EXPECT_TRUE(
      cache.visit("user:42", "theme", [&](std::string_view value) { seen = value; }).value());
  EXPECT_EQ("dark", seen);
  EXPECT_EQ(1U, cache.size());
  EXPECT_EQ(1U, cache.group_count());
  EXPECT_EQ(1U, cache.group_size("user:42"));
  EXPECT_TRUE(cache.contains_group("user:42"));
}

TEST_P(SingleEntry, ASecondSetReplaces) {
  Cache& cache = open();
  put(cache, "g", "f", "first");
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f", "second and longer"));
  EXPECT_EQ("second and longer", fetch(cache, "g", "f"));
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f", ""));
  EXPECT_EQ("", fetch(cache, "g", "f"));
  EXPECT_EQ(1U, cache.size());
}

TEST_P(SingleEntry, NamesDoNotRunIntoEachOther) {
  Cache& cache = open();
  put(cache, "ab", "c", "1");
  put(cache, "a", "bc", "2");
  put(cache, "abc", "", "3");
  put(cache, "", "abc", "4");
  EXPECT_EQ("1", fetch(cache, "ab", "c"));
  EXPECT_EQ("2", fetch(cache, "a", "bc"));
  EXPECT_EQ("3", fetch(cache, "abc", ""));
  EXPECT_EQ("4", fetch(cache, "", "abc"));
  EXPECT_EQ(4U, cache.group_count());
}

TEST_P(SingleEntry, EmptyNamesAndValuesAreOrdinary) {
  Cache& cache = open();
  EXPECT_EQ(SetOutcome::inserted, put(cache, "", "", ""));
  EXPECT_EQ("", fetch(cache, "", ""));
  EXPECT_EQ(0U, cache.value_size("", ""));
  EXPECT_EQ(0U, cache.get_into("", "", {}));
  EXPECT_TRUE(cache.contains_group(""));
  EXPECT_EQ(1U, cache.group_size(""));
  EXPECT_TRUE(cache.erase("", ""));
  EXPECT_FALSE(cache.contains("", ""));
  EXPECT_FALSE(cache.contains_group(""));
}

TEST_P(SingleEntry, EveryByteIsAllowedInNamesAndValues) {
  Cache& cache = open();
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    put(cache, "g" + one, one, one + one);
    put(cache, one, "f", one);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    EXPECT_EQ(one + one, fetch(cache, "g" + one, one)) << byte;
    EXPECT_EQ(one, fetch(cache, one, "f")) << byte;
  }
  EXPECT_EQ(512U, cache.size());
}

TEST_P(SingleEntry, NulBytesDoNotEndANameOrAValue) {
  Cache& cache = open();
  const std::string a("x\0a", 3);
  const std::string b("x\0b", 3);
  put(cache, a, a, b);
  put(cache, a, b, a);
  put(cache, b, a, std::string(5, '\0'));
  EXPECT_EQ(b, fetch(cache, a, a));
  EXPECT_EQ(a, fetch(cache, a, b));
  EXPECT_EQ(std::string(5, '\0'), fetch(cache, b, a));
  EXPECT_EQ(std::nullopt, fetch(cache, "x", a));
}

TEST_P(SingleEntry, TheLongestNamesWork) {
  Cache& cache = open();
  const std::string group(k_name_max_bytes, 'g');
  for (int i = 0; i < 50; ++i) {
    std::string field(k_name_max_bytes, 'f');
    field.back() = static_cast<char>(i);
    put(cache, group, field, numbered("v", static_cast<std::uint64_t>(i)));
  }
  for (int i = 0; i < 50; ++i) {
    std::string field(k_name_max_bytes, 'f');
    field.back() = static_cast<char>(i);
    EXPECT_EQ(numbered("v", static_cast<std::uint64_t>(i)), fetch(cache, group, field));
  }
  EXPECT_EQ(50U, cache.group_size(group));
  EXPECT_EQ(std::nullopt, fetch(cache, group.substr(1), std::string(k_name_max_bytes, 'f')));
}

TEST_P(SingleEntry, AllSizesAroundThePowersOfTwoComeBackWhole) {
  Cache& cache = open();
  for (std::size_t power = 16; power <= 256 * k_kib; power *= 2) {
    for (const std::size_t size : {power - 1, power, power + 1}) {
      const std::string value = sealed(size, size);
      put(cache, "sizes", "f", value);
      EXPECT_EQ(value, fetch(cache, "sizes", "f")) << size;
      put(cache, "kept", numbered("f", size % 7), value);
      EXPECT_EQ(value, fetch(cache, "kept", numbered("f", size % 7))) << size;
    }
  }
}

TEST_P(SingleEntry, SizesUpToSixKiBInSmallSteps) {
  Cache& cache = open();
  for (std::size_t size = 0; size < 6000; size += 37) {
    const std::string value =
        size < k_sealed_min_bytes ? std::string(size, 'v') : sealed(size, size);
    put(cache, numbered("g", size % 5), numbered("f", size), value);
  }
  for (std::size_t size = 0; size < 6000; size += 37) {
    const std::string value =
        size < k_sealed_min_bytes ? std::string(size, 'v') : sealed(size, size);
    ASSERT_EQ(value, fetch(cache, numbered("g", size % 5), numbered("f", size))) << size;
  }
}

TEST_P(SingleEntry, AMebibyteComesBackWhole) {
  Cache& cache = open();
  const std::string value = sealed(7, 1_MiB);
  put(cache, "big", "f", value);
  put(cache, "big", "small", "s");
  EXPECT_EQ(value, fetch(cache, "big", "f"));
  EXPECT_EQ(1_MiB, cache.value_size("big", "f"));
  EXPECT_EQ(SetOutcome::replaced, put(cache, "big", "f", "now small"));
  EXPECT_EQ("now small", fetch(cache, "big", "f"));
  EXPECT_EQ("s", fetch(cache, "big", "small"));
}

TEST_P(SingleEntry, GetIntoAnswersTheSizeAndCopiesAllOrNothing) {
  Cache& cache = open();
  for (const std::size_t size : {20UL, 64UL, 500UL, 5000UL, 100'000UL}) {
    const std::string value = sealed(size, size);
    put(cache, "g", "f", value);
    std::string exact(size, '?');
    EXPECT_EQ(size, cache.get_into("g", "f", exact));
    EXPECT_EQ(value, exact);
    std::string larger(size + 10, '?');
    EXPECT_EQ(size, cache.get_into("g", "f", larger));
    EXPECT_EQ(value + std::string(10, '?'), larger) << "it wrote past the value";
    std::string shorter(size - 1, '?');
    EXPECT_EQ(size, cache.get_into("g", "f", shorter));
    EXPECT_EQ(std::string(size - 1, '?'), shorter)
        << "a value that does not fit must not be copied";
  }
  char buffer[4] = {'k', 'e', 'p', 't'};
  EXPECT_EQ(std::nullopt, cache.get_into("g", "none", buffer));
  EXPECT_EQ("kept", std::string_view(buffer, 4));
}

TEST_P(SingleEntry, VisitOfNothingDoesNotCall) {
  Cache& cache = open();
  bool called = false;
  EXPECT_FALSE(cache.visit("g", "f", [&](std::string_view) { called = true; }).value());
  EXPECT_FALSE(
      cache
          .visit_chunks("g", "f",
                        [&](std::string_view, std::size_t, std::size_t) { return called = true; })
          .value());
  EXPECT_FALSE(called);
}

TEST_P(SingleEntry, VisitSeesLargeValuesWhole) {
  Cache& cache = open();
  const std::string value = sealed(3, 300_KiB);
  put(cache, "g", "f", value);
  bool whole = false;
  EXPECT_TRUE(cache.visit("g", "f", [&](std::string_view seen) { whole = seen == value; }).value());
  EXPECT_TRUE(whole);
}

TEST_P(SingleEntry, VisitChunksInOrderAndBounded) {
  Cache& cache = open();
  for (const std::size_t size : {0UL, 5UL, 4096UL, 65'536UL, 65'537UL, 200'000UL, 1024UL * 1024}) {
    const std::string value = size == 0 ? "" : std::string(sealed(size, size), 0, size);
    put(cache, "g", "f", value);
    std::string seen;
    EXPECT_TRUE(
        cache
            .visit_chunks("g", "f",
                          [&](std::string_view piece, std::size_t offset, std::size_t total) {
                            EXPECT_LE(piece.size(), 64_KiB);
                            EXPECT_EQ(seen.size(), offset);
                            EXPECT_EQ(size, total);
                            seen += piece;
                            return true;
                          })
            .value());
    EXPECT_TRUE(seen == value) << size;
  }
}

TEST_P(SingleEntry, VisitChunksStopsWhenTold) {
  Cache& cache = open();
  put(cache, "g", "f", sealed(1, 300'000));
  int calls = 0;
  EXPECT_TRUE(cache
                  .visit_chunks("g", "f",
                                [&](std::string_view, std::size_t, std::size_t) {
                                  ++calls;
                                  return false;
                                })
                  .value());
  EXPECT_EQ(1, calls);
}

TEST_P(SingleEntry, VisitChunksOfAChangedValueIsBusy) {
  Cache& cache = open();
  put(cache, "g", "f", std::string(300'000, 'a'));
  const Result<bool> visited =
      cache.visit_chunks("g", "f", [&](std::string_view piece, std::size_t, std::size_t) {
        EXPECT_EQ(std::string::npos, piece.find('b')) << "pieces of two writes";
        put(cache, "g", "f", std::string(300'000, 'b'));
        return true;
      });
  EXPECT_TRUE(fails_with(visited, Errc::busy));
  EXPECT_EQ(std::string(300'000, 'b'), fetch(cache, "g", "f"));
}

TEST_P(SingleEntry, EraseRemovesOnceAndTakesTheGroupAlong) {
  Cache& cache = open();
  put(cache, "g", "a", "1");
  put(cache, "g", "b", "2");
  EXPECT_TRUE(cache.erase("g", "a"));
  EXPECT_FALSE(cache.erase("g", "a"));
  EXPECT_EQ(std::nullopt, fetch(cache, "g", "a"));
  EXPECT_EQ("2", fetch(cache, "g", "b"));
  EXPECT_TRUE(cache.contains_group("g"));
  EXPECT_TRUE(cache.erase("g", "b"));
  EXPECT_FALSE(cache.contains_group("g"));
  EXPECT_EQ(0U, cache.group_count());
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "a", "again"));
  EXPECT_EQ("again", fetch(cache, "g", "a"));
}

TEST_P(SingleEntry, TryEmplaceWritesOnlyIfAbsent) {
  Cache& cache = open();
  EXPECT_EQ(SetOutcome::inserted, cache.try_emplace("g", "f", "first").value());
  EXPECT_EQ(SetOutcome::unchanged, cache.try_emplace("g", "f", "second").value());
  EXPECT_EQ("first", fetch(cache, "g", "f"));
  cache.erase("g", "f");
  EXPECT_EQ(SetOutcome::inserted, cache.try_emplace("g", "f", "third").value());
  EXPECT_EQ("third", fetch(cache, "g", "f"));
}

TEST_P(SingleEntry, ConditionsOfSet) {
  Cache& cache = open();
  EXPECT_EQ(SetOutcome::unchanged, put(cache, "g", "f", "v", {.condition = Condition::if_present}));
  EXPECT_FALSE(cache.contains_group("g")) << "a write that did not happen must not leave a group";
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "f", "v", {.condition = Condition::if_absent}));
  EXPECT_EQ(SetOutcome::unchanged, put(cache, "g", "f", "w", {.condition = Condition::if_absent}));
  EXPECT_EQ("v", fetch(cache, "g", "f"));
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f", "x", {.condition = Condition::if_present}));
  EXPECT_EQ("x", fetch(cache, "g", "f"));
}

TEST_P(SingleEntry, CompareAndSetComparesAllBytes) {
  Cache& cache = open();
  EXPECT_FALSE(cache.compare_and_set("g", "f", "", "v").value())
      << "an absent entry equals nothing";
  EXPECT_FALSE(cache.contains("g", "f"));
  for (const std::size_t size : {16UL, 70UL, 3000UL, 9000UL, 200'000UL}) {
    const std::string before = sealed(1, size);
    const std::string after = sealed(2, size + 5);
    std::string almost = before;
    almost.back() = static_cast<char>(almost.back() + 1);
    put(cache, "g", "f", before);
    EXPECT_FALSE(cache.compare_and_set("g", "f", almost, after).value()) << size;
    EXPECT_FALSE(cache.compare_and_set("g", "f", before.substr(0, size - 1), after).value())
        << size;
    EXPECT_FALSE(cache.compare_and_set("g", "f", before + "x", after).value()) << size;
    EXPECT_EQ(before, fetch(cache, "g", "f"));
    EXPECT_TRUE(cache.compare_and_set("g", "f", before, after).value()) << size;
    EXPECT_EQ(after, fetch(cache, "g", "f"));
  }
}

TEST_P(SingleEntry, IncrementCountsFromZero) {
  Cache& cache = open();
  EXPECT_EQ(1, cache.increment("g", "n").value());
  EXPECT_EQ(11, cache.increment("g", "n", 10).value());
  EXPECT_EQ(-9, cache.increment("g", "n", -20).value());
  EXPECT_EQ("-9", fetch(cache, "g", "n"));
  EXPECT_EQ(-9, cache.increment("g", "n", 0).value());
  put(cache, "g", "m", "41");
  EXPECT_EQ(42, cache.increment("g", "m").value());
}

TEST_P(SingleEntry, IncrementGrowsThroughAllLengths) {
  Cache& cache = open();
  std::int64_t expected = 0;
  for (std::int64_t by = 1, digits = 1; digits <= 19; ++digits) {
    if (digits > 1) by *= 10;
    expected += by;
    EXPECT_EQ(expected, cache.increment("g", "n", by).value());
    EXPECT_EQ(std::to_string(expected), fetch(cache, "g", "n"));
  }
  put(cache, "g", "max", "9223372036854775806");
  EXPECT_EQ(INT64_MAX, cache.increment("g", "max").value());
  put(cache, "g", "min", "-9223372036854775807");
  EXPECT_EQ(INT64_MIN, cache.increment("g", "min", -1).value());
  EXPECT_EQ("-9223372036854775808", fetch(cache, "g", "min"));
}

TEST_P(SingleEntry, UpdateReadsComputesAndWrites) {
  Cache& cache = open();
  const auto append = [](std::optional<std::string_view> now) -> std::optional<std::string> {
    return std::string(now.value_or("none")) + "+";
  };
  EXPECT_EQ(SetOutcome::inserted, cache.update("g", "f", append).value());
  EXPECT_EQ("none+", fetch(cache, "g", "f"));
  EXPECT_EQ(SetOutcome::replaced, cache.update("g", "f", append).value());
  EXPECT_EQ("none++", fetch(cache, "g", "f"));
  const auto leave = [](std::optional<std::string_view>) -> std::optional<std::string> {
    return std::nullopt;
  };
  EXPECT_EQ(SetOutcome::unchanged, cache.update("g", "f", leave).value());
  EXPECT_EQ("none++", fetch(cache, "g", "f"));
  EXPECT_EQ(SetOutcome::unchanged, cache.update("absent", "f", leave).value());
  EXPECT_FALSE(cache.contains_group("absent"));
}

TEST_P(SingleEntry, UpdateOfLargeValues) {
  Cache& cache = open();
  put(cache, "g", "f", std::string(100'000, 'a'));
  EXPECT_EQ(SetOutcome::replaced,
            cache
                .update("g", "f",
                        [](std::optional<std::string_view> now) {
                          return std::optional<std::string>(std::string(*now) + "end");
                        })
                .value());
  EXPECT_EQ(std::string(100'000, 'a') + "end", fetch(cache, "g", "f"));
}

TEST_P(SingleEntry, UpdateAsksOnceWhileTheEntryStays) {
  Cache& cache = open();
  for (const std::size_t size : {100, 600, 5'000, 100'000}) {
    put(cache, "g", "f", std::string(size, 'a'));
    int asked = 0;
    // Another answer each time: what was prepared for one is no use to the next.
    const auto next = [&](std::optional<std::string_view> now) {
      return std::optional<std::string>(std::to_string(++asked) + std::string(now->size(), 'b'));
    };
    EXPECT_EQ(SetOutcome::replaced, cache.update("g", "f", next).value()) << size;
    EXPECT_EQ(1, asked) << size;
    EXPECT_EQ("1" + std::string(size, 'b'), fetch(cache, "g", "f"));
  }
}

TEST_P(SingleEntry, ValuesGrowAndShrinkAmongNeighbours) {
  Cache& cache = open();
  Rng rng(11);
  std::map<std::string, std::string> model;
  for (int step = 0; step < 5000; ++step) {
    const std::string field = numbered("f", rng.below(40));
    const std::string value = std::string(rng.below(1200), static_cast<char>('a' + rng.below(26)));
    put(cache, "g", field, value);
    model[field] = value;
  }
  EXPECT_EQ(model, entries_of(cache, "g"));
}

TEST_P(SingleEntry, MovedCachesKeepTheirEntries) {
  Cache first = Cache::open(options()).value();
  put(first, "g", "f", "v");
  Cache second = std::move(first);
  EXPECT_EQ("v", fetch(second, "g", "f"));
  Cache third = Cache::open(options()).value();
  put(third, "other", "f", "w");
  third = std::move(second);
  EXPECT_EQ("v", fetch(third, "g", "f"));
  EXPECT_EQ(std::nullopt, fetch(third, "other", "f"));
  put(third, "g", "f2", "x");
  EXPECT_EQ(2U, third.size());
}

TEST(LargeValues, UpTo64MiBWithALimitThatFits) {
  Options options;
  options.memory_limit = 256_MiB;
  options.max_value_bytes = k_value_max_bytes;
  options.maintenance = Maintenance::manual;
  options.clock = std::make_shared<ManualClock>();
  Cache cache = Cache::open(std::move(options)).value();
  const std::string value = sealed(1, k_value_max_bytes);
  for (const char* field : {"a", "b", "a"}) {
    ASSERT_TRUE(succeeded(cache.set("g", field, value)));
    const std::optional<Value> got = cache.get("g", field);
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(*got == value);
  }
  EXPECT_TRUE(fails_with(cache.set("g", "c", value + "x"), Errc::value_too_long));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(succeeded(cache.set("h", numbered("f", static_cast<std::uint64_t>(i)), value)));
    EXPECT_LE(cache.stats().charged_bytes, 256_MiB);
  }
  settle(cache);
  EXPECT_EQ("", imbalance(cache));
}

}  // namespace
}  // namespace ullage::test
