// get_or_load(): one flight per entry, and a policy for every answer of a loader.
#include "contract.h"

#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <deque>
#include <latch>
#include <stdexcept>
#include <thread>

namespace ullage::test {
namespace {

/// Keeps tasks until the test runs them.
class HeldExecutor final : public Executor {
 public:
  void run(std::function<void()> task) noexcept override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  /// Runs all tasks, also those that come meanwhile; answers how many.
  std::size_t run_all() {
    std::size_t ran = 0;
    for (;;) {
      std::function<void()> task;
      {
        const std::lock_guard lock(mutex_);
        if (tasks_.empty()) return ran;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
      ++ran;
    }
  }

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
};

class Loading : public Contract {
 protected:
  static std::optional<std::string> text(const Result<std::optional<Value>>& loaded) {
    EXPECT_TRUE(succeeded(loaded));
    if (!loaded || !loaded->has_value()) return std::nullopt;
    return (*loaded)->str();
  }
};
ULLAGE_EVERY_SETTING(Loading);

TEST_P(Loading, AMissIsLoadedStoredAndThenHit) {
  Cache& cache = open();
  int calls = 0;
  const Loader loader = [&](std::string_view group, std::string_view field) {
    ++calls;
    return Loaded::of(std::string(group) + "/" + std::string(field));
  };
  EXPECT_EQ("g/f", text(cache.get_or_load("g", "f", loader)));
  EXPECT_EQ("g/f", text(cache.get_or_load("g", "f", loader)));
  EXPECT_EQ(1, calls);
  EXPECT_EQ("g/f", fetch(cache, "g", "f"));
  EXPECT_EQ(1U, cache.stats().loads);
  EXPECT_EQ(0U, cache.stats().load_failures);
}

TEST_P(Loading, APresentEntryIsNotLoaded) {
  Cache& cache = open();
  put(cache, "g", "f", "mine");
  EXPECT_EQ("mine", text(cache.get_or_load("g", "f", [](auto, auto) {
              ADD_FAILURE() << "loaded";
              return Loaded::absent();
            })));
}

TEST_P(Loading, LargeEmptyAndBinaryValues) {
  Cache& cache = open();
  for (const std::string& value : {sealed(1, 500'000), std::string(), std::string(100, '\0')}) {
    cache.clear();
    EXPECT_TRUE(text(cache.get_or_load("", "", [&](auto, auto) { return Loaded::of(value); })) ==
                value);
    EXPECT_TRUE(fetch(cache, "", "") == value);
  }
}

TEST_P(Loading, TheLoadersTimeToLiveWinsOverTheOptions) {
  Cache& cache = open();
  const LoadOptions options{.ttl = 100ms};
  EXPECT_EQ("v",
            text(cache.get_or_load("g", "a", [](auto, auto) { return Loaded::of("v"); }, options)));
  EXPECT_EQ("v", text(cache.get_or_load(
                     "g", "b", [](auto, auto) { return Loaded::of("v", 30ms); }, options)));
  EXPECT_EQ("v", text(cache.get_or_load("g", "c", [](auto, auto) { return Loaded::of("v"); })));
  EXPECT_EQ(100ms, cache.ttl("g", "a")->remaining);
  EXPECT_EQ(30ms, cache.ttl("g", "b")->remaining);
  EXPECT_FALSE(cache.ttl("g", "c")->remaining.has_value());
  clock->advance(30ms);
  EXPECT_EQ("again", text(cache.get_or_load(
                         "g", "b", [](auto, auto) { return Loaded::of("again"); }, options)));
}

TEST_P(Loading, ManyThreadsOneFlight) {
  Cache& cache = open();
  constexpr int k_threads = 8;
  std::latch inside(1);
  std::latch go_on(1);
  std::atomic<int> calls{0};
  const Loader loader = [&](auto, auto) {
    if (calls.fetch_add(1) == 0) inside.count_down();
    go_on.wait();
    return Loaded::of("loaded");
  };
  std::vector<std::optional<std::string>> answers(k_threads);
  std::vector<std::thread> threads;
  std::latch started(k_threads - 1);
  threads.emplace_back([&] { answers[0] = text(cache.get_or_load("g", "f", loader)); });
  inside.wait();  // the first is in its loader: all others find its flight
  for (std::size_t i = 1; i < k_threads; ++i) {
    threads.emplace_back([&, i] {
      started.count_down();
      answers[i] = text(cache.get_or_load("g", "f", loader));
    });
  }
  started.wait();
  // Another entry does not wait for this flight.
  EXPECT_EQ("other",
            text(cache.get_or_load("g", "other", [](auto, auto) { return Loaded::of("other"); })));
  EXPECT_FALSE(cache.get("g", "f").has_value())
      << "get() does not wait and does not see what is not there";
  go_on.count_down();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(1, calls.load());
  for (const auto& answer : answers)
    EXPECT_EQ("loaded", answer);
}

TEST_P(Loading, ManyThreadsManyEntriesOneLoadEach) {
  Cache& cache = open();
  constexpr std::size_t k_entries = 200;
  std::array<std::atomic<int>, k_entries> calls{};
  std::barrier start(6);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (std::uint64_t i = 0; i < k_entries; ++i) {
        const std::uint64_t entry = t % 2 == 0 ? i : k_entries - 1 - i;
        EXPECT_EQ(numbered("v", entry),
                  text(cache.get_or_load("g", numbered("f", entry), [&](auto, auto) {
                    calls[entry].fetch_add(1);
                    return Loaded::of(numbered("v", entry));
                  })));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (std::size_t i = 0; i < k_entries; ++i)
    EXPECT_EQ(1, calls[i].load()) << i;
  EXPECT_EQ(k_entries, cache.stats().loads);
}

TEST_P(Loading, AFailureIsPassedOnAndNotKept) {
  Cache& cache = open();
  int calls = 0;
  const Loader failing = [&](auto, auto) {
    ++calls;
    return Loaded::failed("the database is on fire");
  };
  for (int i = 0; i < 2; ++i) {
    const auto result = cache.get_or_load("g", "f", failing);
    ASSERT_TRUE(fails_with(result, Errc::load_failed));
    EXPECT_NE(std::string::npos, result.error().message.find("the database is on fire"));
  }
  EXPECT_EQ(2, calls) << "without failure_ttl each call asks again";
  EXPECT_FALSE(cache.contains("g", "f"));
  EXPECT_FALSE(cache.contains_group("g"));
  EXPECT_EQ(2U, cache.stats().load_failures);
  EXPECT_EQ("ok", text(cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of("ok"); })));
}

TEST_P(Loading, AFailureIsRememberedForFailureTtl) {
  Cache& cache = open();
  int calls = 0;
  const Loader failing = [&](auto, auto) {
    ++calls;
    return Loaded::failed("no");
  };
  const LoadOptions options{.failure_ttl = 100ms};
  EXPECT_TRUE(fails_with(cache.get_or_load("g", "f", failing, options), Errc::load_failed));
  clock->advance(99ms);
  EXPECT_TRUE(fails_with(cache.get_or_load("g", "f", failing, options), Errc::load_failed));
  EXPECT_EQ(1, calls);
  EXPECT_TRUE(fails_with(cache.get_or_load("g", "other", failing, options), Errc::load_failed));
  EXPECT_EQ(2, calls) << "each entry fails for itself";
  clock->advance(1ms);
  EXPECT_EQ("ok", text(cache.get_or_load(
                      "g", "f", [](auto, auto) { return Loaded::of("ok"); }, options)));
}

TEST_P(Loading, ASetEndsARememberedFailure) {
  Cache& cache = open();
  const LoadOptions options{.failure_ttl = 1h};
  EXPECT_TRUE(fails_with(cache.get_or_load(
                             "g", "f", [](auto, auto) { return Loaded::failed("no"); }, options),
                         Errc::load_failed));
  put(cache, "g", "f", "mine");
  EXPECT_EQ("mine", text(cache.get_or_load(
                        "g", "f", [](auto, auto) { return Loaded::absent(); }, options)));
}

TEST_P(Loading, NoneIsAskedForEachTimeUnlessRemembered) {
  Cache& cache = open();
  int calls = 0;
  const Loader none = [&](auto, auto) {
    ++calls;
    return Loaded::absent();
  };
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none)));
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none)));
  EXPECT_EQ(2, calls);
  const LoadOptions options{.negative_ttl = 100ms};
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none, options)));
  EXPECT_EQ(3, calls);
  clock->advance(99ms);
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none, options)));
  EXPECT_EQ(3, calls);
  EXPECT_EQ(1U, cache.stats().negative_hits);
  clock->advance(1ms);
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none, options)));
  EXPECT_EQ(4, calls);
  EXPECT_FALSE(cache.contains("g", "f")) << "a remembered none is no entry";
  EXPECT_EQ(0U, cache.size());
}

