// get_many() and set_many(): many entries in one call, with the answers of many single calls.
#include "contract.h"

namespace ullage::test {
namespace {

class Batch : public Contract {};
ULLAGE_EVERY_SETTING(Batch);

TEST_P(Batch, GetManyAnswersEachKey) {
  Cache& cache = open();
  std::vector<std::string> groups;
  std::vector<std::string> fields;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    groups.push_back(numbered("g", i % 37));
    fields.push_back(numbered("f", i));
    if (i % 3 != 0) put(cache, groups[i], fields[i], sealed(i, 16 + i));
  }
  std::vector<Key> keys;
  for (std::uint64_t i = 0; i < 1000; ++i)
    keys.push_back({groups[i], fields[i]});
  std::vector<std::optional<Value>> out(keys.size());
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(i % 3 != 0, out[i].has_value()) << i;
    if (out[i]) {
      ASSERT_EQ(sealed(i, 16 + i), out[i]->str()) << i;
    }
  }
}

TEST_P(Batch, VisitManyShowsEachValueInOrder) {
  Cache& cache = open();
  // Small groups, one of many pages, a value in pieces, and times to live.
  for (std::uint64_t i = 0; i < 400; ++i) {
    put(cache, numbered("small", i % 50), numbered("f", i), sealed(i, 8 + i % 90));
    put(cache, "large", numbered("f", i), sealed(1000 + i, 40));
  }
  put(cache, "large", "pieces", sealed(7, 60'000));
  ASSERT_TRUE(succeeded(cache.set("timed", "f", "v", {.ttl = Millis(1000)})));
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < 400; ++i)
    names.push_back(numbered("f", i));
  std::vector<Key> keys;
  std::vector<std::string> groups;
  for (std::uint64_t i = 0; i < 50; ++i)
    groups.push_back(numbered("small", i));
  for (std::uint64_t i = 0; i < 400; ++i) {
    keys.push_back({groups[i % 50], names[i]});
    keys.push_back({"large", names[i]});
    keys.push_back({"large", "none"});
    keys.push_back({"none", names[i]});
  }
  const std::string too_long(k_name_max_bytes + 1, 'x');
  keys.push_back({"large", "pieces"});
  keys.push_back({"timed", "f"});
  keys.push_back({too_long, "f"});
  std::size_t next = 0;
  ASSERT_TRUE(
      succeeded(cache.visit_many(keys, [&](std::size_t i, std::optional<std::string_view> value) {
        ASSERT_EQ(next++, i);
        const std::optional<std::string> single = fetch(cache, keys[i].group, keys[i].field);
        ASSERT_EQ(single.has_value(), value.has_value()) << i;
        if (value) {
          ASSERT_EQ(*single, *value) << i;
        }
      })));
  EXPECT_EQ(keys.size(), next);
}

TEST_P(Batch, PrefetchChangesNothing) {
  Cache& cache = open();
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < 300; ++i) {
    names.push_back(numbered("f", i));
    put(cache, "large", names[i], sealed(i, 40));
    put(cache, names[i], "f", sealed(i, 40));
  }
  settle(cache);
  const Facts before = Facts::of(cache);
  std::vector<Key> keys;
  const std::string too_long(k_name_max_bytes + 1, 'x');
  for (const std::string& name : names) {
    keys.push_back({"large", name});
    keys.push_back({name, "f"});
    keys.push_back({name, "none"});
    keys.push_back({too_long, name});
  }
  cache.prefetch(keys);
  cache.prefetch({});
  EXPECT_EQ(before, Facts::of(cache));
}

TEST_P(Batch, GetManyForgetsWhatTheAnswersHeldBefore) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  const Key keys[] = {{"g", "none"}, {"g", "f"}};
  std::optional<Value> out[] = {Value("left from before"), Value("left from before")};
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  EXPECT_FALSE(out[0].has_value());
  ASSERT_TRUE(out[1].has_value());
  EXPECT_EQ("v", out[1]->str());
}

TEST_P(Batch, GetManyKeepsItsGroupsFromTheIdleLimitThatCameBetween) {
  Cache& cache = open();
  put(cache, "used", "f", "1");
  put(cache, "left", "f", "2");
  const Key keys[] = {{"used", "f"}};
  std::optional<Value> out[1];
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  ASSERT_TRUE(succeeded(cache.set_default_group_limits(GroupLimits{.idle_ttl = Millis(1000)})));
  for (int i = 0; i < 4; ++i) {
    clock->advance(Millis(600));
    ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
    ASSERT_TRUE(out[0].has_value()) << i;
  }
  EXPECT_FALSE(cache.get("left", "f").has_value());
}

