// What classes keep apart, and what they cost.
#include "common/arguments.h"
#include "common/caches.h"
#include "common/instructions.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/text.h"
#include "common/zipf.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_classes = 1000;

std::string tenant(std::uint64_t number) {
  return text("tenant%04llu:", static_cast<unsigned long long>(number));
}
std::string numbered(const std::string& stem, std::uint64_t number) {
  return stem + std::to_string(number);
}
ClassInfo info_of(const Cache& cache, const std::string& pattern) {
  return cache.class_info(pattern).value();
}
void must_define(Cache& cache, const std::string& pattern, const ClassLimits& limits) {
  if (const auto done = cache.define_class(pattern, limits); !done) {
    std::fprintf(stderr, "classes: %s\n", done.error().message.c_str());
    std::exit(1);
  }
}

class Bench {
 public:
  Bench(const Arguments& arguments, Report& report) : arguments_(arguments), report_(report) {}

  /// A class of Zipf traffic beside one that writes new entries at 20 times its rate.
  void neighbour() {
    struct Ending {
      double hit_ratio;
      std::uint64_t evicted;
    };
    const auto requests = arguments_.scaled<std::uint64_t>(300'000, 3000);
    constexpr std::uint64_t k_keys = 100'000;
    constexpr std::size_t k_value_bytes = 100;
    constexpr int k_rate = 20;
    const std::string value(k_value_bytes, 'v');
    // Names of its groups and fields with what a class is charged besides.
    const std::uint64_t working_set =
        k_keys * (13 + k_class_group_bytes + 1 + k_value_bytes + k_class_entry_bytes);
    const auto run = [&](bool has_neighbour, bool has_class) {
      Cache cache = open_cache(32_MiB);
      if (has_class) must_define(cache, "kept:*", {.min = working_set});
      Zipf keys(k_keys, 0.9, 7);
      std::uint64_t next = 0;
      std::uint64_t hits = 0;
      std::uint64_t asked = 0;
      for (std::uint64_t i = 0; i < 2 * requests; ++i) {
        const std::string group = numbered("kept:", keys.next() + 10'000'000);
        const bool hit = cache.contains(group, "f") && cache.get(group, "f").has_value();
        if (i >= requests) ++asked, hits += hit ? 1U : 0U;
        if (!hit) must_set(cache, group, "f", value);
        for (int n = 0; has_neighbour && n < k_rate; ++n)
          must_set(cache, numbered("flood:", next++), "f", value);
      }
      const std::uint64_t evicted = has_class ? info_of(cache, "kept:*").evicted : 0;
      return Ending{static_cast<double>(hits) / static_cast<double>(asked), evicted};
    };
    const Ending alone = run(false, false);
    const Ending kept = run(true, true);
    const Ending bare = run(true, false);
    const std::string workload = text(
        "%llu requests of 100k keys, Zipf 0.9, twice; 20 writes of new keys after each; 32 MiB",
        static_cast<unsigned long long>(requests));
    report_.add({.figure =
                     "hit ratio of a class with min = its working set beside a flood, over its "
                     "hit ratio alone",
                 .bar = ">= 0.99 x",
                 .result = text("%.4f x (%.4f over %.4f), %llu of it evicted",
                                kept.hit_ratio / alone.hit_ratio, kept.hit_ratio, alone.hit_ratio,
                                static_cast<unsigned long long>(kept.evicted)),
                 .met = kept.hit_ratio >= 0.99 * alone.hit_ratio,
                 .peer = "",
                 .workload = workload});
    report_.add({.figure = "the same without classes",
                 .bar = "",
                 .result = text("%.4f x (%.4f over %.4f)", bare.hit_ratio / alone.hit_ratio,
                                bare.hit_ratio, alone.hit_ratio),
                 .met = std::nullopt,
                 .peer = "",
                 .workload = workload});
  }

  /// Two classes of one weight, one writing more than the other.
  void equals() {
    for (const int rate : {1, 4}) {
      const auto writes = arguments_.scaled<std::uint64_t>(600'000, 3000);
      Cache cache = open_cache(32_MiB);
      must_define(cache, "a:*", {.weight = 100});
      must_define(cache, "b:*", {.weight = 100});
      const std::string value(100, 'v');
      std::uint64_t a = 0;
      std::uint64_t b = 0;
      double worst = 1;
      for (std::uint64_t i = 0; i < writes; ++i) {
        must_set(cache, numbered("a:", a++), "f", value);
        for (int n = 0; n < rate; ++n)
          must_set(cache, numbered("b:", b++), "f", value);
        if (i < writes / 2 || i % 100 != 0) continue;
        const double ratio = static_cast<double>(info_of(cache, "a:*").bytes) /
                             static_cast<double>(info_of(cache, "b:*").bytes);
        worst = std::max({worst, ratio, 1 / ratio});
      }
      report_.add(
          {.figure = text("bytes of two equal classes under pressure, one writing %d times as "
                          "much: the larger over the smaller, at its worst",
                          rate),
           .bar = "<= 1.05 x",
           .result = text("%.3f x", worst),
           .met = worst <= 1.05,
           .peer = "",
           .workload = text("%llu writes of new keys, 100 B, 32 MiB; looked at every 100 from "
                            "half the way on",
                            static_cast<unsigned long long>(writes))});
    }
  }

  /// Sixteen threads write to a class at its max.
  void bound() {
    constexpr std::uint64_t k_max = 4_MiB;
    constexpr unsigned k_threads = 16;
    const auto writes = arguments_.scaled<std::uint64_t>(20'000, 1000);
    Cache cache = open_cache(64_MiB);
    must_define(cache, "a:*", {.max = k_max});
    std::atomic<std::uint64_t> failed{0};
    std::atomic<unsigned> running{k_threads};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < k_threads; ++t) {
      threads.emplace_back([&, t] {
        Random random(t + 1);
        const std::string value(2000, 'v');
        for (std::uint64_t i = 0; i < writes; ++i) {
          const std::string group = numbered("a:", random.next() % 20'000);
          const std::string_view part(value.data(), random.next() % value.size());
          if (!cache.set(group, numbered("f", random.next() % 4), part))
            failed.fetch_add(1, std::memory_order_relaxed);
        }
        running.fetch_sub(1);
      });
    }
    std::uint64_t most = 0;
    std::uint64_t looks = 0;
    while (running.load() != 0) {
      most = std::max(most, info_of(cache, "a:*").bytes);
      ++looks;
      std::this_thread::yield();
    }
    for (std::thread& thread : threads)
      thread.join();
    const Validation books = cache.validate();
    report_.add(
        {.figure = "bytes of a class at its max while 16 threads write to it, at most, over "
                   "its max",
         .bar = "<= 1 x",
         .result = text("%.4f x in %llu looks; %llu writes found no room; books %s",
                        static_cast<double>(most) / k_max, static_cast<unsigned long long>(looks),
                        static_cast<unsigned long long>(failed.load()),
                        books.ok ? "balance" : "do not balance"),
         .met = most <= k_max && books.ok,
         .peer = "",
         .workload = text("%llu writes a thread of up to 2000 B, max 4 MiB",
                          static_cast<unsigned long long>(writes))});
  }

  /// Classes that come, split and shrink over millions of groups while others write.
  void changes() {
    const auto groups = arguments_.scaled<std::uint64_t>(3'000'000, 30'000);
    constexpr unsigned k_threads = 2;
    constexpr std::size_t k_value_bytes = 16;
    const std::string value(k_value_bytes, 'v');
    Options options;
    options.memory_limit = arguments_.scaled<std::size_t>(512_MiB, 32_MiB);
    Cache cache = open_cache(std::move(options));
    const auto name = [](std::uint64_t i) {
      return numbered(i % 3 == 0 ? "t:a:" : i % 3 == 1 ? "t:b:" : "t:c:", i);
    };
    for (std::uint64_t i = 0; i < groups; ++i)
      static_cast<void>(cache.set(name(i), "f", value));
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> refused{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < k_threads; ++t) {
      threads.emplace_back([&, t] {
        Random random(t + 1);
        while (!stop.load(std::memory_order_relaxed)) {
          if (!cache.set(name(random.next() % groups), "f", value))
            refused.fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
    const auto settled_in = [&](const auto& change) {
      return seconds_of([&] {
        change();
        const auto is_settled = [&] {
          const std::vector<ClassInfo> all = cache.classes();
          return std::ranges::all_of(all, [](const ClassInfo& one) { return one.settled; });
        };
        while (!is_settled())
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      });
    };
    double longest_call = 0;
    const auto define = [&](const std::string& pattern, const ClassLimits& limits) {
      longest_call =
          std::max(longest_call, seconds_of([&] { must_define(cache, pattern, limits); }));
    };
    const double came = settled_in([&] { define("t:*", {}); });
    const double split = settled_in([&] {
      define("t:a:*", {});
      define("t:b:*", {});
      define("t:c:*", {});
    });
    const std::uint64_t held = info_of(cache, "t:a:*").bytes;
    bool has_grown = false;
    const double shrunk = seconds_of([&] {
      define("t:a:*", {.max = held / 4});
      std::uint64_t most = info_of(cache, "t:a:*").max_now;
      for (std::uint64_t now = held; now > held / 4;) {
        now = info_of(cache, "t:a:*").bytes;
        has_grown = has_grown || now > most;
        most = std::min(most, info_of(cache, "t:a:*").max_now);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    stop = true;
    for (std::thread& thread : threads)
      thread.join();
    const bool is_bounded = is_within_bounds(cache.stats().work_max, k_value_bytes);
    const Validation books = cache.validate();
    report_.add(
        {.figure = "classes that change over millions of groups under load",
         .bar = "no call above its work bound, no class above its max_now, books balance",
         .result = text("found %.2f s, split in three %.2f s, a max of a quarter reached %.2f s; "
                        "longest define_class %.1f ms; calls %s, %s, books %s, %llu writes found "
                        "no room",
                        came, split, shrunk, longest_call * 1000,
                        is_bounded ? "within" : "above their bound",
                        has_grown ? "a class grew above its max_now" : "no class above its max_now",
                        books.ok ? "balance" : "do not balance",
                        static_cast<unsigned long long>(refused.load())),
         .met = is_bounded && !has_grown && books.ok,
         .peer = "",
         .workload = text("%.1fM groups of one field of 16 B, %u writing threads",
                          static_cast<double>(cache.group_count()) / 1e6, k_threads)});
  }

  void instructions() {
    const auto count = arguments_.scaled<std::uint64_t>(50, 3);
    const std::string value(32, 'v');
    const auto group = [](std::uint64_t i) {
      return tenant(i % k_classes) + std::to_string(i / k_classes);
    };
    constexpr std::uint64_t k_groups = 20'000;
    const auto fill = [&](Cache& cache) {
      for (std::uint64_t i = 0; i < k_groups; ++i) {
        for (const char* field : {"f0", "f1", "f2", "f3"})
          must_set(cache, group(i), field, value);
      }
    };
    const auto names = std::make_shared<std::vector<std::string>>();
    for (std::uint64_t i = 0; i < count; ++i)
      names->push_back(group(i * 7919 % k_groups));
    compare("a get of an entry that is there", true, count, fill,
            [names](Cache& cache, std::uint64_t i) {
              std::array<char, 256> buffer;
              static_cast<void>(cache.get_into((*names)[i], "f2", buffer));
            });
    compare("a set of an entry that is there", true, count, fill,
            [names, value](Cache& cache, std::uint64_t i) {
              must_set(cache, (*names)[i], "f2", value);
            });
    compare("a set of another length", false, count, fill,
            [names, value](Cache& cache, std::uint64_t i) {
              must_set(cache, (*names)[i], "f2", std::string_view(value).substr(0, 30));
            });
    const auto fresh = std::make_shared<std::vector<std::string>>();
    for (std::uint64_t i = 0; i < count; ++i)
      fresh->push_back(group(k_groups + i * 7919 % k_groups));
    compare("a set of an entry of a new group", false, count, fill,
            [fresh, value](Cache& cache, std::uint64_t i) {
              must_set(cache, (*fresh)[i], "f2", value);
            });
    compare("a get of a group that is not there", false, count, fill,
            [fresh](Cache& cache, std::uint64_t i) {
              static_cast<void>(cache.get((*fresh)[i], "f2"));
            });
  }

 private:
  using Fill = std::function<void(Cache&)>;
  using Operation = std::function<void(Cache&, std::uint64_t)>;

  void compare(const char* what, bool has_bar, std::uint64_t count, const Fill& fill,
               const Operation& operation) {
    const auto prepared = [&](bool has_classes) -> Prepare {
      return [&, has_classes] {
        Options options;
        options.memory_limit = 64_MiB;
        options.max_classes = k_classes;
        options.maintenance = Maintenance::manual;
        options.random_seed = 1;
        options.hash_key[0] = 1;
        auto cache = std::make_shared<Cache>(open_cache(std::move(options)));
        std::vector<ClassDefinition> classes;
        for (std::uint64_t i = 0; has_classes && i < k_classes; ++i)
          classes.push_back({tenant(i) + "*", {.max = 1_MiB}});
        if (!cache->define_classes(classes)) std::exit(1);
        fill(*cache);
        return std::function<void()>([cache, count, operation] {
          for (std::uint64_t i = 0; i < count; ++i)
            operation(*cache, i);
        });
      };
    };
    InstructionRatio ratio;
    ratio.figure = text("instructions of %s with a thousand classes, over none", what);
    if (has_bar) ratio.bar = 1.05;
    ratio.operations = count;
    ratio.workload = "; 20k groups of 4 fields";
    report_instructions(report_, ratio, prepared(true), prepared(false));
  }

  const Arguments& arguments_;
  Report& report_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("classes", arguments);
  Bench bench(arguments, report);
  bench.instructions();
  bench.neighbour();
  bench.equals();
  bench.bound();
  bench.changes();
  return report.finish();
}