TEST_P(Loading, ASetEndsARememberedNone) {
  Cache& cache = open();
  const LoadOptions options{.negative_ttl = 1h};
  const Loader none = [](auto, auto) { return Loaded::absent(); };
  EXPECT_EQ(std::nullopt, text(cache.get_or_load("g", "f", none, options)));
  put(cache, "g", "f", "now there");
  EXPECT_EQ("now there", text(cache.get_or_load("g", "f", none, options)));
}

TEST_P(Loading, MoreNonesThanCanBeRemembered) {
  Cache& cache = open();
  const LoadOptions options{.negative_ttl = 1h};
  const Loader none = [](auto, auto) { return Loaded::absent(); };
  for (std::uint64_t i = 0; i < k_negatives_max + 1000; ++i) {
    ASSERT_EQ(std::nullopt, text(cache.get_or_load("g", numbered("f", i), none, options)));
  }
  EXPECT_EQ(0U, cache.size());
}

TEST_P(Loading, ASetDuringTheLoadWins) {
  Cache& cache = open();
  const auto result = cache.get_or_load("g", "f", [&](auto, auto) {
    put(cache, "g", "f", "set meanwhile");
    return Loaded::of("loaded");
  });
  EXPECT_TRUE(succeeded(result));
  EXPECT_EQ("set meanwhile", fetch(cache, "g", "f"));
}

