// Times to live: of fields, of groups, and of groups that nobody uses. To the millisecond, never
// early, never visible late.
#include "contract.h"

namespace ullage::test {
namespace {

class TimeToLive : public Contract {};
ULLAGE_EVERY_SETTING(TimeToLive);

TEST_P(TimeToLive, AFieldLivesExactlyAsLongAsItSays) {
  Cache& cache = open();
  for (const Millis ttl : {1ms, 2ms, 15ms, 999ms, 1000ms, 65'535ms, 65'536ms, 3'600'000ms}) {
    put(cache, "g", "stays", "s");
    put(cache, "g", "f", "v", {.ttl = ttl});
    EXPECT_EQ(ttl, cache.ttl("g", "f")->remaining);
    clock->advance(ttl - 1ms);
    settle(cache);
    EXPECT_EQ("v", fetch(cache, "g", "f")) << "early: " << ttl.count() << " ms";
    EXPECT_EQ(1ms, cache.ttl("g", "f")->remaining);
    EXPECT_EQ(2U, cache.group_size("g"));
    clock->advance(1ms);
    EXPECT_EQ(std::nullopt, fetch(cache, "g", "f")) << "late: " << ttl.count() << " ms";
    EXPECT_EQ(1U, cache.group_size("g"));
    EXPECT_EQ("s", fetch(cache, "g", "stays"));
  }
}

TEST_P(TimeToLive, AnExpiredFieldIsInvisibleToEveryCall) {
  Cache& cache = open();
  put(cache, "g", "stays", "s");
  put(cache, "g", "f", "7", {.ttl = 10ms});
  clock->advance(10ms);
  char buffer[8];
  EXPECT_FALSE(cache.contains("g", "f"));
  EXPECT_EQ(std::nullopt, cache.get_into("g", "f", buffer));
  EXPECT_EQ(std::nullopt, cache.value_size("g", "f"));
  EXPECT_FALSE(cache.visit("g", "f", [](std::string_view) { ADD_FAILURE(); }).value());
  EXPECT_FALSE(cache
                   .visit_chunks("g", "f",
                                 [](std::string_view, std::size_t, std::size_t) {
                                   ADD_FAILURE();
                                   return false;
                                 })
                   .value());
  EXPECT_FALSE(cache.ttl("g", "f").has_value());
  EXPECT_FALSE(cache.expire("g", "f", 100ms).value()) << "the dead must not be revived";
  EXPECT_FALSE(cache.expire("g", "f", std::nullopt).value());
  EXPECT_EQ(SetOutcome::unchanged, put(cache, "g", "f", "x", {.condition = Condition::if_present}));
  EXPECT_FALSE(cache.compare_and_set("g", "f", "7", "x").value());
  EXPECT_EQ(1U, entries_of(cache, "g").size());
  cache
      .scan("g", 0, 100,
            [](std::string_view field, std::string_view) { EXPECT_EQ("stays", field); })
      .value();
  EXPECT_EQ(
      0U, cache.erase_if("g", [](std::string_view field, std::string_view) { return field == "f"; })
              .value());
  EXPECT_FALSE(cache.erase("g", "f"));
  EXPECT_EQ(1, cache.increment("g", "f").value()) << "an expired number counts from 0 again";
  EXPECT_FALSE(cache.ttl("g", "f")->remaining.has_value());
}

TEST_P(TimeToLive, WritingOverAnExpiredFieldInserts) {
  Cache& cache = open();
  put(cache, "g", "stays", "s");
  put(cache, "g", "f", "old", {.ttl = 10ms});
  clock->advance(11ms);
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "f", "new"));
  EXPECT_FALSE(cache.ttl("g", "f")->remaining.has_value());
  put(cache, "g", "f2", "old", {.ttl = 10ms});
  clock->advance(11ms);
  EXPECT_EQ(SetOutcome::inserted, cache.try_emplace("g", "f2", "new").value());
  put(cache, "g", "f3", "old", {.ttl = 10ms});
  clock->advance(11ms);
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "f3", "new", {.keep_ttl = true}));
  EXPECT_FALSE(cache.ttl("g", "f3")->remaining.has_value())
      << "a dead entry's time must not be kept";
  clock->advance(1h);
  EXPECT_EQ(4U, cache.group_size("g"));
}

