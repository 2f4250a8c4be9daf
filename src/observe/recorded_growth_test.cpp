// Trends of what a running server has held: series recorded by tools/record_growth.py.
#include <ullage/observe/trend.h>

#include "observe/recorded_growth_testing.h"

#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

bool is_one_of(std::string_view verdict, std::string_view all) {
  while (!all.empty()) {
    const std::string_view one = all.substr(0, all.find('|'));
    if (one == verdict) return true;
    all.remove_prefix(std::min(all.size(), one.size() + 1));
  }
  return false;
}

TEST(RecordedGrowth, IsCalledWhatItIs) {
  const auto all = recorded_growth();
  ASSERT_EQ(all.size(), 20U);
  int wrong = 0;
  for (const RecordedGrowth& one : all) {
    ASSERT_GE(one.values.size(), 200U) << one.name;
    Trend trend;
    std::int64_t now_ms = 0;
    for (const double value : one.values)
      trend.add(now_ms += Trend::k_sample_ms, value);
    const std::string_view said = to_string(trend.report().verdict);
    if (!is_one_of(said, one.verdicts)) {
      ++wrong;
      RecordProperty(std::string(one.name), std::string(said));
      GTEST_LOG_(INFO) << one.name << " is called " << said << ", not " << one.verdicts;
    }
    if (said == "leak") {
      EXPECT_TRUE(is_one_of("leak", one.verdicts)) << one.name;
    }
  }
  EXPECT_LE(wrong, 1) << "95 of 100 are right";
}

}  // namespace
}  // namespace ullage::observe
