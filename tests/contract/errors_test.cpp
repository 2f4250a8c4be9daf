// Every refusal: the right code, a message that names the value and the bound, and nothing changed.
#include "contract.h"

#include <unistd.h>

namespace ullage::test {
namespace {

class Errors : public Contract {
 protected:
  /// A cache with something in it, so that "nothing changed" means something.
  Cache& open_with_entries(const Tweak& tweak = {}) {
    Cache& cache = open(tweak);
    for (std::uint64_t i = 0; i < 50; ++i)
      put(cache, numbered("g", i % 5), numbered("f", i), numbered("v", i));
    put(cache, "text", "f", "not a number");
    put(cache, "timed", "f", "v", {.ttl = 1h});
    settle(cache);
    return cache;
  }

  /// Calls, and expects a refusal that leaves everything as it was.
  template <class Call>
  static void refused(Cache& cache, Errc code, const std::vector<std::int64_t>& named, Call call) {
    const Facts before = Facts::of(cache);
    const auto result = call();
    ASSERT_TRUE(fails_with(result, code));
    for (const std::int64_t number : named) {
      EXPECT_TRUE(mentions(result.error().message, number))
          << number << " is not in: " << result.error().message;
    }
    EXPECT_EQ(before, Facts::of(cache));
  }
};
ULLAGE_EVERY_SETTING(Errors);

constexpr std::int64_t k_name_max = static_cast<std::int64_t>(k_name_max_bytes);

TEST_P(Errors, NamesTooLong) {
  Cache& cache = open_with_entries();
  const std::string too_long(k_name_max_bytes + 1, 'n');
  const auto expect = [&](auto call) {
    refused(cache, Errc::name_too_long, {k_name_max + 1, k_name_max}, call);
  };
  expect([&] { return cache.set(too_long, "f", "v"); });
  expect([&] { return cache.set("g0", too_long, "v"); });
  expect([&] { return cache.try_emplace("g0", too_long, "v"); });
  expect([&] { return cache.increment(too_long, "f"); });
  expect([&] { return cache.increment("g0", too_long); });
  expect([&] { return cache.rename_group("g0", too_long); });
  expect([&] {
    return cache.update("g0", too_long, [](auto) { return std::optional<std::string>("v"); });
  });
  const std::string huge(5'000'000, 'n');
  refused(cache, Errc::name_too_long, {5'000'000, k_name_max},
          [&] { return cache.set("g0", huge, "v"); });
  EXPECT_EQ(7U, cache.for_each_group([](auto, auto) {}).value());
}

TEST_P(Errors, NamesTooLongAreMissesForReaders) {
  Cache& cache = open_with_entries();
  const std::string too_long(k_name_max_bytes + 1, 'n');
  for (const auto& [group, field] :
       {std::pair<std::string, std::string>{too_long, "f"}, {"g0", too_long}}) {
    char buffer[4];
    EXPECT_FALSE(cache.get(group, field).has_value());
    EXPECT_FALSE(cache.get_into(group, field, buffer).has_value());
    EXPECT_FALSE(cache.contains(group, field));
    EXPECT_FALSE(cache.value_size(group, field).has_value());
    EXPECT_FALSE(cache.erase(group, field));
    EXPECT_FALSE(cache.ttl(group, field).has_value());
  }
  EXPECT_EQ(0U, cache.group_size(too_long));
  EXPECT_FALSE(cache.contains_group(too_long));
  EXPECT_FALSE(cache.erase_group(too_long));
  EXPECT_FALSE(cache.group_ttl(too_long).has_value());
  EXPECT_FALSE(cache.group_limits(too_long).has_value());
}

TEST_P(Errors, ValuesTooLong) {
  Cache& cache = open_with_entries();
  const std::string value(k_value_default_max_bytes + 1, 'v');
  const auto max = static_cast<std::int64_t>(k_value_default_max_bytes);
  refused(cache, Errc::value_too_long, {max + 1, max},
          [&] { return cache.set("g0", "new", value); });
  refused(cache, Errc::value_too_long, {max + 1, max},
          [&] { return cache.set("new group", "f", value); });
  refused(cache, Errc::value_too_long, {max + 1, max},
          [&] { return cache.set("g0", "f0", value); });
  refused(cache, Errc::value_too_long, {max + 1, max},
          [&] { return cache.compare_and_set("g0", "f0", "v0", value); });
  refused(cache, Errc::value_too_long, {max + 1, max}, [&] {
    return cache.update("g0", "f0", [&](auto) { return std::optional<std::string>(value); });
  });
  EXPECT_EQ("v0", fetch(cache, "g0", "f0"));
}

TEST_P(Errors, ValuesOverTheOptionsMaximum) {
  Cache& cache = open_with_entries([](Options& chosen) { chosen.max_value_bytes = 100; });
  put(cache, "g0", "f0", std::string(100, 'v'));
  refused(cache, Errc::value_too_long, {101, 100},
          [&] { return cache.set("g0", "f0", std::string(101, 'v')); });
  EXPECT_EQ(std::string(100, 'v'), fetch(cache, "g0", "f0"));
}

TEST_P(Errors, ValuesOverTheirShareOfALoweredLimit) {
  Cache& cache = open_with_entries([](Options& chosen) {
    chosen.memory_limit = 64_MiB;
    chosen.max_value_bytes = 8_MiB;
  });
  put(cache, "g0", "large", sealed(1, 8_MiB));
  EXPECT_TRUE(cache.erase("g0", "large"));
  ASSERT_TRUE(succeeded(cache.set_memory_limit(8_MiB)));
  settle(cache);
  refused(cache, Errc::value_too_long, {2 * 1024 * 1024 + 1},
          [&] { return cache.set("g0", "large", std::string(2_MiB + 1, 'v')); });
  put(cache, "g0", "large", sealed(1, 2_MiB));
}

TEST_P(Errors, TimesOutOfRange) {
  Cache& cache = open_with_entries();
  for (const std::int64_t ttl : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{-1'000'000},
                                 k_ttl_max_ms + 1, INT64_MAX, INT64_MIN}) {
    SCOPED_TRACE(ttl);
    std::vector<std::int64_t> named{ttl};
    if (ttl > 0) named.push_back(k_ttl_max_ms);
    const auto expect = [&](auto call) { refused(cache, Errc::ttl_out_of_range, named, call); };
    expect([&] { return cache.set("g0", "f0", "x", {.ttl = Millis(ttl)}); });
    expect([&] { return cache.set("new group", "f0", "x", {.ttl = Millis(ttl)}); });
    expect([&] { return cache.compare_and_set("g0", "f0", "v0", "x", {.ttl = Millis(ttl)}); });
    expect([&] { return cache.expire("g0", "f0", Millis(ttl)); });
    expect([&] { return cache.expire_group("g0", Millis(ttl)); });
  }
  EXPECT_EQ("v0", fetch(cache, "g0", "f0"));
  EXPECT_FALSE(cache.ttl("g0", "f0")->remaining.has_value());
  EXPECT_FALSE(cache.group_ttl("g0")->remaining.has_value());
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g0", "f0", "x", {.ttl = Millis(k_ttl_max_ms)}));
}

TEST_P(Errors, KeepTtlWithATtl) {
  Cache& cache = open_with_entries();
  refused(cache, Errc::invalid_argument, {},
          [&] { return cache.set("timed", "f", "x", {.ttl = 10ms, .keep_ttl = true}); });
  EXPECT_EQ("v", fetch(cache, "timed", "f"));
  EXPECT_EQ(1h, cache.ttl("timed", "f")->remaining);
}

TEST_P(Errors, Batches) {
  Cache& cache = open_with_entries();
  const auto max = static_cast<std::int64_t>(k_batch_max);
  const std::vector<Key> keys(k_batch_max + 1, Key{"g0", "f0"});
  std::vector<std::optional<Value>> out(keys.size());
  refused(cache, Errc::batch_too_large, {max + 1, max}, [&] { return cache.get_many(keys, out); });
  const std::vector<Item> items(k_batch_max + 1, Item{"new", "f", "v"});
  refused(cache, Errc::batch_too_large, {max + 1, max}, [&] { return cache.set_many(items); });
  EXPECT_FALSE(cache.contains_group("new"));
  refused(cache, Errc::invalid_argument, {3, 4},
          [&] { return cache.get_many(std::span(keys).first(3), std::span(out).first(4)); });
}

TEST_P(Errors, Increments) {
  Cache& cache = open_with_entries();
  refused(cache, Errc::not_a_number, {}, [&] { return cache.increment("text", "f"); });
  for (const char* bad :
       {"", " 1", "1 ", "+1", "1.0", "0x1", "-", "007", "-0", "9223372036854775808",
        "-9223372036854775809", "12345678901234567890123"}) {
    SCOPED_TRACE(bad);
    put(cache, "text", "bad", bad);
    settle(cache);
    const Facts before = Facts::of(cache);
    const auto result = cache.increment("text", "bad");
    EXPECT_FALSE(result);
    if (!result) {
      EXPECT_TRUE(result.error().code == Errc::not_a_number ||
                  result.error().code == Errc::out_of_range)
          << to_string(result.error().code);
    }
    EXPECT_EQ(before, Facts::of(cache));
    EXPECT_EQ(bad, fetch(cache, "text", "bad"));
  }
  put(cache, "n", "max", "9223372036854775807");
  put(cache, "n", "min", "-9223372036854775808");
  settle(cache);
  refused(cache, Errc::out_of_range, {}, [&] { return cache.increment("n", "max"); });
  refused(cache, Errc::out_of_range, {}, [&] { return cache.increment("n", "min", -1); });
  refused(cache, Errc::out_of_range, {}, [&] { return cache.increment("n", "min", INT64_MIN); });
  EXPECT_EQ("9223372036854775807", fetch(cache, "n", "max"));
  EXPECT_EQ(-1, cache.increment("n", "min", INT64_MAX).value());
}

TEST_P(Errors, Renames) {
  Cache& cache = open_with_entries();
  refused(cache, Errc::not_found, {}, [&] { return cache.rename_group("none", "x"); });
  refused(cache, Errc::not_found, {}, [&] { return cache.rename_group("none", "g0", true); });
  refused(cache, Errc::exists, {}, [&] { return cache.rename_group("g0", "g1"); });
}

TEST_P(Errors, MemoryLimitsAtRunTime) {
  Cache& cache = open_with_entries([](Options& chosen) { chosen.max_memory_limit = 128_MiB; });
  const auto min = static_cast<std::int64_t>(k_memory_limit_min_bytes);
  refused(cache, Errc::limit_too_small, {min - 1, min},
          [&] { return cache.set_memory_limit(k_memory_limit_min_bytes - 1); });
  refused(cache, Errc::limit_too_small, {0, min}, [&] { return cache.set_memory_limit(0); });
  const auto max = static_cast<std::int64_t>(128_MiB);
  refused(cache, Errc::limit_too_large, {max + 1, max},
          [&] { return cache.set_memory_limit(128_MiB + 1); });
  EXPECT_TRUE(succeeded(cache.set_memory_limit(128_MiB)));
}

TEST_P(Errors, WithoutAMaximumTheLimitDoesNotGrow) {
  Cache& cache = open_with_entries();
  const std::size_t limit = GetParam().memory_limit;
  refused(cache, Errc::limit_too_large, {static_cast<std::int64_t>(limit)},
          [&] { return cache.set_memory_limit(limit + 1_MiB); });
}

TEST_P(Errors, ReserveOverTheLimit) {
  Cache& cache = open_with_entries();
  const auto limit = static_cast<std::int64_t>(GetParam().memory_limit);
  refused(cache, Errc::limit_too_large, {limit},
          [&] { return cache.reserve(GetParam().memory_limit + 1); });
}

TEST_P(Errors, GroupLimitsOutOfRange) {
  Cache& cache = open_with_entries();
  refused(cache, Errc::ttl_out_of_range, {-1},
          [&] { return cache.set_group_limits("g0", {.idle_ttl = Millis(-1)}); });
  refused(cache, Errc::ttl_out_of_range, {-1},
          [&] { return cache.set_default_group_limits({.idle_ttl = Millis(-1)}); });
  EXPECT_EQ(GroupLimits{}, cache.group_limits("g0"));
}

/// Opening with bad options; needs no setting.
class OpenErrors : public ::testing::Test {
 protected:
  static void refused(Errc code, const std::vector<std::int64_t>& named,
                      const std::function<void(Options&)>& tweak) {
    Options options;
    options.maintenance = Maintenance::manual;
    tweak(options);
    const Result<Cache> opened = Cache::open(std::move(options));
    ASSERT_TRUE(fails_with(opened, code));
    for (const std::int64_t number : named) {
      EXPECT_TRUE(mentions(opened.error().message, number))
          << number << " is not in: " << opened.error().message;
    }
  }
};

TEST_F(OpenErrors, LimitTooSmall) {
  const auto min = static_cast<std::int64_t>(k_memory_limit_min_bytes);
  for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, k_memory_limit_min_bytes - 1}) {
    refused(Errc::limit_too_small, {static_cast<std::int64_t>(limit), min},
            [&](Options& options) { options.memory_limit = limit; });
  }
}

