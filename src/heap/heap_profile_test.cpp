// Heap profiles of this very process: its allocator is jemalloc, and samples.
#include <ullage/observe/heap_owners.h>
#include <ullage/observe/heap_profile.h>

#include "observe/read_profile_testing.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

// What was ever allocated is asked for here, and there are few threads.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "prof:true,prof_active:true,prof_accum:true,lg_prof_sample:19";
}

namespace ullage::observe {
namespace {

/// Samples more often for a test, so that little memory is enough.
class HeapProfiles : public ::testing::Test {
 protected:
  static constexpr std::uint64_t k_distance = 4096;
  void SetUp() override { sample(k_distance); }

  /// From now on, also in this thread: that still goes on to where its next sample was to be.
  static void sample(std::uint64_t distance) {
    ASSERT_TRUE(set_heap_sampling(distance));
    for (int i = 0; i < 40; ++i)
      asm volatile("" : : "r"(std::make_unique<char[]>(1U << 20).get()) : "memory");
    ASSERT_TRUE(set_heap_sampling(2 * distance));  // forgets those
    ASSERT_TRUE(set_heap_sampling(distance));
  }

  static ReadProfile taken(const HeapProfileOptions& options = {}) {
    auto made = heap_profile(options);
    EXPECT_TRUE(made) << made.error().message;
    return ReadProfile(gunzip(made->gzipped));
  }
  struct Sums {
    std::int64_t all_objects = 0;
    std::int64_t all_bytes = 0;
    std::int64_t live_objects = 0;
    std::int64_t live_bytes = 0;
  };
  /// Of the samples whose leaf has that name, or of those that have it anywhere.
  static Sums of(const ReadProfile& profile, std::string_view name, bool anywhere = false) {
    Sums sums;
    for (const auto& sample : profile.samples) {
      const auto has = [&](const std::string& frame) {
        return frame.find(name) != std::string::npos;
      };
      if (!(anywhere ? std::ranges::any_of(sample.frames, has) : has(sample.frames.at(0))))
        continue;
      sums.all_objects += sample.values.at(0);
      sums.all_bytes += sample.values.at(1);
      sums.live_objects += sample.values.at(2);
      sums.live_bytes += sample.values.at(3);
    }
    return sums;
  }
  /// Within six deviations of the sampling, of one in 4096 bytes: never off by chance.
  static void expect_near(std::int64_t bytes, std::size_t objects, std::size_t size) {
    const double p = -std::expm1(-static_cast<double>(size) / 4096);
    const double off =
        static_cast<double>(size) * std::sqrt(static_cast<double>(objects) * (1 - p) / p);
    EXPECT_NEAR(static_cast<double>(bytes), static_cast<double>(objects * size), 6 * off + 1);
  }

