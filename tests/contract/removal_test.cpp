// Removals: whoever goes, goes once, with its name, its size and the true cause.
#include "contract.h"

#include <array>
#include <atomic>

namespace ullage::test {
namespace {

class Removals : public Contract {
 protected:
  /// All removals once everything due is delivered: as many as stats() counts.
  std::vector<Removed> delivered(Cache& cache, const RemovalLog& log) {
    EXPECT_TRUE(eventually(cache,
                           [&] {
                             const Stats stats = cache.stats();
                             std::uint64_t removed = 0;
                             for (const std::uint64_t count : stats.removals)
                               removed += count;
                             return log.total() + stats.removal_events_lost == removed;
                           }))
        << log.total() << " delivered, " << cache.stats().removal_events_lost << " lost";
    return log.all();
  }
};
ULLAGE_EVERY_SETTING(Removals);

TEST_P(Removals, EachCauseOnceWithNameAndSize) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& chosen) { chosen.max_entries = 0; });
  put(cache, "g", "erased", "12345");
  cache.erase("g", "erased");
  EXPECT_EQ((std::vector<Removed>{{"g", "erased", "", 5, RemovalCause::erased}}),
            delivered(cache, *log));

  put(cache, "g", "replaced", "old");
  put(cache, "g", "replaced", "and new");
  EXPECT_EQ((Removed{"g", "replaced", "", 3, RemovalCause::replaced}),
            delivered(cache, *log).back());
  EXPECT_EQ(2U, log->total());

  put(cache, "g", "expired", "1234567", {.ttl = 10ms});
  pass_time(cache, 10ms + 1000ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.stats().removed(RemovalCause::expired) == 1; }));
  EXPECT_EQ((Removed{"g", "expired", "", 7, RemovalCause::expired}), delivered(cache, *log).back());
  EXPECT_EQ(3U, log->total());

  put(cache, "limited", "a", "1");
  ASSERT_TRUE(cache.set_group_limits("limited", {.max_fields = 1}).value());
  put(cache, "limited", "b", "22");
  const Removed limited = delivered(cache, *log).back();
  EXPECT_EQ(RemovalCause::limit, limited.cause);
  EXPECT_EQ("limited", limited.group);
  EXPECT_EQ(limited.field == "a" ? 1U : 2U, limited.value_bytes);
  EXPECT_EQ(4U, log->total());

  cache.set_max_entries(cache.size());
  put(cache, "more", "f", "v");
  const Removed evicted = delivered(cache, *log).back();
  EXPECT_EQ(RemovalCause::evicted, evicted.cause);
  EXPECT_EQ(5U, log->total());
  for (const RemovalCause cause :
       {RemovalCause::evicted, RemovalCause::expired, RemovalCause::replaced, RemovalCause::erased,
        RemovalCause::limit}) {
    EXPECT_EQ(1U, cache.stats().removed(cause)) << to_string(cause);
  }
  cache.set_max_entries(0);
}

TEST_P(Removals, ValuesOnRequest) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& chosen) { chosen.removal_values = true; });
  for (const std::size_t size : {16UL, 70UL, 3000UL, 9000UL}) {
    put(cache, "g", "f", sealed(size, size));
    cache.erase("g", "f");
    const std::vector<Removed> all = delivered(cache, *log);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(size, all.back().value_bytes);
    EXPECT_EQ(sealed(size, size), all.back().value) << size;
  }
}

TEST_P(Removals, AValueTooLargeForTheRingIsCountedAsLostOrDelivered) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& chosen) { chosen.removal_values = true; });
  put(cache, "g", "f", sealed(1, 1_MiB));
  cache.erase("g", "f");
  for (const Removed& removed : delivered(cache, *log))
    EXPECT_EQ(1_MiB, removed.value_bytes);
}

TEST_P(Removals, EveryWayOfErasing) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log);
  std::multiset<std::string> expected;
  const auto fill = [&](const std::string& group, std::uint64_t fields) {
    for (std::uint64_t i = 0; i < fields; ++i) {
      put(cache, group, numbered("f", i), "v");
      expected.insert(group + "/" + numbered("f", i));
    }
  };
  fill("one", 1);
  EXPECT_TRUE(cache.erase("one", "f0"));
  fill("group", 500);
  EXPECT_TRUE(cache.erase_group("group"));
  settle(cache);
  fill("filtered", 100);
  EXPECT_EQ(100U, cache.erase_if("filtered", [](auto, auto) { return true; }).value());
  fill("everywhere", 100);
  EXPECT_EQ(100U, cache.erase_if([](auto, auto, auto) { return true; }).value());
  settle(cache);
  fill("from", 3);
  fill("to", 200);
  ASSERT_TRUE(succeeded(cache.rename_group("from", "to", true)));
  settle(cache);
  fill("cleared", 300);
  cache.clear();
  // What was in `from` left under its new name.
  for (const char* field : {"f0", "f1", "f2"}) {
    expected.erase(expected.find(std::string("from/") + field));
    expected.insert(std::string("to/") + field);
  }
  std::multiset<std::string> seen;
  for (const Removed& removed : delivered(cache, *log)) {
    EXPECT_EQ(RemovalCause::erased, removed.cause);
    seen.insert(removed.group + "/" + removed.field);
  }
  EXPECT_EQ(0U, cache.stats().removal_events_lost);
  EXPECT_EQ(expected, seen);
  EXPECT_EQ(expected.size(), cache.stats().removed(RemovalCause::erased));
}