TEST_F(OpenErrors, LimitTooLarge) {
  for (const std::size_t limit : {k_memory_limit_max_bytes + 1, SIZE_MAX / 2, SIZE_MAX}) {
    refused(Errc::limit_too_large, {}, [&](Options& options) { options.memory_limit = limit; });
  }
}

TEST_F(OpenErrors, LimitAboveWhatTheMachineHas) {
  // The largest limit that a reference can hold is 64 GiB; a machine with less memory must say so.
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  const std::uint64_t machine =
      static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  Options options;
  options.maintenance = Maintenance::manual;
  options.memory_limit = k_memory_limit_max_bytes;
  const Result<Cache> opened = Cache::open(std::move(options));
  if (machine < k_memory_limit_max_bytes) {
    EXPECT_TRUE(fails_with(opened, Errc::limit_too_large));
  } else if (!opened) {
    EXPECT_TRUE(fails_with(opened, Errc::limit_too_large))
        << "a container may have less than its machine";
  }
}

TEST_F(OpenErrors, MaximumBelowTheLimit) {
  refused(Errc::invalid_argument, {16 << 20, 8 << 20}, [](Options& options) {
    options.memory_limit = 16_MiB;
    options.max_memory_limit = 8_MiB;
  });
}

TEST_F(OpenErrors, ValuesLargerThanAnyMayBe) {
  refused(Errc::invalid_argument,
          {static_cast<std::int64_t>(k_value_max_bytes) + 1,
           static_cast<std::int64_t>(k_value_max_bytes)},
          [](Options& options) {
            options.memory_limit = 1_GiB;
            options.max_value_bytes = k_value_max_bytes + 1;
          });
}

TEST_F(OpenErrors, ValuesLargerThanTheirShareOfTheLimit) {
  refused(Errc::invalid_argument, {4 << 20, 2 << 20}, [](Options& options) {
    options.memory_limit = 8_MiB;
    options.max_value_bytes = 4_MiB;
  });
}

TEST_F(OpenErrors, NegativeIdleTime) {
  refused(Errc::ttl_out_of_range, {-5},
          [](Options& options) { options.group.idle_ttl = Millis(-5); });
}

TEST(ErrorCodes, HaveNames) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::system); ++code)
    names.insert(to_string(static_cast<Errc>(code)));
  EXPECT_EQ(static_cast<std::size_t>(Errc::system) + 1, names.size());
  EXPECT_EQ("name_too_long", to_string(Errc::name_too_long));
  EXPECT_EQ("load_failed", to_string(Errc::load_failed));
}

}  // namespace
}  // namespace ullage::test
