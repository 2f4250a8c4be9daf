#include "server/census_task.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

using namespace ullage::literals;

class CensusTasks : public ::testing::Test {
 protected:
  CensusTasks() {
    Options options;
    options.memory_limit = 64_MiB;
    options.maintenance = Maintenance::manual;
    cache_ = std::make_unique<Cache>(Cache::open(std::move(options)).value());
    task_ = std::make_unique<CensusTask>(*cache_, held_, clock_);
  }
  void fill(int groups) {
    for (int i = 0; i < groups; ++i)
      ASSERT_TRUE(cache_->set("g" + std::to_string(i), "f", std::string(1000, 'v')));
  }
  /// Steps until there is nothing to do; answers how many there were.
  int run() {
    int steps = 0;
    for (; task_->wait_ms() == 0; ++steps)
      task_->step();
    return steps;
  }
  void pass(std::int64_t ms) { time_->advance(Millis(ms)); }
  [[nodiscard]] std::uint64_t walks() const { return task_->census().last().walks; }

  std::shared_ptr<ManualClock> time_ = std::make_shared<ManualClock>(1'700'000'000'000);
  command::CommandClock clock_{time_};
  command::ByteBudget held_{1 << 20};
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<CensusTask> task_;
};

TEST_F(CensusTasks, DoALittleEachSecond) {
  fill(20'000);
  EXPECT_EQ(task_->wait_ms(), CensusTask::k_tick_ms);
  EXPECT_EQ(run(), 0);
  int seconds = 0;
  int most = 0;
  while (walks() == 0) {
    pass(CensusTask::k_tick_ms);
    const int steps = run();
    EXPECT_GT(steps, 0);
    most = std::max(most, steps);
    ++seconds;
  }
  const auto bytes = cache_->stats().charged_bytes;
  EXPECT_GE(static_cast<std::uint64_t>(seconds), bytes / CensusTask::k_bytes_a_tick);
  EXPECT_LE(static_cast<std::uint64_t>(seconds), bytes / CensusTask::k_bytes_a_tick + 2);
  EXPECT_LE(static_cast<std::uint64_t>(most), CensusTask::k_bytes_a_tick / (16 * 1024));
  EXPECT_EQ(task_->census().last().entries, 20'000U);
}

TEST_F(CensusTasks, OfLargeCachesDoMore) {
  EXPECT_EQ(CensusTask::bytes_a_tick(0), 4_MiB);
  EXPECT_EQ(CensusTask::bytes_a_tick(200_MiB), 4_MiB);
  EXPECT_EQ(CensusTask::bytes_a_tick(600_MiB), 10_MiB);
  EXPECT_EQ(CensusTask::bytes_a_tick(64_GiB), 16_MiB);
}

TEST_F(CensusTasks, RestWhileNothingIsWritten) {
  fill(10);
  for (int i = 0; i < 5; ++i) {
    pass(CensusTask::k_tick_ms);
    run();
  }
  EXPECT_EQ(walks(), 1U);
  ASSERT_TRUE(cache_->get("g1", "f"));
  pass(10 * CensusTask::k_tick_ms);
  run();
  EXPECT_EQ(walks(), 1U);
  ASSERT_TRUE(cache_->set("g1", "f", "another"));
  pass(CensusTask::k_tick_ms);
  run();
  EXPECT_EQ(walks(), 2U);
}

TEST_F(CensusTasks, AnEmptyCacheIsSeenOnce) {
  pass(CensusTask::k_tick_ms);
  run();
  EXPECT_EQ(walks(), 1U);
  EXPECT_EQ(task_->census().last().entries, 0U);
}

TEST_F(CensusTasks, HoldWhatTheyTake) {
  EXPECT_GT(held_.used_bytes(), 10'000U);
  task_.reset();
  EXPECT_EQ(held_.used_bytes(), 0U);
}

}  // namespace
}  // namespace ullage::server