TEST_P(Removals, EveryWayOfReplacing) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log);
  put(cache, "g", "f", "1");
  put(cache, "g", "f", "2");
  EXPECT_TRUE(cache.compare_and_set("g", "f", "2", "3").value());
  EXPECT_FALSE(cache.compare_and_set("g", "f", "no", "x").value());
  EXPECT_EQ(4, cache.increment("g", "f").value());
  EXPECT_TRUE(
      succeeded(cache.update("g", "f", [](auto) { return std::optional<std::string>("5"); })));
  EXPECT_EQ(SetOutcome::unchanged, cache.try_emplace("g", "f", "x").value());
  const std::vector<Removed> all = delivered(cache, *log);
  EXPECT_EQ(4U, all.size());
  for (const Removed& removed : all)
    EXPECT_EQ((Removed{"g", "f", "", 1, RemovalCause::replaced}), removed);
  EXPECT_EQ(4U, cache.stats().removed(RemovalCause::replaced));
  EXPECT_EQ(1U, cache.stats().inserts);
}

TEST_P(Removals, ExpiryOfFieldsGroupsAndIdleGroups) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& chosen) { chosen.group.idle_ttl = 10s; });
  std::set<std::string> expected;
  for (std::uint64_t i = 0; i < 300; ++i) {
    put(cache, "fields", numbered("f", i), "v", {.ttl = Millis(50 + i)});
    put(cache, "group", numbered("f", i), "v");
    put(cache, "idle", numbered("f", i), "v");
    for (const char* group : {"fields/f", "group/f", "idle/f"})
      expected.insert(numbered(group, i));
  }
  ASSERT_TRUE(cache.expire_group("group", 500ms).value());
  pass_time(cache, 10s + 700ms + 1000ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 0; })) << cache.size();
  std::set<std::string> seen;
  for (const Removed& removed : delivered(cache, *log)) {
    EXPECT_EQ(RemovalCause::expired, removed.cause);
    EXPECT_TRUE(seen.insert(removed.group + "/" + removed.field).second)
        << "twice: " << removed.field;
  }
  EXPECT_EQ(expected, seen);
}

TEST_P(Removals, AnExpiredEntryThatIsWrittenOverIsExpiredNotReplaced) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log);
  put(cache, "g", "stays", "v");
  put(cache, "g", "f", "old", {.ttl = 10ms});
  clock->advance(10ms);
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "f", "new"));
  EXPECT_EQ((std::vector<Removed>{{"g", "f", "", 3, RemovalCause::expired}}),
            delivered(cache, *log));
}

TEST_P(Removals, EvictionsAreCompleteAndExact) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& chosen) { chosen.memory_limit = 8_MiB; });
  std::set<std::string> written;
  for (std::uint64_t i = 0; i < 40'000; ++i) {
    put(cache, numbered("g", i % 1000), numbered("f", i), std::string(400, 'v'));
    written.insert(numbered(numbered("g", i % 1000) + "/f", i));
    if (i % 100 == 0) settle(cache);
  }
  const std::vector<Removed> all = delivered(cache, *log);
  EXPECT_EQ(0U, cache.stats().removal_events_lost);
  EXPECT_EQ(40'000U - cache.size(), all.size());
  for (const Removed& removed : all) {
    EXPECT_EQ(RemovalCause::evicted, removed.cause);
    EXPECT_EQ(400U, removed.value_bytes);
    EXPECT_EQ(1U, written.erase(removed.group + "/" + removed.field))
        << "twice, or never written: " << removed.field;
    ASSERT_FALSE(cache.contains(removed.group, removed.field));
  }
  EXPECT_EQ(written.size(), cache.size());
}

TEST_P(Removals, WhatTheRingCannotTakeIsCounted) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache =
      open_listening(log, [](Options& chosen) { chosen.maintenance = Maintenance::manual; });
  put(cache, "g", "f", "v");
  constexpr std::uint64_t k_writes = 100'000;
  for (std::uint64_t i = 0; i < k_writes; ++i)
    put(cache, "g", "f", "w");
  const std::uint64_t lost = cache.stats().removal_events_lost;
  EXPECT_GT(lost, 0U) << "100,000 events of at least 8 bytes do not fit a ring of "
                      << std::min(k_removal_ring_bytes_max,
                                  GetParam().memory_limit / k_removal_ring_share_of_limit);
  settle(cache);
  EXPECT_EQ(k_writes, log->total() + cache.stats().removal_events_lost);
  // Afterwards there is room again.
  put(cache, "g", "f", "x");
  settle(cache);
  EXPECT_EQ(lost, cache.stats().removal_events_lost);
  EXPECT_EQ(k_writes + 1, cache.stats().removed(RemovalCause::replaced));
}