TEST_P(Loading, AnEraseDuringTheLoadWins) {
  Cache& cache = open();
  const auto result = cache.get_or_load("g", "f", [&](auto, auto) {
    cache.erase("g", "f");
    return Loaded::of("loaded from before the erase");
  });
  EXPECT_TRUE(succeeded(result));
  EXPECT_FALSE(cache.contains("g", "f"));
}

TEST_P(Loading, ASetAndEraseDuringTheLoadWin) {
  Cache& cache = open();
  EXPECT_TRUE(succeeded(cache.get_or_load("g", "f", [&](auto, auto) {
    put(cache, "g", "f", "set meanwhile");
    cache.erase_group("g");
    return Loaded::of("loaded from before both");
  })));
  EXPECT_FALSE(cache.contains("g", "f"));
}

TEST_P(Loading, ADropOrRenameOfTheGroupDuringTheLoad) {
  Cache& cache = open();
  put(cache, "g", "neighbour", "n");
  EXPECT_TRUE(succeeded(cache.get_or_load("g", "f", [&](auto, auto) {
    cache.rename_group("g", "h").value();
    return Loaded::of("v");
  })));
  EXPECT_EQ("n", fetch(cache, "h", "neighbour"));
  EXPECT_FALSE(cache.contains("h", "f")) << "it was asked for in the group g";
}

TEST_P(Loading, AThrowingLoaderLeavesTheCacheWhole) {
  Cache& cache = open();
  EXPECT_THROW(static_cast<void>(cache.get_or_load(
                   "g", "f", [](auto, auto) -> Loaded { throw std::runtime_error("thrown"); })),
               std::runtime_error);
  EXPECT_FALSE(cache.contains("g", "f"));
  EXPECT_EQ("v", text(cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of("v"); })))
      << "the flight must have ended";
}

TEST_P(Loading, WaitersOfAThrowingLoaderAreNotLeftHanging) {
  Cache& cache = open();
  std::latch inside(1);
  std::latch go_on(1);
  std::thread first([&] {
    EXPECT_THROW(static_cast<void>(cache.get_or_load("g", "f",
                                                     [&](auto, auto) -> Loaded {
                                                       inside.count_down();
                                                       go_on.wait();
                                                       throw std::runtime_error("thrown");
                                                     })),
                 std::runtime_error);
  });
  inside.wait();
  std::thread second([&] {
    // Either it loads for itself or it hears of the failure; both end.
    const auto result =
        cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of("second"); });
    if (!result) {
      EXPECT_TRUE(fails_with(result, Errc::load_failed));
    }
  });
  go_on.count_down();
  first.join();
  second.join();
}

TEST_P(Loading, TheLoaderMayUseTheCache) {
  Cache& cache = open();
  EXPECT_EQ("a+b", text(cache.get_or_load("g", "sum", [&](auto, auto) {
              const auto a =
                  cache.get_or_load("g", "a", [](auto, auto) { return Loaded::of("a"); });
              put(cache, "g", "b", "b");
              return Loaded::of((*a)->str() + "+" + *fetch(cache, "g", "b"));
            })));
  EXPECT_EQ(3U, cache.group_size("g"));
}

