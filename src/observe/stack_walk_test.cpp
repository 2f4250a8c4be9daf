#include "observe/stack_walk.h"

#include "observe/function_names.h"
#include "support/build.h"

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

std::vector<std::string> names(std::span<void* const> addresses) {
  std::vector<std::uint64_t> calls;
  std::map<std::uint64_t, std::string> found;
  for (const void* const address : addresses)
    found[calls.emplace_back(call_before(reinterpret_cast<std::uint64_t>(address)))];
  for (const LoadedCode& code : loaded_code())
    name_functions(code, found);
  std::vector<std::string> all;
  for (const std::uint64_t call : calls)
    all.push_back(found[call]);
  return all;
}
bool has(const std::vector<std::string>& frames, std::string_view name) {
  for (const std::string& frame : frames)
    if (frame.find(name) != std::string::npos) return true;
  return false;
}

/// A sanitizer has code of its own in the program, without frame pointers: there everything that
/// goes through it is unwound.
void expect_unwound(const StackWalk& walk, std::uint64_t times) {
  if (test::k_sanitized) {
    EXPECT_GE(walk.unwound(), times);
  } else {
    EXPECT_EQ(walk.unwound(), times);
  }
}

struct Walked {
  StackWalk walk{program_code()};
  std::array<void*, 64> addresses{};
  std::size_t count = 0;
  [[nodiscard]] std::span<void* const> span() const { return std::span(addresses).first(count); }
};

[[gnu::noinline]] void walk_here(Walked& walked) {
  walked.count = walked.walk.capture(__builtin_frame_address(0), walked.addresses);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void middle(Walked& walked) {
  walk_here(walked);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void outer(Walked& walked) {
  middle(walked);
  asm volatile("" ::: "memory");
}

/// In a thread of its own: below the tests in main()'s there is code without frame pointers.
void walk_in_a_thread(Walked& walked) {
  std::thread([&] { outer(walked); }).join();
}

TEST(StackWalk, FollowsFramesOnceItKnowsWhereTheyEnd) {
  Walked walked;
  walk_in_a_thread(walked);
  expect_unwound(walked.walk, 1U);
  const std::vector<std::string> slow = names(walked.span());
  ASSERT_GE(slow.size(), 3U);
  EXPECT_TRUE(slow[0].find("middle") != std::string::npos) << slow[0];
  EXPECT_TRUE(slow[1].find("outer") != std::string::npos) << slow[1];
  EXPECT_FALSE(has(slow, "main")) << "of another thread";
  walk_in_a_thread(walked);
  expect_unwound(walked.walk, 1U);
  EXPECT_EQ(names(walked.span()), slow);
}

TEST(StackWalk, CodeWithoutFramePointersIsUnwound) {
  Walked walked;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    outer(walked);  // from googletest's own code, which keeps none
    EXPECT_TRUE(has(names(walked.span()), "main"));
    expect_unwound(walked.walk, i);
  }
}

Walked* g_walked = nullptr;
int compare(const void* /*a*/, const void* /*b*/) {
  outer(*g_walked);
  return 0;
}

TEST(StackWalk, WhatLibrariesCallIsUnwoundThroughThem) {
  const auto kept = std::make_unique<Walked>();
  Walked& walked = *kept;
  g_walked = kept.get();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    std::array<int, 2> two{1, 2};
    std::qsort(two.data(), two.size(), sizeof(int), compare);
    const std::vector<std::string> frames = names(walked.span());
    EXPECT_TRUE(has(frames, "compare"));
    EXPECT_TRUE(has(frames, "main")) << "above the library's frames too";
    expect_unwound(walked.walk, i);
  }
}

TEST(StackWalk, HoldsAsMuchAsThereIsRoomFor) {
  Walked walked;
  outer(walked);
  outer(walked);
  std::array<void*, 2> two{};
  const std::size_t count = walked.walk.capture(__builtin_frame_address(0), std::span(two));
  EXPECT_EQ(count, 2U);
  EXPECT_EQ(unwind_stack(std::span(two)), 2U);
}

TEST(StackWalk, FramesThatAreNoneAreNotFollowed) {
  Walked walked;
  struct {
    const void* caller;
    void* address;
  } fake{&fake, reinterpret_cast<void*>(&outer)};  // leads to itself
  walked.count = walked.walk.capture(&fake, walked.addresses);
  expect_unwound(walked.walk, 1U);
  EXPECT_TRUE(has(names(walked.span()), "main"));
}

}  // namespace
}  // namespace ullage::observe
