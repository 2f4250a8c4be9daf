#include <ullage/observe/cpu_profile.h>

#include "observe/read_profile_testing.h"
#include "observe/stack_counts.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace ullage::observe {
namespace {

// As much processor time as is asked for, however busy the machine is.
[[gnu::noinline]] void burn(double seconds) {
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double end = used() + seconds;
  while (used() < end) {
    for (int i = 0; i < 100'000; ++i)
      asm volatile("");
  }
}

ReadProfile made(CpuProfiler& profiler) {
  profiler.stop(1'000);
  while (!profiler.step()) {
  }
  return ReadProfile(gunzip(profiler.finish().gzipped));
}

TEST(CpuProfile, NamesWhoUsesTheProcessor) {
  auto profiler = CpuProfiler::begin({.hertz = 500, .unix_ns = 77});
  ASSERT_TRUE(profiler) << profiler.error().message;
  std::thread other([] { burn(0.2); });
  burn(0.2);
  other.join();
  const ReadProfile profile = made(*profiler);
  EXPECT_EQ(profile.types, (std::vector<std::string>{"samples/count", "cpu/nanoseconds"}));
  EXPECT_EQ(profile.period, 2'000'000);
  EXPECT_EQ(profile.time_ns, 77);
  std::int64_t all = 0;
  std::int64_t in_burn = 0;
  std::int64_t ns = 0;
  for (const auto& sample : profile.samples) {
    all += sample.values.at(0);
    ns += sample.values.at(1);
    if (std::ranges::any_of(sample.frames, [](const std::string& frame) {
          return frame.find("burn") != std::string::npos;
        }))
      in_burn += sample.values.at(0);
  }
  // A kernel may count time in coarser steps than it is asked for.
  EXPECT_GT(all, 30);
  EXPECT_LT(all, 300);
  // But not the time itself: what was used is what is told.
  EXPECT_GT(ns, 400'000'000);
  EXPECT_LT(ns, 700'000'000);
  EXPECT_GT(in_burn * 10, all * 8);
}

TEST(CpuProfile, IsOneAtATime) {
  auto first = CpuProfiler::begin();
  ASSERT_TRUE(first);
  auto second = CpuProfiler::begin();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  first->stop(0);
  EXPECT_TRUE(CpuProfiler::begin()) << "dropped at once, which stops it too";
  EXPECT_TRUE(CpuProfiler::begin());
}

TEST(CpuProfile, RefusesWhatCannotBe) {
  for (const std::uint32_t hertz : {0U, CpuProfileOptions::k_hertz_max + 1})
    EXPECT_EQ(CpuProfiler::begin({.hertz = hertz}).error().code, Errc::invalid_argument);
  struct sigaction before{};
  struct sigaction of_somebody{};
  of_somebody.sa_handler = [](int) {};
  ::sigaction(SIGPROF, &of_somebody, &before);
  const auto refused = CpuProfiler::begin();
  ::sigaction(SIGPROF, &before, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
  EXPECT_TRUE(CpuProfiler::begin());
}

TEST(CpuProfile, WithoutRoomSamplesAreCountedAsLost) {
  auto profiler = CpuProfiler::begin({.hertz = 500, .stacks_max_bytes = 1});
  ASSERT_TRUE(profiler);
  burn(0.1);
  std::thread([] { burn(0.1); }).join();
  profiler->stop(0);
  while (!profiler->step()) {
  }
  const CpuProfile profile = profiler->finish();
  EXPECT_GT(profile.samples_lost, 0U);
}

TEST(StackCounts, CountWhatIsAlikeOnce) {
  StackCounts counts(1 << 16);
  std::array<int, 8> places{};
  const auto stack = [&](std::initializer_list<std::size_t> indices) {
    std::vector<void*> addresses;
    for (const std::size_t i : indices)
      addresses.push_back(&places[i]);
    return addresses;
  };
  for (int i = 0; i < 3; ++i)
    counts.add(stack({1, 2}));
  counts.add(stack({2, 1}));
  counts.add(stack({1, 2, 3}));
  counts.add(stack({}));
  EXPECT_EQ(counts.added(), 6U);
  EXPECT_EQ(counts.lost(), 0U);
  std::map<std::vector<std::uint64_t>, std::uint64_t> seen;
  counts.for_each([&](std::span<const std::uint64_t> addresses, std::uint64_t count) {
    seen[{addresses.begin(), addresses.end()}] += count;
  });
  const auto at = [&](std::size_t i) { return reinterpret_cast<std::uint64_t>(&places[i]); };
  EXPECT_EQ(seen,
            (std::map<std::vector<std::uint64_t>, std::uint64_t>{
                {{at(1), at(2)}, 3}, {{at(2), at(1)}, 1}, {{at(1), at(2), at(3)}, 1}, {{}, 1}}));
}

TEST(StackCounts, HoldNoMoreThanTheyHaveRoomFor) {
  StackCounts counts(4096);
  std::vector<void*> addresses(10);
  for (std::uintptr_t i = 1; i <= 1000; ++i) {
    addresses.assign(10, reinterpret_cast<void*>(i));  // NOLINT(performance-no-int-to-ptr)
    counts.add(addresses);
  }
  EXPECT_EQ(counts.added() + counts.lost(), 1000U);
  EXPECT_GT(counts.added(), 10U);
  EXPECT_LT(counts.added(), 40U);
}

}  // namespace
}  // namespace ullage::observe
