#include "replay/driver.h"

#include "base/failure.h"
#include "trace/trace_testing.h"

#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace ullage::app {
namespace {

// A short generated run, complete as the command would make it.
ReplayOptions short_run(const std::string& policy, std::uint64_t requests = 60'000) {
  ReplayOptions options;
  options.trace = "zipf";
  options.policy = policy;
  options.requests = requests;
  options.memory_limit = 8u << 20;
  options.verify = true;
  return options;
}

ReplayResult run(ReplayOptions options) {
  const Workload workload = choose_workload(options);
  complete_options(workload, options);
  return run_replay(workload, options, false);
}

void expect_sound(const ReplayResult& result) {
  EXPECT_EQ(result.hits + result.misses, result.requests);
  EXPECT_LE(result.missed_bytes, result.requested_bytes);
  EXPECT_GE(result.resident_peak_bytes, result.resident_baseline_bytes);
  EXPECT_TRUE(result.findings.empty());
  std::uint64_t before = 0;
  for (const Sample& sample : result.samples) {
    EXPECT_GT(sample.requests, before);
    before = sample.requests;
  }
}

TEST(Replay, TheCacheStaysUnderItsLimitsAndRepeatsExactly) {
  ReplayOptions options = short_run("adaptive", 200'000);
  const ReplayResult first = run(options);
  expect_sound(first);
  EXPECT_EQ(first.requests, 200'000u);
  EXPECT_EQ(first.refused, 0u) << first.refusal;
  EXPECT_GT(first.hits, 0u);
  EXPECT_TRUE(first.has_roles);
  std::uint64_t sum = 0;
  for (const auto bytes : first.roles)
    sum += bytes;
  EXPECT_EQ(sum, first.charged_bytes);
  EXPECT_LE(first.charged_bytes, first.memory_limit);
  const ReplayResult second = run(options);
  EXPECT_EQ(first.hits, second.hits);
  EXPECT_EQ(first.removals, second.removals);
}

TEST(Replay, EntriesMayBeLimitedAlone) {
  for (const char* policy : {"adaptive", "lru", "sim:lru", "sim:fifo", "sim:s3fifo"}) {
    ReplayOptions options = short_run(policy);
    options.memory_limit.reset();
    options.max_entries = 2000;
    const ReplayResult result = run(options);
    expect_sound(result);
    EXPECT_LE(result.entries, 2000u) << policy;
    EXPECT_GT(result.entries, 1900u) << policy;
    EXPECT_GT(result.removals[0], 0u) << policy;
  }
}

TEST(Replay, SeveralThreadsCountWhatOneDoes) {
  ReplayOptions options = short_run("adaptive");
  options.threads = 3;
  const ReplayResult result = run(options);
  expect_sound(result);
  EXPECT_EQ(result.requests, 60'000u);
}

TEST(Replay, TheNaiveMapForgetsNothingAndIsMeasuredInAChild) {
  ReplayOptions options = short_run("naive");
  const Workload workload = choose_workload(options);
  complete_options(workload, options);
  const ReplayResult result = run_replay_in_child(workload, options, false);
  expect_sound(result);
  EXPECT_EQ(result.misses, result.entries);
  EXPECT_EQ(result.memory_limit, 0u);
}

TEST(Replay, CountsWhatATraceWithWritesAndErasesDoes) {
  const TestFolder folder;
  ReplayOptions options = short_run("adaptive", 0);
  options.trace = folder.write(
      "t",
      "1,a:b,3,10,1,get,0\n1,a:b,3,10,1,get,0\n2,a:b,3,10,1,delete,0\n"
      "3,a:b,3,10,1,get,0\n4,c:d,3,99,1,set,1\n4,c:d,3,99,1,get,1\n9,c:d,3,99,1,get,1\n");
  for (const char* policy : {"adaptive", "sim:lru"}) {
    options.policy = policy;
    const ReplayResult result = run(options);
    EXPECT_EQ(result.format, "twitter");
    EXPECT_EQ(result.operations, 7u);
    EXPECT_EQ(result.requests, 5u);
    EXPECT_EQ(result.removals[3], 1u) << "erased";
    // The entry's second is over in the trace's own time; simulators know no times.
    EXPECT_EQ(result.hits, policy[0] == 's' ? 3u : 2u) << policy;
  }
}

TEST(Replay, OversizeValuesAreMissesAndNotStored) {
  const TestFolder folder;
  ReplayOptions options = short_run("adaptive", 0);
  options.max_value_bytes = 1000;
  options.trace = folder.write("t.csv", "a,b,1001\na,b,1001\na,c,1000\na,c,1000\n");
  const ReplayResult result = run(options);
  EXPECT_EQ(result.misses, 3u);
  EXPECT_EQ(result.bypassed, 2u);
  EXPECT_EQ(result.requested_bytes, 4002u);
  EXPECT_EQ(result.missed_bytes, 3002u);
}

TEST(Replay, AMalformedLineStopsItWithPlaceAndReason) {
  const TestFolder folder;
  ReplayOptions options = short_run("sim:lru", 0);
  options.trace = folder.write("t.csv", "a,b,1\na,b,oops\n");
  try {
    run(options);
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("t.csv:2: the size is not a number: \"a,b,oops\""),
              std::string::npos)
        << failure.what();
  }
}

TEST(Replay, AnEmptyTraceIsNoError) {
  const TestFolder folder;
  ReplayOptions options = short_run("sim:lru", 0);
  options.trace = folder.write("t.csv", "");
  EXPECT_EQ(run(options).requests, 0u);
}

TEST(ReplayResult, SurvivesItsWayBetweenProcesses) {
  ReplayResult result;
  result.trace = "t\xff";
  result.requests = 10;
  result.hits = 4;
  result.misses = 6;
  result.removals = {1, 2, 3, 4, 5};
  result.samples = {{1, 2, 3, 4, 5, 6}};
  result.role_samples = {{7, {1, 2, 3, 4, 5}}};
  const ReplayResult back = unpack(pack(result));
  EXPECT_EQ(back.misses, 6u);
  EXPECT_EQ(back.removals, result.removals);
  EXPECT_EQ(back.samples.at(0).evicted, 6u);
  EXPECT_EQ(back.role_samples.at(0).bytes[4], 5u);
  EXPECT_DOUBLE_EQ(back.miss_ratio(), 0.6);
}

}  // namespace
}  // namespace ullage::app
