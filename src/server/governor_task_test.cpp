#include "server/governor_task.h"

#include "server/log_testing.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ullage::server {
namespace {

using namespace ullage::literals;

class Heard final : public TraceSink {
 public:
  void on_event(const TraceEvent& event) noexcept override { names.emplace_back(event.name); }
  std::vector<std::string> names;
};

/// A cache of 64 MiB in a container of 100, with others in it.
class GovernorTasks : public ::testing::Test {
 protected:
  GovernorTasks() {
    Options options;
    options.memory_limit = 64_MiB;
    options.maintenance = Maintenance::manual;
    cache_ = std::make_unique<Cache>(Cache::open(std::move(options)).value());
    task_ = std::make_unique<GovernorTask>(
        GovernorTask::Parts{.cache = *cache_,
                            .clock = clock_,
                            .log = lines_.log(),
                            .trace = trace_,
                            .container =
                                [this] {
                                  observe::ContainerMemory seen;
                                  if (is_lost_) return seen;
                                  seen.version = 2;
                                  seen.groups = 1;
                                  seen.limit = seen.tightest_limit = 100_MiB;
                                  seen.tightest_used = charged() + others_bytes_;
                                  return seen;
                                },
                            .purge = [this] { ++purged_; }},
        64_MiB);
  }
  void fill() {
    for (int i = 0; i < 60'000; ++i)
      ASSERT_TRUE(cache_->set("g" + std::to_string(i), "f", std::string(1000, 'v')));
  }
  [[nodiscard]] std::size_t charged() const { return cache_->stats().charged_bytes; }
  [[nodiscard]] std::size_t limit() const { return cache_->stats().memory_limit; }
  /// So much time, with what is due in it; answers how many steps that were.
  int pass(std::int64_t ms) {
    int steps = 0;
    for (const std::int64_t end = clock_.running_ms() + ms; clock_.running_ms() <= end;) {
      for (; task_->wait_ms() == 0; ++steps)
        task_->step();
      time_->advance(Millis(std::max<std::int64_t>(task_->wait_ms(), 1)));
    }
    return steps;
  }
  /// But those of single actions.
  std::vector<nlohmann::json> lines() {
    std::vector<nlohmann::json> some;
    for (auto& line : lines_.all()) {
      if (line.value("event.action", "") != "governor") some.push_back(std::move(line));
    }
    return some;
  }
  [[nodiscard]] std::map<std::string, int> actions() {
    std::map<std::string, int> told;
    for (const auto& line : lines_.all()) {
      if (line.value("event.action", "") == "governor")
        told[line.value("ullage.action", "")] += 1 + line.value("ullage.left_out", 0);
    }
    return told;
  }

  LogLines lines_;
  TraceHook trace_;
  std::shared_ptr<ManualClock> time_ = std::make_shared<ManualClock>(1'700'000'000'000);
  command::CommandClock clock_{time_};
  std::unique_ptr<Cache> cache_;
  std::size_t others_bytes_ = 10_MiB;
  bool is_lost_ = false;
  std::uint64_t purged_ = 0;
  std::unique_ptr<GovernorTask> task_;
};

TEST_F(GovernorTasks, GiveMemoryUpInStepsAndTakeItBackWhenThereIsRoom) {
  fill();
  const std::size_t full = charged();
  ASSERT_GT(full, 55_MiB);
  pass(1000);
  EXPECT_EQ(charged(), full);
  EXPECT_EQ(task_->given_up_bytes(), 0U);

  Heard heard;
  trace_.set(&heard);
  others_bytes_ = 50_MiB;
  EXPECT_GE(pass(200), static_cast<int>((full - 30_MiB) / GovernorTask::k_step_bytes));
  EXPECT_LE(charged() + others_bytes_, 81_MiB);
  EXPECT_EQ(limit(), task_->governed_bytes());
  EXPECT_GT(task_->given_up_bytes(), 20_MiB);
  EXPECT_EQ(heard.names.front(), "governor gives");
  trace_.set(nullptr);
  // The first look had seen it worst.
  const auto told = lines();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]["event.action"], "container_use");
  EXPECT_EQ(told[0]["ullage.stage"], "refuse");
  EXPECT_FALSE(task_->refuses_clients()) << "it has room already";
  EXPECT_EQ(task_->count(GovernorTask::Action::refuse), 1U);
  EXPECT_GE(task_->count(GovernorTask::Action::purge), 1U);
  EXPECT_EQ(purged_, task_->count(GovernorTask::Action::purge));

