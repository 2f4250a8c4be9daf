#include "command/group_calls.h"

#include "command/house_testing.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

TEST(GroupCalls, OneCallInSoManyIsLookedAt) {
  GroupCalls calls;
  std::size_t passed = 0;
  std::size_t looked = 0;
  std::size_t last = 0;
  for (std::size_t round = 0; round < 5000; ++round) {
    const std::size_t some = 1 + round % 64;  // one by one, and pipelines
    if (const std::size_t at = calls.pass(some); at < some) {
      const std::size_t number = passed + at + 1;
      EXPECT_EQ(number - last, GroupCalls::k_distance);
      last = number;
      ++looked;
    }
    passed += some;
  }
  EXPECT_EQ(looked, passed / GroupCalls::k_distance);
}

class HotGroupsTest : public ::testing::Test {
 protected:
  void call(GroupCalls& calls, std::string_view key, int times, std::int64_t now_ms) {
    const Row row{.name = "GET", .keys = k_one_key};
    const std::string text = "GET" + std::string(key);
    const resp::Slice words[] = {{0, 3}, {3, static_cast<std::uint32_t>(key.size())}};
    for (int i = 0; i < times; ++i)
      calls.look_at(row, resp::Args(text.data(), words, 2), now_ms);
  }
  GroupCallStats stats_;
  static constexpr std::int64_t k_now_ms = 1'700'000'000'000;
};

TEST_F(HotGroupsTest, AreThoseOfAllThreads) {
  GroupCalls& one = stats_.open();
  GroupCalls& other = stats_.open();
  call(one, "hot", 50, k_now_ms);
  call(other, "hot", 40, k_now_ms);
  call(other, "warm", 30, k_now_ms);
  for (int i = 0; i < 20; ++i)
    call(one, "cold" + std::to_string(i), 1, k_now_ms);
  const Row no_key{.name = "PING"};
  const resp::Slice word{0, 4};
  one.look_at(no_key, resp::Args("PING", &word, 1), k_now_ms);
  const HotGroups hot = stats_.hottest(2, k_now_ms);
  EXPECT_EQ(hot.samples, 140U);
  ASSERT_EQ(hot.groups.size(), 2U);
  EXPECT_EQ(hot.groups[0].name, "hot");
  EXPECT_EQ(hot.groups[0].samples, 90U);
  EXPECT_EQ(hot.groups[1].name, "warm");
}

TEST_F(HotGroupsTest, AreOfTheLastMinuteOrTwo) {
  GroupCalls& calls = stats_.open();
  call(calls, "then", 10, k_now_ms);
  EXPECT_EQ(stats_.hottest(1, k_now_ms + GroupCalls::k_window_ms).samples, 10U);
  call(calls, "now", 5, k_now_ms + GroupCalls::k_window_ms);
  EXPECT_EQ(stats_.hottest(1, k_now_ms + GroupCalls::k_window_ms).samples, 15U);
  EXPECT_EQ(stats_.hottest(1, k_now_ms + GroupCalls::k_window_ms).groups.at(0).name, "then");
  const HotGroups later = stats_.hottest(1, k_now_ms + 2 * GroupCalls::k_window_ms);
  EXPECT_EQ(later.samples, 5U);
  EXPECT_EQ(later.groups.at(0).name, "now");
  EXPECT_EQ(later.window_ms, GroupCalls::k_window_ms);
  EXPECT_EQ(stats_.hottest(1, k_now_ms + 3 * GroupCalls::k_window_ms).samples, 0U);
  // After a long silence nothing of before is left.
  call(calls, "late", 1, k_now_ms + 100 * GroupCalls::k_window_ms);
  EXPECT_EQ(stats_.hottest(9, k_now_ms + 100 * GroupCalls::k_window_ms).samples, 1U);
}

// Whichever way a call takes to its handler: alone, in a pipeline, with others of its kind.
TEST_F(HotGroupsTest, ComeFromWhatClientsAsk) {
  House house;
  house.session.group_calls = &house.services.group_calls.open();
  for (std::size_t i = 0; i < 3 * GroupCalls::k_distance; ++i)
    static_cast<void>(house.ask("HGET one f"));
  const auto hot = [&] {
    return house.services.group_calls.hottest(4, house.services.clock.running_ms());
  };
  EXPECT_EQ(hot().samples, 3U);
  EXPECT_EQ(hot().groups.at(0).name, "one");
  const std::vector<std::string> pipeline(GroupCalls::k_distance, "HGET many f");
  for (int i = 0; i < 5; ++i)
    static_cast<void>(house.ask_together(pipeline));
  EXPECT_EQ(hot().samples, 8U);
  EXPECT_EQ(hot().groups.at(0).name, "many");
}

}  // namespace
}  // namespace ullage::command