TEST_P(TimeToLive, ASetWithoutOneTakesItAway) {
  Cache& cache = open();
  put(cache, "g", "f", "v", {.ttl = 10ms});
  put(cache, "g", "f", "w");
  EXPECT_FALSE(cache.ttl("g", "f")->remaining.has_value());
  clock->advance(1h);
  EXPECT_EQ("w", fetch(cache, "g", "f"));
}

TEST_P(TimeToLive, KeepTtlKeepsIt) {
  Cache& cache = open();
  put(cache, "g", "f", "v", {.ttl = 100ms});
  clock->advance(40ms);
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f", std::string(300, 'w'), {.keep_ttl = true}));
  EXPECT_EQ(60ms, cache.ttl("g", "f")->remaining);
  put(cache, "g", "n", "v");
  put(cache, "g", "n", "w", {.keep_ttl = true});
  EXPECT_FALSE(cache.ttl("g", "n")->remaining.has_value());
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "new", "w", {.keep_ttl = true}));
  EXPECT_FALSE(cache.ttl("g", "new")->remaining.has_value());
  clock->advance(60ms);
  EXPECT_FALSE(cache.contains("g", "f"));
  EXPECT_TRUE(cache.contains("g", "n"));
}

TEST_P(TimeToLive, CompareAndSetAndIncrementKeepIt) {
  Cache& cache = open();
  put(cache, "g", "n", "5", {.ttl = 100ms});
  EXPECT_EQ(6, cache.increment("g", "n").value());
  EXPECT_EQ(100'000, cache.increment("g", "n", 99'994).value());
  EXPECT_EQ(100ms, cache.ttl("g", "n")->remaining);
  EXPECT_TRUE(cache.compare_and_set("g", "n", "100000", "1").value());
  EXPECT_EQ(100ms, cache.ttl("g", "n")->remaining);
  EXPECT_TRUE(cache.compare_and_set("g", "n", "1", "2", {.ttl = 300ms}).value());
  EXPECT_EQ(300ms, cache.ttl("g", "n")->remaining);
  EXPECT_EQ(SetOutcome::replaced,
            cache
                .update("g", "n", [](auto) { return std::optional<std::string>("3"); },
                        {.keep_ttl = true})
                .value());
  EXPECT_EQ(300ms, cache.ttl("g", "n")->remaining);
  EXPECT_EQ(
      SetOutcome::replaced,
      cache.update("g", "n", [](auto) { return std::optional<std::string>("4"); }, {.ttl = 400ms})
          .value());
  EXPECT_EQ(400ms, cache.ttl("g", "n")->remaining);
  clock->advance(400ms);
  EXPECT_FALSE(cache.contains("g", "n"));
}

TEST_P(TimeToLive, ExpireGivesChangesAndTakesAway) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  EXPECT_FALSE(cache.expire("g", "none", 5ms).value());
  EXPECT_FALSE(cache.expire("none", "f", 5ms).value());
  EXPECT_TRUE(cache.expire("g", "f", 50ms).value());
  EXPECT_EQ(50ms, cache.ttl("g", "f")->remaining);
  EXPECT_TRUE(cache.expire("g", "f", 20ms).value());
  EXPECT_EQ(20ms, cache.ttl("g", "f")->remaining);
  EXPECT_TRUE(cache.expire("g", "f", std::nullopt).value());
  EXPECT_FALSE(cache.ttl("g", "f")->remaining.has_value());
  clock->advance(1h);
  EXPECT_EQ("v", fetch(cache, "g", "f"));
  EXPECT_FALSE(cache.ttl("g", "none").has_value());
  EXPECT_FALSE(cache.ttl("none", "f").has_value());
}

