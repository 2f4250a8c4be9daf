// What a cache charges, and what it can hold. The process's resident memory is measured in
// tests/bounds/.
#include "contract.h"

namespace ullage::test {
namespace {

class Memory : public Contract {};
ULLAGE_EVERY_SETTING(Memory);

TEST_P(Memory, BelowTheLimitNothingIsLost) {
  Cache& cache = open([](Options& chosen) { chosen.max_entries = 0; });
  // Half of the limit as payload, in groups of ten, is far below every bound on overhead.
  const std::uint64_t entries = GetParam().memory_limit / 2 / 130;
  for (std::uint64_t i = 0; i < entries; ++i)
    put(cache, numbered("g", i / 10), numbered("field", i), std::string(120, 'v'));
  EXPECT_EQ(entries, cache.size());
  for (std::uint64_t i = 0; i < entries; ++i) {
    ASSERT_TRUE(cache.contains(numbered("g", i / 10), numbered("field", i))) << i;
  }
  EXPECT_EQ(0U, cache.stats().removed(RemovalCause::evicted));
}

TEST_P(Memory, OverheadStaysSmall) {
  Cache& cache = open([](Options& chosen) { chosen.max_entries = 0; });
  const std::uint64_t entries = 60'000;
  for (std::uint64_t i = 0; i < entries; ++i) {
    char field[12];
    std::snprintf(field, sizeof field, "f%010llu", static_cast<unsigned long long>(i));
    put(cache, numbered("group", i / 100), field, std::string(32, 'v'));
  }
  settle(cache);
  const Stats stats = cache.stats();
  const double overhead = static_cast<double>(stats.live_page_bytes - stats.payload_bytes) /
                          static_cast<double>(entries);
  EXPECT_LE(overhead, 16.0) << "bytes an entry in live pages at 100 fields a group; the bar, "
                               "resident, is 12 at 2M entries";
}

TEST_P(Memory, AFullCacheIsFullOfLivePages) {
  Cache& cache = open([](Options& chosen) {
    chosen.memory_limit = 16_MiB;
    chosen.max_entries = 0;
  });
  for (std::uint64_t i = 0; i < 150'000; ++i) {
    put(cache, numbered("g", i % 3000), numbered("f", i), std::string(200, 'v'));
  }
  settle(cache);
  const Stats stats = cache.stats();
  EXPECT_LE(stats.charged_bytes, 16_MiB);
  EXPECT_GE(static_cast<double>(stats.live_page_bytes) / static_cast<double>(stats.memory_limit),
            0.90);
}

TEST_P(Memory, RoomIsReusedWhenValueSizesShift) {
  Cache& cache = open([](Options& chosen) {
    chosen.memory_limit = 8_MiB;
    chosen.max_entries = 0;
  });
  const auto offer = [&](std::uint64_t from, std::uint64_t count, std::size_t bytes) {
    for (std::uint64_t i = from; i < from + count; ++i) {
      put(cache, numbered("g", i % 1000), numbered("f", i), std::string(bytes, 'v'));
      clock->advance(1ms);
    }
    settle(cache);
    return cache.stats();
  };
  const Stats fresh = offer(0, 40'000, 1000);
  cache.clear();
  offer(0, 200'000, 60);
  offer(200'000, 200'000, 250);
  const Stats shifted = offer(400'000, 60'000, 1000);
  EXPECT_GE(shifted.live_page_bytes, fresh.live_page_bytes * 95 / 100)
      << "small values' slabs were not given to large ones";
  // A ranking by bytes may keep small values that nobody asks for; by recency alone they must go.
  if (GetParam().policy == Policy::lru) {
    EXPECT_GE(shifted.payload_bytes, fresh.payload_bytes * 93 / 100)
        << "small values' room was not given to large ones";
  }
  std::uint64_t present = 0;
  for (std::uint64_t i = 460'000 - 1000; i < 460'000; ++i)
    present += cache.contains(numbered("g", i % 1000), numbered("f", i)) ? 1 : 0;
  EXPECT_GE(present, 800U) << "of the newest thousand";
}

TEST_P(Memory, LargeValuesFindRoomInAFullCache) {
  Cache& cache = open([](Options& chosen) { chosen.memory_limit = 8_MiB; });
  for (std::uint64_t i = 0; i < 80'000; ++i)
    put(cache, numbered("g", i % 2000), numbered("f", i), std::string(80, 'v'));
  for (std::uint64_t i = 0; i < 40; ++i) {
    put(cache, "large", numbered("f", i % 8), sealed(i, 1_MiB));
    const std::optional<Value> got = cache.get("large", numbered("f", i % 8));
    if (got) {
      ASSERT_EQ(i, unseal(got->view()));
    }
    ASSERT_LE(cache.stats().charged_bytes, 8_MiB);
  }
}

}  // namespace
}  // namespace ullage::test
