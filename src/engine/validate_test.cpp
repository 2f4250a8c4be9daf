// The validator finds what is wrong, and finds nothing wrong in a cache that others are writing to.
#include <ullage/cache.h>

#include "engine/core_testing.h"
#include "engine/layout.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

Cache open_cache() {
  Options options;
  options.memory_limit = 9 * k_mib;
  options.max_memory_limit = 12 * k_mib;
  options.maintenance = Maintenance::manual;
  return Cache::open(std::move(options)).value();
}

void fill(Cache& cache) {
  for (int g = 0; g < 40; ++g) {
    for (int f = 0; f < 100; ++f) {
      const std::string value(f == 0 ? 9000 : 20, 'v');
      ASSERT_TRUE(cache.set("g" + std::to_string(g), "f" + std::to_string(f), value));
    }
  }
  ASSERT_TRUE(cache.validate().ok);
}

/// Whether the validator says so, and says no more.
testing::AssertionResult finds(Cache& cache, std::string_view what) {
  const Validation found = cache.validate();
  bool said = false;
  std::string all;
  for (const std::string& finding : found.findings) {
    said = said || finding.find(what) != std::string::npos;
    all += finding + "; ";
  }
  if (!found.ok && said) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "it says: " << all;
}

Ref take_page(State& state, PageKind kind) {
  const Ref ref = state.arena->alloc(100, 0);
  PageHeader header;
  header.kind = static_cast<std::uint8_t>(kind);
  header.used = k_header_bytes;
  store_header(state.page(ref), header);
  return ref;
}

TEST(Validator, NamesPagesThatNothingRefersTo) {
  Cache cache = open_cache();
  fill(cache);
  State& state = core_of(cache).state;
  const Ref ref = take_page(state, PageKind::leaf);
  EXPECT_TRUE(finds(cache, "1 pages are in use but belong to nothing"));
  state.arena->free(ref);
  EXPECT_TRUE(cache.validate().ok);
}

TEST(Validator, NamesPagesWhoseTakerNeverComes) {
  Cache cache = open_cache();
  fill(cache);
  State& state = core_of(cache).state;
  const Ref a = take_page(state, PageKind::pending);
  const Ref b = take_page(state, PageKind::pending);
  EXPECT_TRUE(finds(cache, "2 pages are in use but belong to nothing: whoever took them is gone"));
  state.arena->free(a);
  state.arena->free(b);
  // A page that was taken and never written looks free to all but the count.
  const Ref unwritten = state.arena->alloc(100, 0);
  EXPECT_TRUE(finds(cache, "the slabs' counts do not agree with their pages"));
  state.arena->free(unwritten);
  EXPECT_TRUE(cache.validate().ok);
}

TEST(Validator, NamesCountsThatAreWrong) {
  Cache cache = open_cache();
  fill(cache);
  State& state = core_of(cache).state;
  struct Wrong {
    Counter counter;
    std::string_view finding;
  };
  for (const Wrong& wrong : {Wrong{Counter::groups, "groups but has"},
                             Wrong{Counter::payload_bytes, "payload bytes but has"},
                             Wrong{Counter::inserts, "inserts minus removals"}}) {
    state.count(wrong.counter, 1);
    EXPECT_TRUE(finds(cache, wrong.finding));
    state.uncount(wrong.counter, 1);
  }
  ++state.entries;
  EXPECT_TRUE(finds(cache, "entries but has"));
  --state.entries;
  EXPECT_TRUE(cache.validate().ok);
}

TEST(Validator, NamesAnEntryThatItsPagesDueTimeDoesNotTell) {
  Cache cache = open_cache();
  ASSERT_TRUE(cache.set("g", "f", "v", {.ttl = std::chrono::hours(1)}));
  ASSERT_TRUE(cache.validate().ok);
  State& state = core_of(cache).state;
  for (std::size_t i = 0; i < state.shard_count(); ++i)
    state.shards[i].due_ms = 0;
  EXPECT_TRUE(finds(cache, "an entry ends before its shard is due"));
}

// Each of these once made the validator report what was only under way.
TEST(Validator, FindsNothingWrongWhileOthersWrite) {
  Cache cache = open_cache();
  constexpr int k_writers = 3;
  constexpr int k_looks = 25;
  constexpr std::uint64_t k_writes_between_looks = 1000;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> writes{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < k_writers; ++w) {
    writers.emplace_back([&, w] {
      const std::size_t sizes[] = {3, 40, 700, 3000, 20'000, 100'000};
      for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        const std::string group = "g" + std::to_string((i * 7 + static_cast<unsigned>(w)) % 61);
        const std::string field = "f" + std::to_string(i % 400);
        switch (i % 16) {
          case 0:
            static_cast<void>(cache.set(group, field, std::string(sizes[(i / 16) % 6], 'v')));
            break;
          case 1:
            cache.erase(group, field);
            break;
          case 2:
            static_cast<void>(cache.set(group, field, "short", {.ttl = Millis(1 + i % 3)}));
            break;
          case 3:
            if (i % 1024 == 3) cache.erase_group(group);
            break;
          case 4:
            if (i % 256 == 4) static_cast<void>(cache.rename_group(group, "other", true));
            break;
          case 5:
            // Downwards it empties slabs, upwards it lets them be opened.
            if (i % 512 == 5) {
              static_cast<void>(cache.set_memory_limit((8 + (i / 512) % 4) * k_mib));
            }
            break;
          default:
            static_cast<void>(cache.set(group, field, std::string(sizes[i % 3], 'v')));
            break;
        }
        cache.tick(2);
        writes.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (int look = 0; look < k_looks; ++look) {
    const std::uint64_t then = writes.load(std::memory_order_relaxed);
    while (writes.load(std::memory_order_relaxed) - then < k_writes_between_looks)
      std::this_thread::yield();
    const Validation found = cache.validate();
    for (const std::string& finding : found.findings)
      ADD_FAILURE() << "look " << look << ": " << finding;
    EXPECT_TRUE(found.ok);
  }
  stop = true;
  for (std::thread& writer : writers)
    writer.join();
  const Validation found = cache.validate();
  for (const std::string& finding : found.findings)
    ADD_FAILURE() << "at rest: " << finding;
  EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 0U);
  EXPECT_GT(cache.stats().pages_moved, 0U);
}

}  // namespace
}  // namespace ullage::engine