TEST_P(TimeToLive, ShortAndLongLivesShareAGroup) {
  Cache& cache = open();
  const std::int64_t lives[] = {
      1, 1000, 86'400'000, 60LL * 86'400'000, 3650LL * 86'400'000, k_ttl_max_ms};
  for (const std::int64_t life : lives) {
    for (int i = 0; i < 20; ++i)
      put(cache, "g",
          numbered(numbered("", static_cast<std::uint64_t>(life)) + "/",
                   static_cast<std::uint64_t>(i)),
          "v", {.ttl = Millis(life)});
  }
  put(cache, "g", "none", "v");
  std::int64_t passed = 0;
  std::uint64_t left = 121;
  for (const std::int64_t life : lives) {
    clock->advance(Millis(life - passed - 1));
    settle(cache);
    EXPECT_EQ(left, cache.group_size("g")) << "1 ms before " << life;
    const std::string first = numbered("", static_cast<std::uint64_t>(life)) + "/0";
    EXPECT_TRUE(cache.contains("g", first)) << life;
    clock->advance(1ms);
    left -= 20;
    EXPECT_FALSE(cache.contains("g", first)) << life;
    EXPECT_EQ(left, cache.group_size("g")) << "at " << life;
    passed = life;
  }
  EXPECT_EQ("v", fetch(cache, "g", "none"));
}

TEST_P(TimeToLive, TheClockMayStartAnywhere) {
  for (const std::int64_t start :
       {std::int64_t{0}, std::int64_t{1'767'225'600'000}, std::int64_t{1} << 45}) {
    const auto own = std::make_shared<ManualClock>(start);
    Cache& cache = open([&](Options& chosen) { chosen.clock = own; });
    put(cache, "g", "short", "v", {.ttl = 1ms});
    put(cache, "g", "long", "v", {.ttl = Millis(k_ttl_max_ms)});
    ASSERT_TRUE(cache.expire_group("g", Millis(k_ttl_max_ms)).value());
    EXPECT_EQ(Millis(k_ttl_max_ms), cache.ttl("g", "long")->remaining) << start;
    EXPECT_TRUE(cache.contains("g", "short"));
    own->advance(1ms);
    EXPECT_FALSE(cache.contains("g", "short"));
    EXPECT_TRUE(cache.contains("g", "long"));
  }
}

TEST_P(TimeToLive, ClockJumpsOf60DaysAnd10Years) {
  Cache& cache = open();
  constexpr Millis day = 24h;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    put(cache, numbered("d59/", i % 100), numbered("f", i), "v", {.ttl = 59 * day});
    put(cache, numbered("d61/", i % 100), numbered("f", i), "v", {.ttl = 61 * day});
    put(cache, numbered("y9/", i % 100), numbered("f", i), "v", {.ttl = 9 * 365 * day});
    put(cache, numbered("y11/", i % 100), numbered("f", i), "v", {.ttl = 11 * 365 * day});
    put(cache, "for ever", numbered("f", i), "v");
  }
  clock->advance(60 * day);
  EXPECT_EQ(0U, cache.group_size("d59/7"));
  EXPECT_EQ(20U, cache.group_size("d61/7"));
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 8000; })) << cache.size();
  clock->advance(10 * 365 * day - 60 * day);
  EXPECT_EQ(0U, cache.group_size("y9/7"));
  EXPECT_EQ(20U, cache.group_size("y11/7"));
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 4000; })) << cache.size();
  EXPECT_EQ(2000U, cache.group_size("for ever"));
}

