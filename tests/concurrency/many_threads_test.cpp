// Many threads at once: sums are exact, loads fly once, limits move under writers, and the books
// balance.
#include "threads.h"

#include <array>
#include <map>
#include <mutex>
#include <stdexcept>

namespace ullage::test {
namespace {

TEST(ManyThreads, IncrementsSumExactly) {
  Cache cache = open_cache(64_MiB);
  constexpr std::uint64_t k_threads = 8;
  const std::uint64_t each = rounds(20'000);
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < k_threads; ++t) {
    workers.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i) {
        ASSERT_TRUE(succeeded(cache.increment("counters", numbered("n", (i + t) % 4), 3)));
      }
    });
  }
  // Neighbours that make the counters' page grow, split and shrink.
  std::uint64_t step = 0;
  together_with(std::move(workers), {[&] {
                  const std::string field = numbered("noise", step % 2000);
                  if (step++ / 2000 % 2 == 0) {
                    put(cache, "counters", field, std::string(50, 'n'));
                  } else {
                    cache.erase("counters", field);
                  }
                }});
  std::int64_t sum = 0;
  for (std::uint64_t n = 0; n < 4; ++n)
    sum += cache.increment("counters", numbered("n", n), 0).value();
  EXPECT_EQ(static_cast<std::int64_t>(k_threads * each * 3), sum);
  expect_balanced(cache);
}

TEST(ManyThreads, CompareAndSetAndUpdateSumExactly) {
  Cache cache = open_cache(64_MiB);
  put(cache, "g", "cas", "0");
  put(cache, "g", "update", "0");
  const std::uint64_t each = rounds(5000);
  const auto worker = [&] {
    for (std::uint64_t i = 0; i < each; ++i) {
      for (bool done = false; !done;) {
        const std::string now = *fetch(cache, "g", "cas");
        done = cache.compare_and_set("g", "cas", now, std::to_string(std::stoll(now) + 1)).value();
      }
      ASSERT_TRUE(succeeded(cache.update("g", "update", [](std::optional<std::string_view> now) {
        return std::optional<std::string>(std::to_string(std::stoll(std::string(*now)) + 1));
      })));
    }
  };
  together({worker, worker, worker, worker});
  EXPECT_EQ(std::to_string(4 * each), fetch(cache, "g", "cas"));
  EXPECT_EQ(std::to_string(4 * each), fetch(cache, "g", "update"));
}

TEST(ManyThreads, UpdatesOfLargeValuesSumExactly) {
  Cache cache = open_cache(64_MiB);
  const std::string tail(3000, 't');  // in pieces, written before the lock is taken
  put(cache, "g", "f", "0" + tail);
  std::atomic<std::uint64_t> written{0};
  const std::uint64_t each = rounds(2000);
  const auto worker = [&] {
    for (std::uint64_t i = 0; i < each; ++i) {
      const auto done = cache.update("g", "f", [&](std::optional<std::string_view> now) {
        return std::optional<std::string>(std::to_string(std::stoll(std::string(*now)) + 1) + tail);
      });
      if (done) {
        ++written;
      } else {
        ASSERT_EQ(Errc::busy, done.error().code) << done.error().message;
      }
    }
  };
  together({worker, worker, worker, worker});
  EXPECT_EQ(std::to_string(written.load()) + tail, fetch(cache, "g", "f"));
  expect_balanced(cache);
}

TEST(ManyThreads, AnUpdateThatThrowsLeavesNoPages) {
  Cache cache = open_cache(64_MiB);
  put(cache, "g", "f", "0");
  const std::string large(3000, 'l');  // in pieces, written before the lock is taken
  std::atomic<std::uint64_t> thrown{0};
  const auto throwing = [&] {
    for (std::uint64_t i = 0; i < rounds(3000); ++i) {
      int asked = 0;
      const auto next = [&](std::optional<std::string_view>) -> std::optional<std::string> {
        // Asked again since the entry changed: the pieces of the first answer are there.
        if (++asked == 2) throw std::runtime_error("no second time");
        return large;
      };
      try {
        static_cast<void>(cache.update("g", "f", next));
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    }
  };
  const auto changing = [&] { put(cache, "g", "f", std::to_string(thrown.load())); };
  together_with({throwing}, {changing});
  expect_balanced(cache);
}

TEST(ManyThreads, ALoadLosesToAnErase) {
  Cache cache = open_cache(64_MiB);
  std::atomic<std::uint64_t> source{1};  // where the loader reads; grows with each erase
  const Loader loader = [&](std::string_view, std::string_view) {
    return Loaded::of(std::to_string(source.load()));
  };
  const auto erasing = [&] {
    for (std::uint64_t i = 0; i < rounds(20'000); ++i) {
      const std::uint64_t now = ++source;
      cache.erase("g", "f");
      if (const auto found = fetch(cache, "g", "f")) {
        ASSERT_GE(std::stoull(*found), now) << "what a load brought before the erase came back";
      }
    }
  };
  const auto loading = [&] { static_cast<void>(cache.get_or_load("g", "f", loader)); };
  together_with({erasing}, {loading, loading, loading});
}

TEST(ManyThreads, TryEmplaceHasOneWinner) {
  Cache cache = open_cache(64_MiB);
  const std::uint64_t entries = rounds(5000);
  std::atomic<std::uint64_t> won{0};
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < 6; ++t) {
    workers.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < entries; ++i) {
        if (cache.try_emplace(numbered("g", i % 50), numbered("f", i), numbered("thread", t))
                .value() == SetOutcome::inserted) {
          won.fetch_add(1);
          EXPECT_EQ(numbered("thread", t), fetch(cache, numbered("g", i % 50), numbered("f", i)));
        }
      }
    });
  }
  together(std::move(workers));
  EXPECT_EQ(entries, won.load());
  EXPECT_EQ(entries, cache.size());
  expect_balanced(cache);
}