  others_bytes_ = 5_MiB;
  pass(20'000);
  EXPECT_LT(limit(), 64_MiB) << "not yet";
  pass(120'000);
  EXPECT_EQ(limit(), 64_MiB);
  EXPECT_EQ(task_->given_up_bytes(), 0U);
  EXPECT_GT(task_->count(GovernorTask::Action::grow), 3U);
  EXPECT_EQ(lines().back()["message"], "the container has room again");
}

TEST_F(GovernorTasks, RefuseClientsWhileNothingHelps) {
  others_bytes_ = 99_MiB;
  pass(100);
  EXPECT_TRUE(task_->refuses_clients());
  others_bytes_ = 50_MiB;
  pass(200);
  EXPECT_FALSE(task_->refuses_clients());
}

TEST_F(GovernorTasks, TellEachActionInTheLogTheTraceAndACounter) {
  Heard heard;
  trace_.set(&heard);
  fill();
  others_bytes_ = 39_MiB;  // 97 of 100 and more
  pass(50);
  others_bytes_ = 5_MiB;
  pass(200'000);
  trace_.set(nullptr);
  std::map<std::string, std::uint64_t> traced;
  for (const std::string& name : heard.names)
    ++traced[name];
  auto told = actions();
  for (const auto& [action, name] : std::map<GovernorTask::Action, std::string>{
           {GovernorTask::Action::give, "governor gives"},
           {GovernorTask::Action::grow, "governor grows"},
           {GovernorTask::Action::purge, "governor purges"},
           {GovernorTask::Action::refuse, "governor refuses"},
           {GovernorTask::Action::admit, "governor admits"}}) {
    const std::uint64_t count = task_->count(action);
    EXPECT_GE(count, 1U) << name;
    EXPECT_EQ(traced[name], count) << name;
    EXPECT_GE(told[std::string(to_string(action))], 1) << name;
    EXPECT_LE(told[std::string(to_string(action))], static_cast<int>(count)) << name;
  }
}

TEST_F(GovernorTasks, ALostContainerIsToldOnceAndChangesNothing) {
  fill();
  others_bytes_ = 40_MiB;
  pass(5000);
  const std::size_t then = limit();
  ASSERT_LT(then, 64_MiB);
  is_lost_ = true;
  pass(120'000);
  EXPECT_EQ(limit(), then);
  is_lost_ = false;
  pass(1000);
  int lost = 0;
  int found = 0;
  int calm = 0;
  for (const auto& line : lines_.all()) {
    calm += line["message"] == "the container has room again" ? 1 : 0;
    lost += line.value("event.action", "") == "container_lost" ? 1 : 0;
    found += line["message"] == "the container's memory can be read again" ? 1 : 0;
  }
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(found, 1);
  EXPECT_EQ(calm, 0) << "nobody has seen that";
}

TEST_F(GovernorTasks, SwitchedOffGiveBackWhatWasTaken) {
  fill();
  others_bytes_ = 60_MiB;
  pass(200);
  ASSERT_LT(limit(), 40_MiB);
  task_->set(64_MiB, false);
  pass(200);
  EXPECT_EQ(limit(), 64_MiB);
  EXPECT_FALSE(task_->refuses_clients());
  fill();
  task_->set(64_MiB, true);
  pass(200);
  EXPECT_LT(limit(), 64_MiB);
}

TEST_F(GovernorTasks, AnotherSizeIsTheMostFromThenOn) {
  ASSERT_TRUE(cache_->set_memory_limit(32_MiB));
  task_->set(32_MiB, true);
  pass(200);
  EXPECT_EQ(limit(), 32_MiB);
  EXPECT_EQ(task_->governed_bytes(), 32_MiB);
}

}  // namespace
}  // namespace ullage::server