TEST_P(TimeToLive, BytesOfExpiredFieldsComeBackWithinASecond) {
  Cache& cache = open();
  settle(cache);
  const Stats empty = cache.stats();
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    put(cache, numbered("g", i % 700), numbered("f", i), std::string(40, 'v'),
        {.ttl = Millis(5000 + i % 100)});
  }
  ASSERT_EQ(30'000U, cache.size());
  pass_time(cache, 5000ms - 1ms);
  EXPECT_EQ(30'000U, cache.size()) << "early";
  pass_time(cache, 100ms + 1000ms);
  EXPECT_TRUE(eventually(cache,
                         [&] {
                           const Stats now = cache.stats();
                           return now.entries == 0 && now.groups == 0 && now.payload_bytes == 0 &&
                                  now.live_page_bytes <= empty.live_page_bytes + 64_KiB &&
                                  now.charged_bytes <= empty.charged_bytes + 1_MiB;
                         }))
      << cache.stats().entries << " entries, live " << cache.stats().live_page_bytes << " (empty "
      << empty.live_page_bytes << "), charged " << cache.stats().charged_bytes << " (empty "
      << empty.charged_bytes << ")";
  EXPECT_EQ(30'000U, cache.stats().removed(RemovalCause::expired));
}

TEST_P(TimeToLive, BytesComeBackAmongFieldsThatStay) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    SetOptions life;
    if (i % 2 == 0) life.ttl = 500ms;
    put(cache, numbered("g", i / 2 % 50), numbered("f", i), std::string(100, 'v'), life);
  }
  const Stats full = cache.stats();
  pass_time(cache, 500ms + 1000ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 10'000; })) << cache.size();
  EXPECT_TRUE(eventually(
      cache, [&] { return cache.stats().live_page_bytes <= full.live_page_bytes * 7 / 10; }))
      << "half of the entries are gone; live pages were " << full.live_page_bytes << " and are "
      << cache.stats().live_page_bytes;
  EXPECT_EQ(200U, cache.group_size("g1"));
}

TEST_P(TimeToLive, AGroupLivesExactlyAsLongAsItSays) {
  Cache& cache = open();
  for (const std::uint64_t fields : {1U, 10U, 5000U}) {
    for (std::uint64_t i = 0; i < fields; ++i)
      put(cache, "g", numbered("f", i), "v");
    EXPECT_FALSE(cache.group_ttl("g")->remaining.has_value());
    EXPECT_TRUE(cache.expire_group("g", 250ms).value());
    EXPECT_EQ(250ms, cache.group_ttl("g")->remaining);
    clock->advance(249ms);
    settle(cache);
    EXPECT_EQ(fields, cache.group_size("g"));
    EXPECT_EQ("v", fetch(cache, "g", "f0"));
    clock->advance(1ms);
    EXPECT_EQ(0U, cache.group_size("g"));
    EXPECT_FALSE(cache.contains_group("g"));
    EXPECT_EQ(std::nullopt, fetch(cache, "g", "f0"));
    EXPECT_FALSE(cache.group_ttl("g").has_value());
    EXPECT_FALSE(cache.erase_group("g"));
    EXPECT_FALSE(cache.expire_group("g", 5ms).value());
    std::uint64_t groups = 0;
    EXPECT_TRUE(
        succeeded(cache.for_each_group([&](std::string_view, std::uint64_t) { ++groups; })));
    EXPECT_EQ(0U, groups);
  }
}

TEST_P(TimeToLive, AWriteIntoAnExpiredGroupBeginsANewOne) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 3000; ++i)
    put(cache, "g", numbered("f", i), "old");
  ASSERT_TRUE(cache.expire_group("g", 10ms).value());
  clock->advance(10ms);
  EXPECT_EQ(SetOutcome::inserted, put(cache, "g", "f7", "new"));
  EXPECT_EQ(1U, cache.group_size("g"));
  EXPECT_EQ("new", fetch(cache, "g", "f7"));
  EXPECT_FALSE(cache.contains("g", "f8"));
  EXPECT_FALSE(cache.group_ttl("g")->remaining.has_value());
  clock->advance(1h);
  settle(cache);
  EXPECT_EQ("new", fetch(cache, "g", "f7"));
}

TEST_P(TimeToLive, AGroupsTimeCanBeTakenAway) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  EXPECT_FALSE(cache.expire_group("none", 10ms).value());
  EXPECT_TRUE(cache.expire_group("g", 10ms).value());
  EXPECT_TRUE(cache.expire_group("g", std::nullopt).value());
  EXPECT_FALSE(cache.group_ttl("g")->remaining.has_value());
  clock->advance(1h);
  EXPECT_EQ("v", fetch(cache, "g", "f"));
}

TEST_P(TimeToLive, TheEarlierOfFieldAndGroupWins) {
  Cache& cache = open();
  put(cache, "g", "short", "v", {.ttl = 10ms});
  put(cache, "g", "long", "v", {.ttl = 1000ms});
  ASSERT_TRUE(cache.expire_group("g", 100ms).value());
  clock->advance(10ms);
  EXPECT_FALSE(cache.contains("g", "short"));
  EXPECT_TRUE(cache.contains("g", "long"));
  clock->advance(90ms);
  EXPECT_FALSE(cache.contains("g", "long"));
}