TEST(ManyThreads, SixteenWritersAndReaders) {
  Cache cache = open_cache(8_MiB);
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < 16; ++t) {
    workers.emplace_back([&cache, t] {
      Rng rng(t + 1);
      for (std::uint64_t i = 0; i < rounds(8000); ++i) {
        const std::string group = numbered("g", rng.below(200));
        const std::string field = numbered("f", rng.below(200));
        switch (rng.below(40)) {
          case 0:
            cache.erase_group(group);
            break;
          case 1:
            static_cast<void>(
                cache.rename_group(group, numbered("g", rng.below(200)), rng.one_in(2)));
            break;
          case 2:
            cache.erase(group, field);
            break;
          case 3:
            static_cast<void>(
                cache.expire(group, field, Millis(1 + static_cast<std::int64_t>(rng.below(10)))));
            break;
          case 4:
            static_cast<void>(cache.set_group_limits(group, {.max_fields = 1 + rng.below(50)}));
            break;
          case 5:
            EXPECT_TRUE(succeeded(cache.for_each(
                group, [](auto, std::string_view value) { EXPECT_TRUE(unseal(value)); })));
            break;
          default:
            put(cache, group, field,
                sealed(rng.next() | 1, 16 + rng.below(rng.one_in(50) ? 20'000 : 300)));
            break;
        }
      }
    });
  }
  const auto read = [&cache] {
    Rng rng(99);
    for (int i = 0; i < 500; ++i) {
      const std::optional<Value> value =
          cache.get(numbered("g", rng.below(200)), numbered("f", rng.below(200)));
      if (value) {
        EXPECT_TRUE(unseal(value->view()).has_value()) << value->size();
      }
    }
  };
  together_with(std::move(workers), {read, read});
  expect_balanced(cache);
}

TEST(ManyThreads, EveryAbsentEntryHasOneRemoval) {
  // Each thread writes names of its own, so that it knows what it inserted; the listener hears what
  // went.
  std::mutex mutex;
  std::map<std::string, std::uint64_t> removed;
  Options options;
  options.memory_limit = 16_MiB;
  options.clock = std::make_shared<ManualClock>();
  options.on_removal = [&](const Removal& removal) {
    if (removal.cause == RemovalCause::replaced) return;
    const std::lock_guard lock(mutex);
    ++removed[std::string(removal.field)];
  };
  Cache cache = Cache::open(std::move(options)).value();
  constexpr std::uint64_t k_threads = 4;
  std::array<std::map<std::string, std::uint64_t>, k_threads> inserted;
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < k_threads; ++t) {
    workers.emplace_back([&, t] {
      Rng rng(t + 7);
      for (std::uint64_t i = 0; i < rounds(30'000); ++i) {
        const std::string field = numbered(numbered("t", t) + ".", rng.below(4000));
        const std::string group = numbered("g", t * 4 + std::hash<std::string>{}(field) % 4);
        if (rng.one_in(5)) {
          cache.erase(group, field);
        } else if (put(cache, group, field, std::string(rng.below(2500), 'v')) ==
                   SetOutcome::inserted) {
          ++inserted[t][field];
        }
      }
    });
  }
  together_with(std::move(workers), {[&] { settle(cache); }});
  EXPECT_TRUE(eventually(cache, [&] {
    std::uint64_t gone = 0;
    for (std::size_t cause = 0; cause < k_removal_causes; ++cause) {
      if (static_cast<RemovalCause>(cause) != RemovalCause::replaced)
        gone += cache.stats().removals[cause];
    }
    const std::lock_guard lock(mutex);
    std::uint64_t heard = 0;
    for (const auto& [field, times] : removed)
      heard += times;
    return heard + cache.stats().removal_events_lost >= gone;
  }));
  if (cache.stats().removal_events_lost == 0) {
    const std::lock_guard lock(mutex);
    for (std::uint64_t t = 0; t < k_threads; ++t) {
      for (const auto& [field, times] : inserted[t]) {
        const std::string group = numbered("g", t * 4 + std::hash<std::string>{}(field) % 4);
        const std::uint64_t present = cache.contains(group, field) ? 1 : 0;
        ASSERT_EQ(times, removed[field] + present) << field;
      }
    }
  }
  expect_balanced(cache);
}

TEST(ManyThreads, FlightsAreSharedUnderLoad) {
  Cache cache = open_cache(64_MiB);
  constexpr std::uint64_t k_entries = 300;
  std::array<std::atomic<int>, k_entries> under_way{};
  const auto worker = [&] {
    Rng rng(std::hash<std::thread::id>{}(std::this_thread::get_id()));
    for (std::uint64_t i = 0; i < rounds(10'000); ++i) {
      const std::uint64_t entry = rng.below(k_entries);
      const auto loaded = cache.get_or_load("g", numbered("f", entry), [&](auto, auto) {
        EXPECT_EQ(0, under_way[entry].fetch_add(1)) << "two flights of one entry";
        Loaded answer = Loaded::of(sealed(entry + 1, 100));
        under_way[entry].fetch_sub(1);
        return answer;
      });
      ASSERT_TRUE(succeeded(loaded));
      if (loaded->has_value()) {
        ASSERT_EQ(entry + 1, unseal((*loaded)->view()));
      }
      if (i % 5 == 0) cache.erase("g", numbered("f", rng.below(k_entries)));
    }
  };
  together({worker, worker, worker, worker, worker, worker});
  expect_balanced(cache);
}

TEST(ManyThreads, TheMemoryLimitMovesUnderWriters) {
  Cache cache = open_cache(32_MiB, Policy::adaptive, 64_MiB);
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < 4; ++t) {
    workers.emplace_back([&cache, t] {
      Rng rng(t + 3);
      for (std::uint64_t i = 0; i < rounds(40'000); ++i) {
        put(cache, numbered("g", rng.below(1000)), numbered("f", rng.below(100)),
            sealed(i, 16 + rng.below(1500)));
      }
    });
  }
  Rng rng(5);
  const auto resize = [&] {
    const std::size_t limit = 8_MiB + rng.below(56_MiB);
    ASSERT_TRUE(succeeded(cache.set_memory_limit(limit)));
    ASSERT_LE(cache.stats().charged_bytes, limit);
  };
  const auto read = [&] {
    for (std::uint64_t i = 0; i < 200; ++i) {
      const std::optional<Value> value = cache.get(numbered("g", i), "f1");
      if (value) {
        ASSERT_TRUE(unseal(value->view()).has_value());
      }
    }
  };
  together_with(std::move(workers), {resize, read});
  EXPECT_LE(cache.stats().charged_bytes, cache.stats().memory_limit);
  expect_balanced(cache);
}

TEST(ManyThreads, TimePassesWhileAllWrite) {
  Options options;
  options.memory_limit = 16_MiB;
  const auto clock = std::make_shared<ManualClock>();
  options.clock = clock;
  options.group.idle_ttl = Millis(200);
  Cache cache = Cache::open(std::move(options)).value();
  std::vector<std::function<void()>> workers;
  for (std::uint64_t t = 0; t < 4; ++t) {
    workers.emplace_back([&, t] {
      Rng rng(t + 13);
      struct Life {
        std::int64_t earliest_end = 0;
        std::int64_t latest_end = 0;
      };
      std::map<std::uint64_t, Life> lives;  // of this thread's own entries
      for (std::uint64_t i = 0; i < rounds(30'000); ++i) {
        const std::uint64_t entry = rng.below(2000);
        const std::string group = numbered(numbered("t", t) + ".", entry % 100);
        const std::string field = numbered("f", entry);
        if (rng.one_in(2)) {
          const std::int64_t ttl = 1 + static_cast<std::int64_t>(rng.below(100));
          const std::int64_t before = clock->now_ms();
          ASSERT_TRUE(succeeded(cache.set(group, field, "v", {.ttl = Millis(ttl)})));
          lives[entry] = {before + ttl, clock->now_ms() + ttl};
        } else if (lives.contains(entry)) {
          const std::int64_t before = clock->now_ms();
          const bool there = cache.get(group, field).has_value();
          if (there) {
            ASSERT_LT(before, lives[entry].latest_end) << "expired and still visible";
          } else {
            ASSERT_GE(clock->now_ms(), lives[entry].earliest_end) << "gone early";
          }
        }
        if (i % 20 == 0) clock->advance(Millis(1));
      }
    });
  }
  together(std::move(workers));
  clock->advance(Millis(2000));
  EXPECT_TRUE(eventually(cache, [&] { return cache.size() == 0; })) << cache.size();
  expect_balanced(cache);
}

}  // namespace
}  // namespace ullage::test
