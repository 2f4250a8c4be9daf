#include <ullage/observe/governor.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace ullage::observe {
namespace {

constexpr std::uint64_t k_mib = 1 << 20;

/// A container of 1000 MiB with a cache that takes what it may, and others beside it.
class Governors : public ::testing::Test {
 protected:
  GovernorOrder look(std::uint64_t others_mib, std::uint64_t hits = 0, double pressure = 0) {
    ContainerMemory seen;
    seen.version = 2;
    seen.path = "/ours";
    seen.groups = 2;
    seen.limit = seen.tightest_limit = 1000 * k_mib;
    seen.charged = seen.tightest_used = cache_ + others_mib * k_mib;
    seen.limit_hits = hits;
    seen.pressure_percent = pressure;
    const GovernorOrder order = governor_.look(seen, cache_, now_ms_);
    cache_ = order.cache_bytes;
    now_ms_ += governor_.wait_ms();
    return order;
  }
  [[nodiscard]] std::uint64_t cache_mib() const { return cache_ / k_mib; }

  Governor governor_{{.most_bytes = 600 * k_mib, .least_bytes = 50 * k_mib}};
  std::uint64_t cache_ = 600 * k_mib;
  std::int64_t now_ms_ = 1'000'000;
};

TEST_F(Governors, LeaveItAloneWhileThereIsRoom) {
  for (int i = 0; i < 100; ++i) {
    const GovernorOrder order = look(100);
    EXPECT_EQ(order.stage, GovernorStage::calm);
    EXPECT_EQ(order.cache_bytes, 600 * k_mib);
  }
  EXPECT_EQ(governor_.wait_ms(), 100) << "70 % is looked at often";
}

TEST_F(Governors, TakeFromTheCacheWhatIsAboveTheAim) {
  const GovernorOrder order = look(260);
  EXPECT_EQ(order.stage, GovernorStage::give);
  EXPECT_DOUBLE_EQ(order.use_percent, 86);
  EXPECT_EQ(cache_mib(), 540U) << "so that 800 are used";
  EXPECT_EQ(look(260).stage, GovernorStage::calm);
}

TEST_F(Governors, BeginAtTheirStages) {
  const auto first = [](std::uint64_t used_mib) {
    Governor governor({.most_bytes = 600 * k_mib, .least_bytes = 50 * k_mib});
    ContainerMemory seen;
    seen.version = 2;
    seen.limit = seen.tightest_limit = 1000 * k_mib;
    seen.charged = seen.tightest_used = used_mib * k_mib;
    return governor.look(seen, 600 * k_mib, 1'000'000).stage;
  };
  EXPECT_EQ(first(849), GovernorStage::calm);
  EXPECT_EQ(first(850), GovernorStage::give);
  EXPECT_EQ(first(919), GovernorStage::give);
  EXPECT_EQ(first(920), GovernorStage::purge);
  EXPECT_EQ(first(969), GovernorStage::purge);
  EXPECT_EQ(first(970), GovernorStage::refuse);
}

TEST_F(Governors, HaveStages) {
  EXPECT_EQ(look(320).stage, GovernorStage::purge);
  cache_ = 600 * k_mib;
  EXPECT_EQ(look(370).stage, GovernorStage::refuse);
  cache_ = 600 * k_mib;
  EXPECT_EQ(look(360).stage, GovernorStage::refuse) << "until it is clearly less";
  cache_ = 600 * k_mib;
  EXPECT_EQ(look(340).stage, GovernorStage::purge);
}

TEST_F(Governors, LeaveTheLeast) {
  look(2000);
  EXPECT_EQ(cache_mib(), 50U);
  EXPECT_EQ(look(2000).stage, GovernorStage::refuse);
  EXPECT_EQ(cache_mib(), 50U);
}

TEST_F(Governors, FollowANeighbourThatGrows) {
  std::uint64_t highest = 0;
  for (std::uint64_t others = 100; others < 900; others += 5) {
    look(others);
    highest = std::max(highest, cache_ / k_mib + others);
  }
  EXPECT_LE(highest, 950U);
  EXPECT_EQ(cache_mib(), 50U);
}

TEST_F(Governors, GrowAgainWhenItHasBeenCalmForAWhile) {
  look(400);
  ASSERT_EQ(cache_mib(), 400U);
  const std::int64_t since_ms = now_ms_;
  std::uint64_t before = cache_;
  std::int64_t grown_ms = 0;
  while (cache_mib() < 600) {
    look(100);
    EXPECT_LE(cache_ - before, 600 * k_mib / Governor::k_growth_share);
    if (cache_ != before && grown_ms == 0) grown_ms = now_ms_;
    before = cache_;
    ASSERT_LT(now_ms_ - since_ms, 120'000);
  }
  EXPECT_GE(grown_ms - since_ms, Governor::k_calm_ms);
  // And not past where it would have to give again.
  look(400);
  const std::uint64_t given = cache_;
  for (int i = 0; i < 1000; ++i)
    EXPECT_LE(look(380).stage, GovernorStage::calm);
  EXPECT_EQ(cache_, given);
}

TEST_F(Governors, TakeItForWorseWhenTheKernelIsShort) {
  look(200, 5);
  EXPECT_EQ(look(230, 5).stage, GovernorStage::calm);
  const GovernorOrder hit = look(230, 6);
  EXPECT_EQ(hit.stage, GovernorStage::give);
  EXPECT_TRUE(hit.kernel_was_short);
  cache_ = 600 * k_mib;
  const GovernorOrder waited = look(270, 6, 30);
  EXPECT_EQ(waited.stage, GovernorStage::purge);
  EXPECT_TRUE(waited.tasks_waited);
  cache_ = 300 * k_mib;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(look(100, 100 + static_cast<std::uint64_t>(i), 50).stage, GovernorStage::calm)
        << "files that the kernel drops again and again";
}

TEST_F(Governors, WithoutALimitOrderWhatWasAskedFor) {
  look(900);
  ContainerMemory unlimited;
  unlimited.version = 2;
  const GovernorOrder order = governor_.look(unlimited, cache_, now_ms_);
  EXPECT_EQ(order.stage, GovernorStage::calm);
  EXPECT_EQ(order.cache_bytes, 600 * k_mib);
  EXPECT_EQ(governor_.wait_ms(), 1000);
}

TEST_F(Governors, WhoseContainerCannotBeReadAnyMoreStayAsTheyWere) {
  EXPECT_FALSE(look(100).is_blind);
  look(400);
  ASSERT_LT(cache_mib(), 500U);
  const std::uint64_t then = cache_;
  for (int i = 0; i < 100; ++i) {
    const GovernorOrder order = governor_.look({}, cache_, now_ms_ += 1000);
    EXPECT_TRUE(order.is_blind);
    EXPECT_EQ(order.cache_bytes, then);
    EXPECT_EQ(order.stage, GovernorStage::calm) << "clients are not refused for ever";
  }
  EXPECT_FALSE(look(400).is_blind);
  // Half of it is as good as nothing: our folder has gone, or the limit of a group around us.
  ContainerMemory half;
  half.version = 2;
  half.path = "/ours";
  half.groups = 1;
  EXPECT_TRUE(governor_.look(half, cache_, now_ms_).is_blind);
  EXPECT_EQ(governor_.last().cache_bytes, cache_);
  // A limit that was lifted is another thing, and so is another container.
  half.path = "/other";
  EXPECT_FALSE(governor_.look(half, cache_, now_ms_).is_blind);
  look(400);
  ContainerMemory lifted;
  lifted.version = 2;
  lifted.path = "/ours";
  lifted.groups = 2;
  EXPECT_EQ(governor_.look(lifted, cache_, now_ms_).cache_bytes, 600 * k_mib);
}

TEST_F(Governors, WhoHaveSeenNothingForLongBeginAnew) {
  const auto at = [&](std::uint64_t others_mib) {
    look(others_mib, 50);  // the kernel had to look for memory long ago
    return governor_.last();
  };
  at(100);
  cache_ = 400 * k_mib;
  ASSERT_EQ(at(430).stage, GovernorStage::calm);
  for (int i = 0; i < 100; ++i)
    governor_.look({}, cache_, now_ms_ += 1000);
  cache_ = 400 * k_mib;
  const GovernorOrder seen = at(430);
  EXPECT_FALSE(seen.kernel_was_short) << "as often as before";
  EXPECT_EQ(seen.stage, GovernorStage::calm);
}

TEST_F(Governors, AskedForAnotherSizeKeepWhatWasGivenUp) {
  governor_.set_most_bytes(500 * k_mib);
  EXPECT_EQ(governor_.last().cache_bytes, 500 * k_mib);
  look(400);
  EXPECT_EQ(cache_mib(), 400U);
  governor_.set_most_bytes(700 * k_mib);
  EXPECT_EQ(governor_.last().cache_bytes, 400 * k_mib);
  governor_.set_most_bytes(300 * k_mib);
  EXPECT_EQ(governor_.last().cache_bytes, 300 * k_mib);
}

TEST(ContainerShare, IsOfTheContainerOrOfTheMachine) {
  ContainerMemory seen;
  seen.limit = 400;
  EXPECT_EQ(container_share_bytes(seen, 75), 300U);
  const auto root = std::filesystem::path(testing::TempDir()) /
                    ("ullage_share_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "proc");
  std::ofstream(root / "proc/meminfo") << "MemFree:  5 kB\nMemTotal:  2048 kB\n";
  EXPECT_EQ(container_share_bytes({}, 50, root.string()), 1024U * 1024);
  std::ofstream(root / "proc/meminfo") << "nonsense";
  EXPECT_EQ(container_share_bytes({}, 50, root.string()), 0U);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace ullage::observe