TEST_P(TimeToLive, AGroupEmptiedByHandLeavesNoTimeBehind) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  ASSERT_TRUE(cache.expire_group("g", 100ms).value());
  EXPECT_TRUE(cache.erase("g", "f"));
  put(cache, "g", "f", "w");
  EXPECT_FALSE(cache.group_ttl("g")->remaining.has_value());
  put(cache, "h", "f", "v");
  ASSERT_TRUE(cache.expire_group("h", 100ms).value());
  EXPECT_TRUE(cache.erase_group("h"));
  put(cache, "h", "f", "w");
  clock->advance(1h);
  settle(cache);
  EXPECT_EQ("w", fetch(cache, "g", "f"));
  EXPECT_EQ("w", fetch(cache, "h", "f"));
}

TEST_P(TimeToLive, AGroupWhoseFieldsAllExpiredIsGoneForEveryCall) {
  Cache& cache = open();
  const auto hollow = [&](const std::string& group) {
    put(cache, group, "f", "v", {.ttl = 10ms});
    ASSERT_TRUE(cache.expire_group(group, 1h).value());
    ASSERT_TRUE(cache.set_group_limits(group, {.max_fields = 1}).value());
  };
  // A group of its own for each question, so that no answer cleans up for the next.
  for (const char* group : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"})
    hollow(group);
  clock->advance(10ms);
  EXPECT_FALSE(cache.contains_group("a"));
  EXPECT_EQ(0U, cache.group_size("b"));
  EXPECT_FALSE(cache.erase_group("c"));
  EXPECT_FALSE(cache.expire_group("d", 1h).value());
  EXPECT_FALSE(cache.group_ttl("e").has_value());
  EXPECT_FALSE(cache.group_limits("f").has_value());
  EXPECT_FALSE(cache.set_group_limits("g", {.max_fields = 2}).value());
  EXPECT_TRUE(fails_with(cache.rename_group("h", "other"), Errc::not_found));
  put(cache, "from", "f", "v");
  EXPECT_TRUE(succeeded(cache.rename_group("from", "i")))
      << "the target is gone: there is nothing to replace";
  put(cache, "j", "f", "new");
  put(cache, "j", "f2", "new");
  EXPECT_EQ(2U, cache.group_size("j")) << "the limits went with their group";
  EXPECT_FALSE(cache.group_ttl("j")->remaining.has_value()) << "the time went with its group";
}

TEST_P(TimeToLive, AnExpiredEntryThatIsDroppedWithItsGroupIsGoneOnce) {
  Cache& cache = open();
  put(cache, "g", "short", "v", {.ttl = 10ms});
  put(cache, "g", "stays", "v");
  clock->advance(10ms);
  EXPECT_TRUE(cache.erase_group("g"));
  pass_time(cache, 1000ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 0; }));
  const Stats stats = cache.stats();
  EXPECT_EQ(2U, stats.removed(RemovalCause::expired) + stats.removed(RemovalCause::erased));
}

TEST_P(TimeToLive, BytesOfARenamedGroupThatExpiresComeBack) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 300; ++i)
    put(cache, "a", numbered("f", i), "v");
  put(cache, "a field's own", "f", "v", {.ttl = 200ms});
  ASSERT_TRUE(cache.expire_group("a", 200ms).value());
  ASSERT_TRUE(succeeded(cache.rename_group("a", "b")));
  ASSERT_TRUE(succeeded(cache.rename_group("a field's own", "c")));
  pass_time(cache, 200ms + 1000ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 0; }))
      << cache.size() << " entries are still charged";
}

