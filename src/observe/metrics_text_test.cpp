#include "observe/metrics_text.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

using Format = MetricsText::Format;
using Type = MetricsText::Type;

TEST(MetricsText, FamiliesAndSamples) {
  MetricsText metrics(Format::prometheus);
  metrics.family("ullage_hits", Type::counter, "Reads that found an entry.");
  metrics.sample(std::uint64_t{18446744073709551615ULL});
  metrics.family("ullage_bytes", Type::gauge, "By\nrole\\.");
  metrics.sample(std::uint64_t{7}, {{"role", "value"}});
  metrics.sample(0.5, {{"role", "slack"}, {"class", "a"}});
  EXPECT_EQ(metrics.series(), 3U);
  EXPECT_EQ(std::move(metrics).finish(),
            "# HELP ullage_hits_total Reads that found an entry.\n"
            "# TYPE ullage_hits_total counter\n"
            "ullage_hits_total 18446744073709551615\n"
            "# HELP ullage_bytes By role\\\\.\n"
            "# TYPE ullage_bytes gauge\n"
            "ullage_bytes{role=\"value\"} 7\n"
            "ullage_bytes{role=\"slack\",class=\"a\"} 0.5\n");
}

TEST(MetricsText, OpenMetricsNamesFamiliesOtherwiseAndHasAnEnd) {
  MetricsText metrics(Format::openmetrics);
  metrics.family("ullage_hits", Type::counter, "Said \"so\".");
  metrics.sample(std::uint64_t{1});
  EXPECT_EQ(std::move(metrics).finish(),
            "# HELP ullage_hits Said \\\"so\\\".\n"
            "# TYPE ullage_hits counter\n"
            "ullage_hits_total 1\n"
            "# EOF\n");
}

TEST(MetricsText, LabelsHoldAnyBytes) {
  MetricsText metrics(Format::prometheus);
  metrics.family("g", Type::gauge, "");
  metrics.sample(std::uint64_t{1}, {{"group", std::string("a\"b\\c\nd\0\xc3\xb6", 10)}});
  EXPECT_NE(
      std::move(metrics).finish().find("g{group=\"a\\\"b\\\\x5cc\\nd\\\\x00\\\\xc3\\\\xb6\"} 1\n"),
      std::string::npos);
}

TEST(MetricsText, Histograms) {
  MetricsText metrics(Format::prometheus);
  metrics.family("pause_seconds", Type::histogram, "Pauses.");
  metrics.histogram(std::array{0.001, 0.25}, std::array<std::uint64_t, 3>{1, 4, 5}, 1.5,
                    {{"kind", "walk"}});
  EXPECT_EQ(metrics.series(), 5U);
  EXPECT_EQ(std::move(metrics).finish(),
            "# HELP pause_seconds Pauses.\n"
            "# TYPE pause_seconds histogram\n"
            "pause_seconds_bucket{kind=\"walk\",le=\"0.001\"} 1\n"
            "pause_seconds_bucket{kind=\"walk\",le=\"0.25\"} 4\n"
            "pause_seconds_bucket{kind=\"walk\",le=\"+Inf\"} 5\n"
            "pause_seconds_sum{kind=\"walk\"} 1.5\n"
            "pause_seconds_count{kind=\"walk\"} 5\n");
}

TEST(MetricsText, NumbersThatAreNone) {
  MetricsText metrics(Format::prometheus);
  metrics.family("g", Type::gauge, "");
  metrics.sample(std::numeric_limits<double>::quiet_NaN());
  metrics.sample(std::numeric_limits<double>::infinity());
  metrics.sample(-std::numeric_limits<double>::infinity());
  const std::string text = std::move(metrics).finish();
  EXPECT_NE(text.find("g NaN\ng +Inf\ng -Inf\n"), std::string::npos);
}

}  // namespace
}  // namespace ullage::observe