  std::vector<std::unique_ptr<char[]>> kept_;
  std::vector<std::string> texts_;
};

constexpr std::size_t k_objects = 4000;

[[gnu::noinline]] void keep_in_kitchen(std::vector<std::unique_ptr<char[]>>& to, std::size_t size) {
  for (std::size_t i = 0; i < k_objects; ++i)
    to.push_back(std::make_unique<char[]>(size));
}
[[gnu::noinline]] void drop_in_garden(std::size_t size) {
  for (std::size_t i = 0; i < k_objects; ++i) {
    const auto gone = std::make_unique<char[]>(size);
    asm volatile("" : : "r"(gone.get()) : "memory");  // or the compiler leaves all of it out
  }
}
[[gnu::noinline]] void write_in_study(std::vector<std::string>& to, std::size_t size) {
  to.reserve(k_objects);
  for (std::size_t i = 0; i < k_objects; ++i)
    to.emplace_back().assign(size, 'x');  // allocates within the standard library
}
[[gnu::noinline]] void* allocate_in_cellar(std::size_t size) {
  void* const memory = std::malloc(size);
  static_cast<char*>(memory)[0] = 'x';
  return memory;
}
[[gnu::noinline]] void* call_from_attic(const std::function<void*()>& what) {
  void* const memory = what();
  static_cast<char*>(memory)[0] = 'x';
  return memory;
}

TEST_F(HeapProfiles, LinkingIsEnough) {
  const HeapSampling sampling = heap_sampling();
  EXPECT_TRUE(sampling.is_available) << sampling.problem;
  EXPECT_TRUE(sampling.is_active);
  EXPECT_EQ(sampling.sample_bytes, 4096U);
}

TEST_F(HeapProfiles, NameWhoOwnsWhatIsLive) {
  keep_in_kitchen(kept_, 512);
  const ReadProfile profile = taken();
  EXPECT_EQ(profile.types, (std::vector<std::string>{"alloc_objects/count", "alloc_space/bytes",
                                                     "inuse_objects/count", "inuse_space/bytes"}));
  EXPECT_EQ(profile.default_type, "inuse_space");
  EXPECT_EQ(profile.period, 4096);
  const Sums kitchen = of(profile, "keep_in_kitchen");
  expect_near(kitchen.live_bytes, k_objects, 512);
  EXPECT_NEAR(static_cast<double>(kitchen.live_objects) * 512,
              static_cast<double>(kitchen.live_bytes), 16.0 * k_objects);
  // The vector that keeps them is of the same caller, by way of its own growth.
  EXPECT_GE(of(profile, "keep_in_kitchen", true).live_bytes, kitchen.live_bytes);
}

TEST_F(HeapProfiles, TellWhatWentFromWhatIsLive) {
  drop_in_garden(1024);
  const ReadProfile profile = taken({.shows_all = true});
  EXPECT_EQ(profile.default_type, "alloc_space");
  const Sums garden = of(profile, "drop_in_garden");
  expect_near(garden.all_bytes, k_objects, 1024);
  EXPECT_EQ(garden.live_bytes, 0);
}

TEST_F(HeapProfiles, SeeThroughTheStandardLibrary) {
  write_in_study(texts_, 700);
  const Sums study = of(taken(), "write_in_study", true);
  // The texts, and the vector of them.
  EXPECT_GT(study.live_bytes, 2'300'000);
  EXPECT_LT(study.live_bytes, 3'600'000);
}

TEST_F(HeapProfiles, SeeWhatIsAllocatedWithoutNew) {
  std::vector<void*> some;
  for (std::size_t i = 0; i < k_objects; ++i)
    some.push_back(allocate_in_cellar(512));
  const ReadProfile profile = taken();
  for (void* const one : some)
    std::free(one);
  expect_near(of(profile, "allocate_in_cellar").live_bytes, k_objects, 512);
}

TEST_F(HeapProfiles, SeeEveryThread) {
  std::thread([this] { keep_in_kitchen(kept_, 256); }).join();
  expect_near(of(taken(), "keep_in_kitchen").live_bytes, k_objects, 256);
}

TEST_F(HeapProfiles, EveryKindOfNewNamesItsCaller) {
  struct alignas(64) Aligned {
    char bytes[4096];
  };
  const std::vector<std::function<void*()>> kinds{
      [] { return ::operator new(4096); },
      [] { return ::operator new[](4096); },
      [] { return ::operator new(4096, std::nothrow); },
      [] { return ::operator new[](4096, std::nothrow); },
      [] { return ::operator new(4096, std::align_val_t(64)); },
      [] { return ::operator new[](4096, std::align_val_t(64)); },
      [] { return ::operator new(4096, std::align_val_t(64), std::nothrow); },
      [] { return ::operator new[](4096, std::align_val_t(64), std::nothrow); }};
  for (const auto& kind : kinds) {
    sample(k_distance);
    std::vector<void*> some;
    for (int i = 0; i < 200; ++i)
      some.push_back(call_from_attic(kind));
    const ReadProfile profile = taken();
    // Each way to give back is as good as the other.
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (i % 2 == 0) {
        ::operator delete(some[i]);
      } else {
        ::operator delete[](some[i], std::align_val_t(64));
      }
    }
    EXPECT_GT(of(profile, "call_from_attic", true).live_bytes, 400'000);
    EXPECT_EQ(of(profile, "operator new").live_bytes, 0);
  }
}

TEST_F(HeapProfiles, FullMemoryIsToldAsTheStandardHasIt) {
  static int calls = 0;
  calls = 0;
  const std::new_handler before = std::set_new_handler([] {
    if (++calls == 3) throw std::bad_alloc();
  });
  // More than any address space has.
  const std::size_t volatile too_much = std::size_t{1} << 62;
  EXPECT_THROW(::operator delete(::operator new(too_much)), std::bad_alloc);
  EXPECT_EQ(calls, 3);
  calls = 0;
  EXPECT_EQ(::operator new(too_much, std::nothrow), nullptr);
  EXPECT_EQ(calls, 3);
  std::set_new_handler(nullptr);
  EXPECT_THROW(::operator delete(::operator new(too_much)), std::bad_alloc);
  EXPECT_EQ(::operator new(too_much, std::align_val_t(64), std::nothrow), nullptr);
  std::set_new_handler(before);
}

TEST_F(HeapProfiles, SamplingIsSwitchedWhileTheProcessRuns) {
  ASSERT_TRUE(set_heap_sampling(0));
  EXPECT_FALSE(heap_sampling().is_active);
  EXPECT_EQ(heap_sampling().sample_bytes, 4096U);
  sample(2 * k_distance);
  ASSERT_TRUE(set_heap_sampling(0));
  keep_in_kitchen(kept_, 4096);
  auto none = heap_profile();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::busy);
  EXPECT_EQ(none.error().message, "nothing was sampled: sampling is switched off");
  ASSERT_TRUE(set_heap_sampling(k_distance));
  none = heap_profile();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "nothing was sampled yet: of about every 4096 bytes that are allocated one allocation "
            "is");
  keep_in_kitchen(kept_, 512);
  expect_near(of(taken(), "keep_in_kitchen").live_bytes, k_objects, 512);
}