TEST_P(TimeToLive, IdleGroupsGoAndUsedOnesStay) {
  Cache& cache = open([](Options& chosen) { chosen.group.idle_ttl = 1600ms; });
  for (std::uint64_t i = 0; i < 100; ++i) {
    put(cache, numbered("read", i), "f", "v");
    put(cache, numbered("written", i), "f", "v");
    put(cache, numbered("idle", i), "f", "v");
  }
  for (int step = 0; step < 40; ++step) {
    pass_time(cache, 100ms);
    for (std::uint64_t i = 0; i < 100; ++i) {
      ASSERT_TRUE(cache.get(numbered("read", i), "f").has_value()) << step;
      ASSERT_NE(SetOutcome::inserted, put(cache, numbered("written", i), "f", "w")) << step;
    }
  }
  for (std::uint64_t i = 0; i < 100; ++i)
    EXPECT_FALSE(cache.contains_group(numbered("idle", i))) << i;
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 200; }));
  EXPECT_EQ(100U, cache.stats().removed(RemovalCause::expired));
}

TEST_P(TimeToLive, IdleExpiryIsNeverEarlyAndAtMostATickLate) {
  Cache& cache = open([](Options& chosen) { chosen.group.idle_ttl = 1600ms; });
  // Groups are used at different moments; a tick is a sixteenth of the idle time.
  for (std::uint64_t i = 0; i < 50; ++i) {
    put(cache, numbered("a", i), "f", "v");
    put(cache, numbered("b", i), "f", "v");
    clock->advance(7ms);
    settle(cache);
    ASSERT_TRUE(cache.contains(numbered("a", i), "f"));
    ASSERT_TRUE(cache.contains(numbered("b", i), "f"));
    clock->advance(1600ms - 8ms);
    settle(cache);
    ASSERT_TRUE(cache.get(numbered("a", i), "f").has_value())
        << "early: 1599 ms after the write, " << i;
    clock->advance(1ms + 100ms + 1ms);
    ASSERT_FALSE(cache.get(numbered("b", i), "f").has_value())
        << "late: idle for more than 1.7 s, " << i;
    clock->advance(Millis(3 + static_cast<std::int64_t>(i)));
  }
}

TEST_P(TimeToLive, AReadJustBeforeTheIdleEndCounts) {
  Cache& cache = open([](Options& chosen) { chosen.group.idle_ttl = 1600ms; });
  put(cache, "g", "f", "v");
  for (int i = 0; i < 20; ++i) {
    clock->advance(1599ms);
    settle(cache);
    ASSERT_TRUE(cache.get("g", "f").has_value()) << i;
  }
  clock->advance(1702ms);
  EXPECT_FALSE(cache.get("g", "f").has_value());
}

TEST_P(TimeToLive, LargeValuesExpireToo) {
  Cache& cache = open();
  settle(cache);
  const std::uint64_t before = cache.stats().live_page_bytes;
  for (std::uint64_t i = 0; i < 4; ++i)
    put(cache, "g", numbered("f", i), sealed(i, 700'000), {.ttl = 50ms});
  pass_time(cache, 50ms + 1000ms, 50ms);
  EXPECT_TRUE(eventually(cache, [&] { return cache.stats().live_page_bytes <= before + 64_KiB; }))
      << before << " before, " << cache.stats().live_page_bytes << " now";
}

TEST_P(TimeToLive, TimesSurviveGrowthAndMoves) {
  Cache& cache = open();
  Rng rng(23);
  std::map<std::string, std::int64_t> deadline;
  const std::int64_t start = clock->now_ms();
  for (int step = 0; step < 20'000; ++step) {
    const std::string field = numbered("f", rng.below(3000));
    SetOptions life;
    if (!rng.one_in(3)) life.ttl = Millis(1 + static_cast<std::int64_t>(rng.below(1'000'000)));
    put(cache, "g", field, std::string(rng.below(200), 'v'), life);
    deadline[field] = life.ttl ? clock->now_ms() + life.ttl->count() : INT64_MAX;
    if (step % 20 == 0) clock->advance(Millis(static_cast<std::int64_t>(rng.below(30))));
  }
  for (int step = 0; step < 30; ++step) {
    std::uint64_t alive = 0;
    for (const auto& [field, when] : deadline) {
      const bool lives = clock->now_ms() < when;
      alive += lives ? 1U : 0U;
      ASSERT_EQ(lives, cache.contains("g", field)) << field << " at " << clock->now_ms() - start;
    }
    ASSERT_EQ(alive, cache.group_size("g"));
    clock->advance(Millis(40'000));
    if (step % 2 == 0) settle(cache);
  }
}

}  // namespace
}  // namespace ullage::test