TEST_P(Loading, ALoadedValueThatIsTooLongIsRefused) {
  Cache& cache = open([](Options& chosen) { chosen.max_value_bytes = 1000; });
  EXPECT_TRUE(fails_with(
      cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of(std::string(1001, 'v')); }),
      Errc::value_too_long));
  EXPECT_FALSE(cache.contains("g", "f"));
  const std::string too_long(k_name_max_bytes + 1, 'n');
  EXPECT_TRUE(
      fails_with(cache.get_or_load("g", too_long, [](auto, auto) { return Loaded::of("v"); }),
                 Errc::name_too_long));
  EXPECT_TRUE(
      fails_with(cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of("v", 0ms); }),
                 Errc::ttl_out_of_range));
  EXPECT_FALSE(cache.contains_group("g"));
}

TEST_P(Loading, RefreshAheadAnswersAtOnceAndLoadsInTheExecutor) {
  const auto executor = std::make_shared<HeldExecutor>();
  Cache& cache = open([&](Options& chosen) {
    chosen.executor = executor;
    chosen.on_removal = {};
  });
  std::atomic<int> calls{0};
  const LoadOptions options{.ttl = 1000ms, .refresh_ahead = 200ms};
  const Loader loader = [&](auto, auto) {
    return Loaded::of(numbered("v", static_cast<std::uint64_t>(calls.fetch_add(1))));
  };
  EXPECT_EQ("v0", text(cache.get_or_load("g", "f", loader, options)));
  clock->advance(700ms);
  EXPECT_EQ("v0", text(cache.get_or_load("g", "f", loader, options)));
  executor->run_all();
  EXPECT_EQ(1, calls.load()) << "300 ms are left: no refresh yet";
  clock->advance(150ms);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ("v0", text(cache.get_or_load("g", "f", loader, options)));
  EXPECT_EQ(1, calls.load()) << "the caller must not load";
  EXPECT_GE(executor->run_all(), 1U);
  EXPECT_EQ(2, calls.load()) << "one flight per entry";
  EXPECT_EQ("v1", text(cache.get_or_load("g", "f", loader, options)));
  EXPECT_EQ(1000ms, cache.ttl("g", "f")->remaining);
  clock->advance(999ms);
  EXPECT_EQ("v1", fetch(cache, "g", "f"));
}

TEST_P(Loading, AFailedRefreshKeepsTheOldValueToItsEnd) {
  const auto executor = std::make_shared<HeldExecutor>();
  Cache& cache = open([&](Options& chosen) {
    chosen.executor = executor;
    chosen.on_removal = {};
  });
  const LoadOptions options{.ttl = 1000ms, .refresh_ahead = 200ms};
  bool fail = false;
  const Loader loader = [&](auto, auto) { return fail ? Loaded::failed("no") : Loaded::of("v"); };
  EXPECT_EQ("v", text(cache.get_or_load("g", "f", loader, options)));
  fail = true;
  clock->advance(900ms);
  EXPECT_EQ("v", text(cache.get_or_load("g", "f", loader, options)));
  executor->run_all();
  EXPECT_EQ("v", fetch(cache, "g", "f"));
  clock->advance(100ms);
  EXPECT_EQ(std::nullopt, fetch(cache, "g", "f"));
}

TEST_P(Loading, ASetDuringARefreshWins) {
  const auto executor = std::make_shared<HeldExecutor>();
  Cache& cache = open([&](Options& chosen) {
    chosen.executor = executor;
    chosen.on_removal = {};
  });
  const LoadOptions options{.ttl = 1000ms, .refresh_ahead = 200ms};
  bool meddle = false;
  const Loader loader = [&](auto, auto) {
    if (meddle) put(cache, "g", "f", "set meanwhile");
    return Loaded::of("loaded");
  };
  EXPECT_EQ("loaded", text(cache.get_or_load("g", "f", loader, options)));
  clock->advance(900ms);
  meddle = true;
  EXPECT_EQ("loaded", text(cache.get_or_load("g", "f", loader, options)));
  executor->run_all();
  EXPECT_EQ("set meanwhile", fetch(cache, "g", "f"));
}