TEST_P(Removals, AnInjectedExecutorDelivers) {
  class CountingExecutor final : public Executor {
   public:
    void run(std::function<void()> task) noexcept override {
      runs.fetch_add(1);
      task();
    }
    std::atomic<int> runs{0};
  };
  const auto executor = std::make_shared<CountingExecutor>();
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [&](Options& chosen) { chosen.executor = executor; });
  put(cache, "g", "f", "v");
  cache.erase("g", "f");
  EXPECT_EQ(1U, delivered(cache, *log).size());
  EXPECT_GE(executor->runs.load(), 1);
}

TEST_P(Removals, AListenerMayUseTheCache) {
  Cache* reached = nullptr;
  std::atomic<int> calls{0};
  Cache& cache = open([&](Options& chosen) {
    chosen.on_removal = [&](const Removal& removal) {
      calls.fetch_add(1);
      if (removal.group == "g") put(*reached, "graveyard", removal.field, to_string(removal.cause));
    };
  });
  reached = &cache;
  put(cache, "g", "a", "v");
  put(cache, "g", "b", "v");
  cache.erase("g", "a");
  EXPECT_TRUE(cache.erase_group("g"));
  EXPECT_TRUE(eventually(cache, [&] { return cache.group_size("graveyard") == 2; }));
  EXPECT_EQ("erased", fetch(cache, "graveyard", "a"));
  EXPECT_EQ("erased", fetch(cache, "graveyard", "b"));
  EXPECT_EQ(2, calls.load());
}

TEST_P(Removals, TheListenerHearsOfTheCausesItWantsAlone) {
  std::array<std::atomic<int>, k_removal_causes> heard{};
  Cache& cache = open([&](Options& chosen) {
    chosen.removal_causes = {RemovalCause::erased};
    chosen.on_removal = [&](const Removal& removal) {
      heard.at(static_cast<std::size_t>(removal.cause)).fetch_add(1);
    };
  });
  const auto heard_of = [&](RemovalCause cause) {
    return heard.at(static_cast<std::size_t>(cause)).load();
  };
  put(cache, "g", "f", "v");
  put(cache, "g", "f", "w");
  cache.erase("g", "f");
  EXPECT_TRUE(eventually(cache, [&] { return heard_of(RemovalCause::erased) == 1; }));
  cache.set_removal_causes({RemovalCause::replaced});
  put(cache, "g", "f", "x");
  put(cache, "g", "f", "y");
  cache.erase("g", "f");
  EXPECT_TRUE(eventually(cache, [&] { return heard_of(RemovalCause::replaced) == 1; }));
  EXPECT_EQ(1, heard_of(RemovalCause::erased));
  EXPECT_EQ(0U, cache.stats().removal_events_lost) << "what nobody asked for is not lost";
}

TEST_P(Removals, WhatIsNewAmongTheCausesIsHeardOfFromThenOn) {
  Cache& cache = open([](Options& chosen) {
    chosen.removal_causes = {};
    chosen.on_removal = [](const Removal&) {};
  });
  put(cache, "g", "f", "v");
  std::atomic<bool> changing{false};
  std::atomic<bool> changed{false};
  bool changed_too_soon = false;
  std::thread chooser;
  // A write that began before the choice may not know of it: the choice waits for its end.
  const auto done = cache.update("g", "f", [&](std::optional<std::string_view>) {
    chooser = std::thread([&] {
      changing = true;
      cache.set_removal_causes(RemovalCauses::all());
      changed = true;
    });
    while (!changing)
      std::this_thread::yield();
    for (int n = 0; n < 2000 && !changed; ++n)
      std::this_thread::yield();
    changed_too_soon = changed;
    return std::optional<std::string>("w");
  });
  chooser.join();
  EXPECT_TRUE(succeeded(done));
  EXPECT_FALSE(changed_too_soon);
  EXPECT_TRUE(changed);
}

TEST_P(Removals, WithoutAListenerCausesAreCountedAllTheSame) {
  Cache& cache = open([](Options& chosen) { chosen.on_removal = {}; });
  put(cache, "g", "f", "v");
  put(cache, "g", "f", "w");
  cache.erase("g", "f");
  EXPECT_EQ(1U, cache.stats().removed(RemovalCause::replaced));
  EXPECT_EQ(1U, cache.stats().removed(RemovalCause::erased));
  EXPECT_EQ(0U, cache.stats().removal_events_lost) << "nobody listens: nothing can be lost";
}

TEST(RemovalCauses, HaveNames) {
  std::set<std::string_view> names;
  for (std::size_t cause = 0; cause < k_removal_causes; ++cause)
    names.insert(to_string(static_cast<RemovalCause>(cause)));
  EXPECT_EQ((std::set<std::string_view>{"evicted", "expired", "replaced", "erased", "limit"}),
            names);
}

}  // namespace
}  // namespace ullage::test
