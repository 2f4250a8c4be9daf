// Classes while many threads write: a max holds at every moment, and the books are exact although
// classes come, go and change under the writers.
#include "threads.h"

#include <algorithm>
#include <atomic>

namespace ullage::test {
namespace {

using namespace ullage::literals;

ClassInfo info_of(const Cache& cache, std::string_view pattern) {
  return cache.class_info(pattern).value_or(ClassInfo{});
}

TEST(ClassesUnderThreads, SixteenWritersNeverExceedAMax) {
  constexpr std::uint64_t k_parent = 600'000;
  constexpr std::uint64_t k_child = 400'000;
  Cache cache = open_cache(16_MiB);
  ASSERT_TRUE(succeeded(cache.define_class("a:*", {.max = k_parent})));
  ASSERT_TRUE(succeeded(cache.define_class("a:x:*", {.max = k_child})));
  std::vector<std::function<void()>> writers;
  for (std::uint64_t t = 0; t < 16; ++t) {
    writers.emplace_back([&cache, t] {
      Rng rng(t + 1);
      for (std::uint64_t i = 0; i < rounds(3000); ++i) {
        const std::string group = numbered(t % 2 == 0 ? "a:x:" : "a:y:", rng.below(3000));
        put(cache, group, numbered("f", rng.below(4)), sealed(i, 16 + rng.below(2000)));
        if (rng.one_in(50)) cache.erase_group(group);
      }
    });
  }
  const auto look = [&] {
    ASSERT_LE(info_of(cache, "a:*").bytes, k_parent);
    ASSERT_LE(info_of(cache, "a:x:*").bytes, k_child);
  };
  together_with(std::move(writers), {look});
  EXPECT_GT(info_of(cache, "a:*").limited, 0U);
  expect_balanced(cache);
}

TEST(ClassesUnderThreads, SixteenFloodsLeaveAClassItsMin) {
  Cache cache = open_cache(16_MiB);
  ASSERT_TRUE(succeeded(cache.define_class("kept:*", {.min = 2'000'000})));
  for (std::uint64_t i = 0; i < 4000; ++i)
    put(cache, numbered("kept:", i), "f", sealed(i, 200));
  const ClassInfo before = info_of(cache, "kept:*");
  ASSERT_EQ(before.entries, 4000U);
  ASSERT_LT(before.bytes, 2'000'000U);
  std::vector<std::function<void()>> writers;
  for (std::uint64_t t = 0; t < 16; ++t) {
    writers.emplace_back([&cache, t] {
      for (std::uint64_t i = 0; i < rounds(3000); ++i)
        put(cache, numbered("flood:", t * 1'000'000 + i), "f", sealed(i, 500));
    });
  }
  together_with(std::move(writers), {[&] { ASSERT_EQ(info_of(cache, "kept:*").entries, 4000U); }});
  EXPECT_EQ(info_of(cache, "kept:*").evicted, 0U);
  EXPECT_EQ(info_of(cache, "kept:*").bytes, before.bytes);
  expect_balanced(cache);
}

// From when the call has returned it does not grow, but for the calls that were under way; and it
// comes down, however much is written to it.
TEST(ClassesUnderThreads, AMaxThatIsLoweredUnderWritersIsReached) {
  Cache cache = open_cache(16_MiB);
  ASSERT_TRUE(succeeded(cache.define_class("a:*", {})));
  for (std::uint64_t i = 0; i < 4000; ++i)
    put(cache, numbered("a:", i), "f", sealed(i, 500));
  constexpr std::uint64_t k_max = 500'000;
  constexpr std::uint64_t k_writers = 8;
  constexpr std::uint64_t k_under_way = k_writers * 600;
  std::atomic<bool> is_down{false};
  std::vector<std::function<void()>> writers;
  for (std::uint64_t t = 0; t < k_writers; ++t) {
    writers.emplace_back([&cache, &is_down, t] {
      Rng rng(t + 1);
      for (std::uint64_t i = 0; i < rounds(1'000'000) && !is_down.load(); ++i)
        static_cast<void>(cache.set(numbered("a:", rng.below(4000)), "f", sealed(i, 500)));
    });
  }
  bool is_lowered = false;
  std::uint64_t most = 0;
  const auto look = [&] {
    if (!is_lowered) {
      is_lowered = true;
      ASSERT_TRUE(succeeded(cache.define_class("a:*", {.max = k_max})));
      most = info_of(cache, "a:*").max_now;
    }
    static_cast<void>(cache.tick(20));
    const ClassInfo now = info_of(cache, "a:*");
    ASSERT_LE(now.max_now, most + k_under_way) << "it only comes down";
    most = std::min(most, now.max_now);
    ASSERT_LE(info_of(cache, "a:*").bytes, most + k_under_way);
    if (now.max_now == k_max) is_down.store(true);
  };
  together_with(std::move(writers), {look});
  EXPECT_TRUE(is_down.load()) << info_of(cache, "a:*").bytes;
  EXPECT_LE(info_of(cache, "a:*").bytes, k_max);
  EXPECT_EQ(info_of(cache, "a:*").max_now, k_max);
  expect_balanced(cache);
}

TEST(ClassesUnderThreads, TheyComeAndGoUnderWriters) {
  Cache cache = open_cache(12_MiB);
  std::vector<std::function<void()>> writers;
  for (std::uint64_t t = 0; t < 4; ++t) {
    writers.emplace_back([&cache, t] {
      Rng rng(t + 1);
      for (std::uint64_t i = 0; i < rounds(20'000); ++i) {
        const std::string group = numbered(rng.one_in(2) ? "a:b:" : "a:", rng.below(2000));
        // A class may be too small for what comes while it is brought down: then it says so.
        static_cast<void>(
            cache.set(group, numbered("f", rng.below(60)), sealed(i, 16 + rng.below(600))));
        if (const auto value = cache.get(numbered("a:b:", rng.below(2000)), "f1")) {
          ASSERT_TRUE(unseal(value->view()).has_value());
        }
        if (rng.one_in(40))
          static_cast<void>(cache.rename_group(group, numbered("a:b:", rng.below(2000)), true));
        if (rng.one_in(60)) cache.erase_group(group);
      }
    });
  }
  Rng rng(9);
  const auto define = [&] {
    constexpr std::string_view patterns[] = {"*", "a*", "a:*", "a:b*", "a:b:*", "a:b:1*"};
    const std::string_view pattern = patterns[rng.below(std::size(patterns))];
    if (rng.one_in(3)) {
      ASSERT_TRUE(succeeded(cache.remove_class(pattern)));
    } else {
      ClassLimits limits;
      if (rng.one_in(3)) limits.max = 200'000 + rng.below(4'000'000);
      if (rng.one_in(3)) limits.weight = 100;
      if (rng.one_in(3) && limits.max == 0) limits.min = rng.below(500'000);
      static_cast<void>(cache.define_class(pattern, limits));
    }
    static_cast<void>(cache.tick(20));
  };
  const auto validate = [&] {
    const Validation found = cache.validate();
    ASSERT_TRUE(found.ok) << (found.findings.empty() ? "" : found.findings[0]);
  };
  together_with(std::move(writers), {define, validate});
  settle(cache);
  expect_balanced(cache);
  for (const ClassInfo& one : cache.classes())
    EXPECT_TRUE(one.settled) << one.pattern;
}

}  // namespace
}  // namespace ullage::test