TEST_F(HeapProfiles, DistancesOutOfBoundsAreRefused) {
  for (const std::uint64_t bytes : {std::uint64_t{1}, k_heap_sample_min_bytes - 1,
                                    k_heap_sample_max_bytes + 1, ~std::uint64_t{0}}) {
    const auto done = set_heap_sampling(bytes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::invalid_argument);
    EXPECT_NE(done.error().message.find(std::to_string(bytes)), std::string::npos);
  }
  EXPECT_EQ(heap_sampling().sample_bytes, 4096U);
}

TEST_F(HeapProfiles, AreReadByPeopleToo) {
  keep_in_kitchen(kept_, 512);
  auto profiler = HeapProfiler::begin();
  ASSERT_TRUE(profiler);
  while (!profiler->step()) {
  }
  const std::string text = profiler->text(1 << 20);
  EXPECT_EQ(text.substr(0, 14), "heap profile: ");
  EXPECT_NE(text.find(" @ heapprofile\n# sampled: one in 4096 bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("keep_in_kitchen"), std::string::npos) << text;
  const std::string cut = profiler->text(0);
  EXPECT_NE(cut.find(" more that hold less\n"), std::string::npos) << cut;
  EXPECT_LT(cut.size(), 200U);
}

TEST_F(HeapProfiles, OwnersAreNamedByWhoAllocatesForWhom) {
  keep_in_kitchen(kept_, 512);
  HeapOwners owners({.owners_max = 3});
  const auto live = [&] {
    auto done = owners.step();
    int steps = 1;
    for (; done && !*done; ++steps)
      done = owners.step();
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_LE(owners.owners().size(), 3U);
    std::uint64_t bytes = 0;
    for (const HeapOwner& owner : owners.owners()) {
      EXPECT_LE(owner.name.size(), 256U);
      EXPECT_EQ(owner.name.find("operator new"), std::string::npos) << owner.name;
      EXPECT_EQ(owner.name.find('('), std::string::npos) << owner.name;
      if (owner.name.find("keep_in_kitchen") != std::string::npos) bytes += owner.live_bytes;
    }
    return std::pair(bytes, steps);
  };
  const auto [first, first_steps] = live();
  expect_near(static_cast<std::int64_t>(first), k_objects, 512);
  EXPECT_GT(first_steps, 2) << "files of names are read one at a time";
  // What a look allocates may be sampled itself, and is then a stack that the next look meets
  // first.
  int looks = 1;
  while (live().second != 1 && looks < 50)
    ++looks;
  EXPECT_LT(looks, 50) << "and once";
  kept_.clear();
  EXPECT_LT(live().first, first / 4);
  EXPECT_LT(HeapOwners::held_bytes({}), 256U * 1024);
}

TEST_F(HeapProfiles, OwnersAreNotToldWhereNothingMayBeHeld) {
  keep_in_kitchen(kept_, 512);
  HeapOwners owners({.may_hold = [](std::size_t) { return false; }});
  const auto done = owners.step();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::busy);
}

TEST_F(HeapProfiles, MoreThanMayBeReadIsRefused) {
  keep_in_kitchen(kept_, 512);
  const auto refused = HeapProfiler::begin({.may_hold = [](std::size_t bytes) {
    EXPECT_GT(bytes, 100U);
    return false;
  }});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::busy);
}

}  // namespace
}  // namespace ullage::observe