TEST_P(Loading, BulkLoadsOnlyWhatIsMissingInOneCall) {
  Cache& cache = open();
  put(cache, "g", "a", "here");
  int calls = 0;
  const BulkLoader loader = [&](std::string_view group,
                                const std::vector<std::string_view>& fields) {
    ++calls;
    EXPECT_EQ("g", group);
    EXPECT_EQ((std::vector<std::string_view>{"b", "c", "d"}), fields);
    return std::vector<Loaded>{Loaded::of("B"), Loaded::absent(), Loaded::of("D", 50ms)};
  };
  const std::string_view fields[] = {"b", "a", "c", "d"};
  auto result = cache.get_or_load_many("g", fields, loader);
  ASSERT_TRUE(succeeded(result));
  ASSERT_EQ(4U, result->size());
  EXPECT_EQ("B", (*result)[0]->str());
  EXPECT_EQ("here", (*result)[1]->str());
  EXPECT_FALSE((*result)[2].has_value());
  EXPECT_EQ("D", (*result)[3]->str());
  EXPECT_EQ(1, calls);
  EXPECT_EQ("B", fetch(cache, "g", "b"));
  EXPECT_EQ(50ms, cache.ttl("g", "d")->remaining);
  EXPECT_FALSE(cache.contains("g", "c"));
}

TEST_P(Loading, BulkOfNothingMissingDoesNotLoad) {
  Cache& cache = open();
  put(cache, "g", "a", "1");
  const std::string_view fields[] = {"a", "a"};
  const BulkLoader never = [](auto, const auto&) {
    ADD_FAILURE() << "loaded";
    return std::vector<Loaded>{};
  };
  const auto result = cache.get_or_load_many("g", fields, never);
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(2U, result->size());
  EXPECT_TRUE(succeeded(cache.get_or_load_many("g", {}, never)));
}

TEST_P(Loading, BulkFailureIsPassedOn) {
  Cache& cache = open();
  const std::string_view fields[] = {"a", "b"};
  const auto result = cache.get_or_load_many("g", fields, [](auto, const auto&) {
    return std::vector<Loaded>{Loaded::of("A"), Loaded::failed("half of it is gone")};
  });
  ASSERT_TRUE(fails_with(result, Errc::load_failed));
  EXPECT_NE(std::string::npos, result.error().message.find("half of it is gone"));
  EXPECT_FALSE(cache.contains("g", "b"));
}

TEST_P(Loading, BulkAndSingleShareFlights) {
  Cache& cache = open();
  std::latch inside(1);
  std::latch go_on(1);
  std::atomic<int> loads_of_a{0};
  std::thread single([&] {
    EXPECT_EQ("single", text(cache.get_or_load("g", "a", [&](auto, auto) {
                loads_of_a.fetch_add(1);
                inside.count_down();
                go_on.wait();
                return Loaded::of("single");
              })));
  });
  inside.wait();
  std::thread bulk([&] {
    const std::string_view fields[] = {"a", "b"};
    const auto result = cache.get_or_load_many(
        "g", fields, [&](auto, const std::vector<std::string_view>& missing) {
          std::vector<Loaded> answers;
          for (const std::string_view field : missing) {
            if (field == "a") loads_of_a.fetch_add(1);
            answers.push_back(Loaded::of("bulk"));
          }
          return answers;
        });
    ASSERT_TRUE(succeeded(result));
    EXPECT_EQ("single", (*result)[0]->str());
    EXPECT_EQ("bulk", (*result)[1]->str());
  });
  go_on.count_down();
  single.join();
  bulk.join();
  EXPECT_EQ(1, loads_of_a.load());
}

TEST_P(Loading, ABulkLoadThatIsOvertakenAnswersWhatWasWritten) {
  Cache& cache = open();
  const std::vector<std::string_view> fields = {"a", "b"};
  const auto loaded = cache.get_or_load_many(
      "g", fields, [&](std::string_view group, const std::vector<std::string_view>&) {
        put(cache, group, "a", "written");
        return std::vector<Loaded>{Loaded::of("loaded"), Loaded::of("loaded")};
      });
  ASSERT_TRUE(succeeded(loaded));
  EXPECT_TRUE(loaded->at(0).has_value() && *loaded->at(0) == "written");
  EXPECT_TRUE(loaded->at(1).has_value() && *loaded->at(1) == "loaded");
}

// --- loads of groups, which store what they load ---

using MaybeLoaded = std::optional<Loaded>;

