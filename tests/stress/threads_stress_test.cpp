// 100, 500 and 1000 threads on one cache: memory stays flat, however many they are.
#include "support/build.h"
#include "support/resident.h"
#include "support/scenarios.h"
#include "support/testing.h"

#include <atomic>
#include <barrier>
#include <cstdio>
#include <memory>
#include <vector>

namespace ullage::test {
namespace {

/// Touches this much of the stack before the baseline is read, so that stacks do not count as the
/// cache's.
[[gnu::noinline]] void touch_stack() {
  volatile char pages[96 * 1024];
  for (std::size_t at = 0; at < sizeof pages; at += 512)
    pages[at] = 1;
}

/// What a thread does; nothing in it allocates but the cache itself.
void live(Cache& cache, std::uint64_t thread, std::uint64_t calls, Name& group, Name& field,
          std::string_view large) {
  Rng rng(thread + 1);
  char buffer[512];
  for (std::uint64_t i = 0; i < calls; ++i) {
    const std::string_view in = group(rng.below(5000));
    const std::string_view name = field(rng.below(200));
    const std::uint64_t pick = rng.below(100);
    if (pick < 50) {
      const std::optional<std::size_t> size = cache.get_into(in, name, buffer);
      if (size && *size <= sizeof buffer) {
        ASSERT_TRUE(unseal({buffer, *size}).has_value()) << "torn";
      }
    } else if (pick < 97) {
      const std::size_t size = 16 + rng.below(400);
      seal_into(buffer, (thread << 32) + i, size);
      ASSERT_TRUE(succeeded(cache.set(in, name, {buffer, size})));
    } else if (pick < 99) {
      cache.erase(in, name);
    } else if (rng.one_in(20)) {
      cache.erase_group(in);
    } else if (rng.one_in(100)) {
      // Large values are not read by this test.
      ASSERT_TRUE(succeeded(cache.set("large", name, large)));
    }
  }
}

class ThreadStress : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Counts, ThreadStress, ::testing::Values(100, 500, 1000));

TEST_P(ThreadStress, MemoryStaysFlat) {
  const std::size_t threads = GetParam();
  const std::uint64_t calls = (k_sanitized ? 1'000'000 : 12'000'000) / threads;
  std::barrier ready(static_cast<std::ptrdiff_t>(threads) + 1);
  std::atomic<std::size_t> left{threads};
  Cache* shared = nullptr;
  const std::string large(50'000, 'L');
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      touch_stack();
      Name group("g");
      Name field("f");
      ready.arrive_and_wait();  // all threads exist: the baseline is read
      ready.arrive_and_wait();  // the cache is open
      live(*shared, t, calls, group, field, large);
      left.fetch_sub(1);
    });
  }
  ready.arrive_and_wait();
  ResidentMeter meter;
  Options options;
  options.memory_limit = 64_MiB;
  Cache cache = Cache::open(std::move(options)).value();
  shared = &cache;
  ready.arrive_and_wait();
  while (left.load() != 0) {
    meter.sample();
    ASSERT_LE(cache.stats().charged_bytes, 64_MiB);
    std::this_thread::yield();
  }
  meter.sample();
  const std::uint64_t peak = meter.peak();
  for (std::thread& thread : running)
    thread.join();
  std::printf("  %zu threads: resident peak %llu KiB added, limit %llu KiB\n", threads,
              static_cast<unsigned long long>(peak / 1024),
              static_cast<unsigned long long>(64_MiB / 1024));
  if (!k_sanitized) {
    EXPECT_LE(peak, 64_MiB);
  }
  EXPECT_GE(cache.stats().live_page_bytes, 64_MiB * 9 / 10);
  std::string why;
  EXPECT_TRUE(eventually(cache, [&] { return (why = imbalance(cache)).empty(); })) << why;
}

}  // namespace
}  // namespace ullage::test