TEST_P(Batch, GetManyOfLargeAndLongKeys) {
  Cache& cache = open();
  const std::string name(k_name_max_bytes, 'n');
  const std::string too_long(k_name_max_bytes + 1, 'n');
  put(cache, name, name, sealed(1, 400'000));
  put(cache, "", "", "");
  const Key keys[] = {{name, name}, {too_long, name}, {"", ""}, {name, too_long}, {name, name}};
  std::optional<Value> out[5];
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  ASSERT_TRUE(out[0].has_value());
  EXPECT_TRUE(*out[0] == sealed(1, 400'000));
  EXPECT_FALSE(out[1].has_value()) << "no entry can have such a name";
  ASSERT_TRUE(out[2].has_value());
  EXPECT_TRUE(out[2]->empty());
  EXPECT_FALSE(out[3].has_value());
  EXPECT_TRUE(out[4].has_value()) << "a key may be asked for twice";
}

TEST_P(Batch, GetManyNeverAnswersExpiredEntries) {
  Cache& cache = open();
  put(cache, "g", "short", "1", {.ttl = 10ms});
  put(cache, "g", "long", "2", {.ttl = 20ms});
  clock->advance(10ms);
  const Key keys[] = {{"g", "short"}, {"g", "long"}};
  std::optional<Value> out[2];
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  EXPECT_FALSE(out[0].has_value());
  EXPECT_TRUE(out[1].has_value());
}

TEST_P(Batch, EmptyBatches) {
  Cache& cache = open();
  EXPECT_TRUE(succeeded(cache.get_many({}, {})));
  EXPECT_EQ(0U, cache.set_many({}).value());
}

TEST_P(Batch, SetManyWritesInOrder) {
  Cache& cache = open();
  const Item items[] = {{"a", "1", "first"}, {"b", "1", "other"}, {"a", "1", "last"}, {"", "", ""}};
  EXPECT_EQ(4U, cache.set_many(items).value());
  EXPECT_EQ("last", fetch(cache, "a", "1"));
  EXPECT_EQ("other", fetch(cache, "b", "1"));
  EXPECT_EQ("", fetch(cache, "", ""));
  EXPECT_EQ(3U, cache.size());
}

TEST_P(Batch, TheLargestBatch) {
  Cache& cache = open();
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < k_batch_max; ++i)
    names.push_back(numbered("n", i));
  std::vector<Item> items;
  std::vector<Key> keys;
  for (const std::string& name : names) {
    items.push_back({name.substr(0, 2) == "n1" ? "one" : "rest", name, name});
    keys.push_back({items.back().group, name});
  }
  EXPECT_EQ(k_batch_max, cache.set_many(items).value());
  std::vector<std::optional<Value>> out(keys.size());
  ASSERT_TRUE(succeeded(cache.get_many(keys, out)));
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(out[i].has_value()) << i;
    ASSERT_EQ(names[i], out[i]->str());
  }
}

TEST_P(Batch, SetManyTakesOptionsForEach) {
  Cache& cache = open();
  const Item items[] = {{"a", "1", "x"}, {"b", "2", "y"}};
  EXPECT_EQ(2U, cache.set_many(items, {.ttl = 50ms}).value());
  EXPECT_EQ(50ms, cache.ttl("a", "1")->remaining);
  clock->advance(50ms);
  EXPECT_EQ(std::nullopt, fetch(cache, "a", "1"));
  EXPECT_EQ(std::nullopt, fetch(cache, "b", "2"));
}

TEST_P(Batch, SetManyStopsAtTheFirstFailureAndSaysWhere) {
  Cache& cache = open();
  const std::string too_long(k_name_max_bytes + 1, 'n');
  const Item items[] = {{"a", "1", "x"},
                        {"a", "2", "y"},
                        {"a", "3", "z"},
                        {"a", too_long, "bad"},
                        {"a", "4", "never"}};
  const Result<std::size_t> result = cache.set_many(items);
  ASSERT_TRUE(fails_with(result, Errc::name_too_long));
  EXPECT_TRUE(mentions(result.error().message, 3)) << result.error().message;
  EXPECT_EQ("z", fetch(cache, "a", "3"));
  EXPECT_FALSE(cache.contains("a", "4"));
}

}  // namespace
}  // namespace ullage::test