TEST_P(Loading, OfAGroupStoresNothingAndAnswersWhetherThereIsSomething) {
  Cache& cache = open();
  EXPECT_EQ(
      true,
      cache.load_group("g", [](const auto&) { return MaybeLoaded(Loaded::of("x")); }).value());
  EXPECT_EQ(
      false,
      cache.load_group("g", [](const auto&) { return MaybeLoaded(Loaded::absent()); }).value());
  EXPECT_TRUE(fails_with(
      cache.load_group("g", [](const auto&) { return MaybeLoaded(Loaded::failed("no")); }),
      Errc::load_failed));
  EXPECT_EQ(3U, cache.stats().loads);
  EXPECT_EQ(1U, cache.stats().load_failures);
  EXPECT_EQ(true, cache.load_group("g", [](const auto&) { return MaybeLoaded(); }).value());
  EXPECT_EQ(3U, cache.stats().loads) << "nothing had to be loaded";
  EXPECT_FALSE(cache.contains_group("g"));
}

TEST_P(Loading, OfAGroupRemembersWhatIsNotThere) {
  Cache& cache = open();
  int calls = 0;
  const auto load = [&](Loaded answer, const LoadOptions& options) {
    return cache.load_group(
        "g",
        [&](const auto&) {
          ++calls;
          return MaybeLoaded(answer);
        },
        options);
  };
  const LoadOptions options{.negative_ttl = 1000ms, .failure_ttl = 1000ms};
  EXPECT_FALSE(load(Loaded::absent(), options).value());
  EXPECT_FALSE(load(Loaded::of("x"), options).value());
  EXPECT_EQ(1, calls);
  put(cache, "g", "f", "written");
  EXPECT_TRUE(fails_with(load(Loaded::failed("why"), options), Errc::load_failed));
  EXPECT_TRUE(fails_with(load(Loaded::of("x"), options), Errc::load_failed));
  EXPECT_EQ(2, calls);
  clock->advance(1001ms);
  EXPECT_TRUE(load(Loaded::of("x"), options).value());
  EXPECT_EQ(3, calls);
}

TEST_P(Loading, OfAGroupKnowsWritesOfOthersFromItsOwn) {
  Cache& cache = open();
  const auto writes = std::to_array<std::function<void()>>({
      [&] { put(cache, "g", "f", "written"); },
      [&] { put(cache, "g", "f", "written"), cache.erase("g", "f"); },
      [&] { put(cache, "g", "other", "written"), cache.erase_group("g"); },
      [&] {
        EXPECT_TRUE(succeeded(cache.edit_group("g", [](GroupEdit& edit) -> Result<void> {
          edit.set("f", "edited");
          return {};
        })));
      },
      [&] { cache.clear(); },
  });
  for (const auto& write : writes) {
    EXPECT_TRUE(cache
                    .load_group("g",
                                [&](const std::atomic<bool>& overtaken) {
                                  EXPECT_FALSE(overtaken.load());
                                  write();
                                  EXPECT_FALSE(overtaken.load()) << "its own";
                                  std::thread(write).join();
                                  EXPECT_TRUE(overtaken.load()) << "another's";
                                  return MaybeLoaded(Loaded::of({}));
                                })
                    .value());
  }
}

TEST_P(Loading, OfAGroupIsOneCallForAllWhoAskMeanwhile) {
  Cache& cache = open();
  constexpr std::ptrdiff_t k_threads = 6;
  std::atomic<int> calls{0};
  std::atomic<std::ptrdiff_t> asked{0};
  const auto ask = [&] {
    ++asked;
    const auto answer = cache.load_group("g", [&](const auto&) {
      if (cache.contains("g", "f")) return MaybeLoaded();
      ++calls;
      while (asked.load() != k_threads)
        std::this_thread::yield();
      put(cache, "g", "f", "loaded");
      return MaybeLoaded(Loaded::of({}));
    });
    EXPECT_TRUE(answer.value_or(false));
    EXPECT_EQ("loaded", fetch(cache, "g", "f"));
  };
  std::vector<std::thread> threads;
  for (std::ptrdiff_t i = 0; i < k_threads; ++i)
    threads.emplace_back(ask);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(1, calls.load());
}

TEST_P(Loading, OfAGroupThatThrowsOrComesBackLeavesTheCacheWhole) {
  Cache& cache = open();
  const auto throws = [](const auto&) -> MaybeLoaded { throw std::runtime_error("why"); };
  EXPECT_THROW(static_cast<void>(cache.load_group("g", throws)), std::runtime_error);
  const auto again = cache.load_group("g", [&](const auto&) {
    EXPECT_TRUE(fails_with(cache.load_group("g", [](const auto&) { return MaybeLoaded(); }),
                           Errc::reentered));
    return MaybeLoaded(Loaded::of({}));
  });
  EXPECT_TRUE(again.value());
}

}  // namespace
}  // namespace ullage::test
