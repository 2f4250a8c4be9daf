// What a hit does, counted in the counting build: no lock, no allocation up to 64 bytes, no shared
// store but the tick, and few cache lines.
#include <ullage/cache.h>

#include "base/touch.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include <gtest/gtest.h>

namespace {
std::atomic<std::uint64_t> g_allocations{0};  // of the whole process; orders nothing
}  // namespace

// Out of line, else the compiler sees malloc() on one side only.
[[gnu::noinline]] void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(size == 0 ? 1 : size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept {
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}

namespace ullage {
namespace {

struct Names {
  std::string group;
  std::string field;
};

class Hit : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::uint64_t k_entries = 40'000;
  static constexpr std::uint64_t k_reads = 4'000;

  static Cache open() {
    Options options;
    options.memory_limit = 64 * k_mib;
    options.maintenance = Maintenance::manual;  // no other thread allocates
    options.clock = std::make_shared<ManualClock>();
    options.hash_key[0] = 1;
    options.hash_key[1] = 2;
    return Cache::open(std::move(options)).value();
  }
  static Names names_of(std::uint64_t entry) {
    const std::uint64_t fields = GetParam();
    return {"user:" + std::to_string(100'000 + entry / fields),
            "setting" + std::to_string(1000 + entry % fields)};
  }
  void fill(std::size_t value_bytes) {
    const std::string value(value_bytes, 'v');
    for (std::uint64_t i = 0; i < k_entries; ++i) {
      base::t_touch.reset();
      const Names names = names_of(i);
      ASSERT_TRUE(cache_.set(names.group, names.field, value));
    }
  }
  /// Calls read(names) for entries all over the cache, and seen() after each.
  template <class Read, class Seen>
  void each(Read read, Seen seen) {
    for (std::uint64_t i = 0; i < k_reads; ++i) {
      const Names names = names_of(i * 7919 % k_entries);
      base::t_touch.reset();
      read(names);
      seen(base::t_touch);
    }
  }

  Cache cache_ = open();
};

TEST_P(Hit, TakesNoLockAndStoresNothingButTheTick) {
  fill(32);
  each([&](const Names& names) { ASSERT_TRUE(cache_.get(names.group, names.field)); },
       [](const base::TouchCounts& touch) {
         EXPECT_EQ(touch.locks, 0U);
         EXPECT_EQ(touch.shared_stores, 0U);
         EXPECT_LE(touch.ticks, 1U);
       });
}

TEST_P(Hit, WritesItsTickOncePerTick) {
  fill(32);
  const auto read = [&](const Names& names) { ASSERT_TRUE(cache_.get(names.group, names.field)); };
  each(read, [](const base::TouchCounts&) {});
  // Nothing was inserted since, so no tick has passed.
  each(read, [](const base::TouchCounts& touch) { EXPECT_EQ(touch.ticks, 0U); });
}

TEST_P(Hit, TouchesFewLines) {
  fill(32);
  std::uint64_t lines = 0;
  each([&](const Names& names) { ASSERT_TRUE(cache_.get(names.group, names.field)); },
       [&](const base::TouchCounts& touch) { lines += touch.lines; });
  // A group with pages of its own adds its stub, perhaps a node, and a leaf.
  const double bar = GetParam() <= 10 ? 6 : 10;
  EXPECT_LE(static_cast<double>(lines) / static_cast<double>(k_reads), bar);
}

TEST_P(Hit, AllocatesNothingUpTo64Bytes) {
  fill(Value::k_inline_bytes);
  std::uint64_t allocations = 0;
  each(
      [&](const Names& names) {
        const std::uint64_t before = g_allocations.load(std::memory_order_relaxed);
        const auto value = cache_.get(names.group, names.field);
        allocations += g_allocations.load(std::memory_order_relaxed) - before;
        ASSERT_TRUE(value);
        ASSERT_EQ(value->size(), Value::k_inline_bytes);
      },
      [](const base::TouchCounts&) {});
  EXPECT_EQ(allocations, 0U);
}

TEST_P(Hit, AMissTakesNoLockEither) {
  fill(32);
  for (std::uint64_t i = 0; i < k_reads; ++i) {
    const Names names = names_of(i);
    base::t_touch.reset();
    ASSERT_FALSE(cache_.get(names.group, "no such field"));
    EXPECT_EQ(base::t_touch.locks + base::t_touch.shared_stores + base::t_touch.ticks, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(FieldsAGroup, Hit, ::testing::Values(1, 10, 100, 1000));

}  // namespace
}  // namespace ullage
