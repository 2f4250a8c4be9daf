#include "server/recent_counts.h"

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

Stats stats_of(std::uint64_t n) {
  Stats stats{};
  stats.hits = n;
  stats.misses = 2 * n;
  stats.inserts = 3 * n;
  stats.evicted_unread = 4 * n;
  stats.removals[static_cast<std::size_t>(RemovalCause::evicted)] = 5 * n;
  stats.entries = 7;
  return stats;
}
ClassInfo class_of(std::uint64_t n) {
  ClassInfo one;
  one.pattern = "a:*";
  one.hits = n;
  one.misses = 2 * n;
  one.evicted = 3 * n;
  one.own_bytes = 7;
  return one;
}
constexpr std::int64_t k_window_ms = RecentCounts::k_window_ms;
constexpr std::int64_t k_start_ms = 1'000'000;

TEST(RecentCounts, ForgetWhatIsLongAgo) {
  command::ByteBudget budget{1 << 20};
  RecentCounts counts(budget);
  const ClassInfo classes[] = {class_of(1000)};
  counts.look_at(stats_of(1000), classes, k_start_ms);
  EXPECT_EQ(counts.of(stats_of(1000)).hits, 1000U) << "all there is";
  const ClassInfo more[] = {class_of(1010)};
  counts.look_at(stats_of(1010), more, k_start_ms + k_window_ms);
  EXPECT_EQ(counts.of(stats_of(1010)).hits, 1010U);
  counts.look_at(stats_of(1020), more, k_start_ms + 2 * k_window_ms - 1);
  EXPECT_EQ(counts.of(stats_of(1020)).hits, 1020U) << "not yet";
  const ClassInfo most[] = {class_of(1030)};
  counts.look_at(stats_of(1030), most, k_start_ms + 2 * k_window_ms);
  const Stats recent = counts.of(stats_of(1040));
  EXPECT_EQ(recent.hits, 30U);
  EXPECT_EQ(recent.misses, 60U);
  EXPECT_EQ(recent.inserts, 90U);
  EXPECT_EQ(recent.evicted_unread, 120U);
  EXPECT_EQ(recent.removed(RemovalCause::evicted), 150U);
  EXPECT_EQ(recent.entries, 7U) << "no counter";
  const auto of_class = counts.of({class_of(1040)});
  ASSERT_EQ(of_class.size(), 1U);
  EXPECT_EQ(of_class[0].hits, 30U);
  EXPECT_EQ(of_class[0].misses, 60U);
  EXPECT_EQ(of_class[0].evicted, 90U);
  EXPECT_EQ(of_class[0].own_bytes, 7U);
  EXPECT_EQ(counts.of({class_of(5)})[0].hits, 5U) << "another class of that name";
}

TEST(RecentCounts, WithoutMemoryForClassesTheyCountFromTheStart) {
  command::ByteBudget budget{100};
  RecentCounts counts(budget);
  const ClassInfo classes[] = {class_of(1000)};
  for (int i = 0; i < 4; ++i)
    counts.look_at(stats_of(1000), classes, k_start_ms + i * k_window_ms);
  EXPECT_EQ(counts.of(stats_of(1000)).hits, 0U);
  EXPECT_EQ(counts.of({class_of(1000)})[0].hits, 1000U);
  EXPECT_EQ(budget.used_bytes(), 0U);
}

}  // namespace
}  // namespace ullage::server
