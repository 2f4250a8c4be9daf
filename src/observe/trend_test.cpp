#include <ullage/observe/trend.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

/// A series of one kind; all that may differ is drawn by a seed.
class Series {
 public:
  explicit Series(std::uint64_t seed) : random_(seed) {}

  struct Labelled {
    std::string kind;
    std::vector<Verdict> right;
    std::vector<double> values;
  };
  Labelled make(std::size_t kind) {
    const std::size_t n = between(90, 360);
    const double level = std::pow(10, uniform(3, 9));
    const double noise = level * uniform(0.001, 0.03);
    const auto of = [&](const std::function<double(double)>& shape) {
      std::vector<double> values;
      for (std::size_t i = 0; i < n; ++i) {
        const double value =
            shape(static_cast<double>(i) / static_cast<double>(n)) + noise * normal();
        values.push_back(std::max(value, 0.0));
      }
      return values;
    };
    switch (kind % 6) {
      case 0: {
        const double grows = level * uniform(0.3, 3);
        const double steps = uniform(0, 1) < 0.3 ? uniform(10, 40) : 0;  // as tables double
        return {"leak", {Verdict::leak}, of([&](double t) {
                  return level + grows * (steps == 0 ? t : std::floor(t * steps) / steps);
                })};
      }
      case 1: {
        const double grows = level * uniform(0.5, 3);
        const double speed = uniform(2, 5);
        std::vector<Verdict> right{Verdict::warming};
        if (speed > 3) right.push_back(Verdict::plateau);  // it has come to its end
        return {"warming", right,
                of([&](double t) { return level + grows * (1 - std::exp(-speed * t)); })};
      }
      case 2: {  // noise that remembers
        const double alike = uniform(0, 0.7);
        double now = 0;
        return {"noise", {Verdict::plateau}, of([&](double) {
                  now = alike * now + noise * normal();
                  return level + now;
                })};
      }
      case 3: {
        const double teeth = uniform(2.6, 9);
        const double height = level * uniform(0.5, 2);
        const double begin = uniform(0, 1);
        return {"sawtooth", {Verdict::sawtooth}, of([&](double t) {
                  const double at = t * teeth + begin;
                  return level + height * (at - std::floor(at));
                })};
      }
      case 4: {
        const double turns = uniform(2, 8);
        const double height = level * uniform(0.1, 0.8);
        const double begin = uniform(0, 1);
        return {"seasonal", {Verdict::plateau}, of([&](double t) {
                  return level + height * std::sin(2 * std::numbers::pi * (t * turns + begin));
                })};
      }
      default:
        return {"plateau", {Verdict::plateau}, of([&](double) { return level; })};
    }
  }

 private:
  double uniform(double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random_);
  }
  std::size_t between(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }
  double normal() { return std::normal_distribution<double>()(random_); }

  std::mt19937_64 random_;
};

Trend filled(const std::vector<double>& values) {
  Trend trend;
  std::int64_t at_ms = 1'700'000'000'000;
  for (const double value : values)
    trend.add(at_ms += Trend::k_sample_ms, value);
  return trend;
}

struct Score {
  int right = 0;
  int all = 0;
  int leaks_on_noise = 0;
  std::map<std::string, int> wrong;
};
Score score(std::uint64_t first_seed, int count) {
  Score score;
  for (int i = 0; i < count; ++i) {
    const auto one =
        Series(first_seed + static_cast<std::uint64_t>(i)).make(static_cast<std::size_t>(i));
    const Verdict said = filled(one.values).report().verdict;
    ++score.all;
    const bool is_right = std::ranges::find(one.right, said) != one.right.end();
    score.right += is_right ? 1 : 0;
    if (!is_right) ++score.wrong[one.kind + " taken for " + std::string(to_string(said))];
    const bool grows_for_good = one.kind == "leak" || one.kind == "warming";
    if (said == Verdict::leak && !grows_for_good) ++score.leaks_on_noise;
  }
  return score;
}
std::string text(const Score& score) {
  std::string all;
  for (const auto& [what, count] : score.wrong)
    all += what + ": " + std::to_string(count) + "\n";
  return all;
}

// The first hundred were looked at while it was made, the second were not.
TEST(Trends, AreToldApart) {
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{77'000'001}}) {
    const Score seen = score(seed, 100);
    EXPECT_GE(seen.right, 95) << text(seen);
    EXPECT_EQ(seen.leaks_on_noise, 0) << text(seen);
  }
}

TEST(Trends, NeedThirtySamples) {
  std::vector<double> values;
  for (std::size_t i = 1; i < Trend::k_samples_least; ++i)
    values.push_back(1000.0 * static_cast<double>(i));
  EXPECT_EQ(filled(values).report(1e9).verdict, Verdict::unknown);
  EXPECT_FALSE(filled(values).report(1e9).at_limit);
  values.push_back(30'000);
  EXPECT_EQ(filled(values).report(1e9).verdict, Verdict::leak);
}

// At half of the way, and in each of many cases.
TEST(Trends, ForecastWhenTheLimitIsReached) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    const double per_s = std::uniform_real_distribution<double>(50, 5000)(random);
    const double noise = per_s * 60;
    const std::size_t n = std::uniform_int_distribution<std::size_t>(60, 360)(random);
    std::vector<double> values;
    for (std::size_t i = 0; i < n; ++i)
      values.push_back(1e6 + per_s * 10 * static_cast<double>(i) + noise * normal(random));
    const double limit = 1e6 + 2 * per_s * 10 * static_cast<double>(n);
    const TrendReport report = filled(values).report(limit);
    ASSERT_EQ(report.verdict, Verdict::leak) << seed;
    ASSERT_TRUE(report.at_limit) << seed;
    const double expected = 10 * static_cast<double>(n);
    EXPECT_NEAR(report.at_limit->expected_s, expected, expected / 10) << seed;
    EXPECT_LE(report.at_limit->earliest_s, report.at_limit->expected_s);
    EXPECT_GE(report.at_limit->latest_s, report.at_limit->expected_s);
    EXPECT_LE(report.slope_low_per_s, per_s * 1.1);
    EXPECT_GE(report.slope_high_per_s, per_s * 0.9);
  }
}

TEST(Trends, TheTruthLiesInTheIntervalMostly) {
  int told = 0;
  int inside = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> values;
    for (std::size_t i = 0; i < 120; ++i)
      values.push_back(1e6 + 5000.0 * static_cast<double>(i) + 60'000 * normal(random));
    const TrendReport report = filled(values).report(1e6 + 5000.0 * 240);
    if (!report.at_limit) continue;
    ++told;
    EXPECT_LT(report.at_limit->earliest_s, report.at_limit->expected_s) << "noise makes it wide";
    inside += report.at_limit->earliest_s <= 1210 && report.at_limit->latest_s >= 1200 ? 1 : 0;
  }
  EXPECT_GE(told, 90);
  EXPECT_GE(inside * 100, told * 95) << inside << " of " << told;
}

TEST(Trends, AFewSpikesChangeNothing) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> values;
    for (std::size_t i = 0; i < 200; ++i) {
      const bool is_spike = random() % 20 == 0;
      values.push_back((1e6 + 5000.0 * static_cast<double>(i) + 5000 * normal(random)) *
                       (is_spike ? 3 : 1));
    }
    const TrendReport report = filled(values).report(1e7);
    EXPECT_EQ(report.verdict, Verdict::leak) << seed;
    EXPECT_NEAR(report.slope_per_s, 500, 50) << seed;
  }
}

TEST(Trends, WhatIsMissingIsTakenToLieBetween) {
  Trend with_gap;
  Trend whole;
  for (std::int64_t i = 0; i < 200; ++i) {
    const double value = 1e6 + 1000.0 * static_cast<double>(i);
    whole.add(i * Trend::k_sample_ms, value);
    if (i < 50 || i > 150) with_gap.add(i * Trend::k_sample_ms, value);
  }
  EXPECT_EQ(with_gap.samples(), 200U);
  EXPECT_NEAR(with_gap.report().slope_per_s, whole.report().slope_per_s, 1);
  // After more than an hour nobody knows.
  with_gap.add(600 * Trend::k_sample_ms, 3e6);
  EXPECT_EQ(with_gap.samples(), 1U);
  EXPECT_EQ(with_gap.report().verdict, Verdict::unknown);
}

TEST(Trends, WhatEndsBelowTheLimitHasNoTime) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i)
    values.push_back(1000 + 1000 * (1 - std::exp(-2.5 * i / 200)));
  const TrendReport report = filled(values).report(10'000);
  EXPECT_EQ(report.verdict, Verdict::warming);
  EXPECT_FALSE(report.at_limit);
  EXPECT_TRUE(filled(values).report(1900).at_limit);
}

TEST(Trends, TeethThatRiseAreALeak) {
  std::vector<double> values;
  for (int i = 0; i < 300; ++i)
    values.push_back(1000 + 10 * (i % 50) + 4 * i);
  EXPECT_EQ(filled(values).report().verdict, Verdict::leak);
}

TEST(Trends, WhatFallsShrinks) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i)
    values.push_back(10'000 - 50 * i);
  const TrendReport report = filled(values).report(20'000);
  EXPECT_EQ(report.verdict, Verdict::shrinking);
  EXPECT_LT(report.slope_per_s, 0);
  EXPECT_FALSE(report.at_limit);
}

TEST(Trends, WhatIsThereAlreadyHasNoTimeLeft) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i)
    values.push_back(1000 + 50 * i);
  const TrendReport report = filled(values).report(2000);
  ASSERT_TRUE(report.at_limit);
  EXPECT_EQ(report.at_limit->expected_s, 0);
}

TEST(Trends, SamplesThatComeTooSoonAreLeftOut) {
  Trend trend;
  for (int i = 0; i < 1000; ++i)
    trend.add(i * (Trend::k_sample_ms / 10), 5);
  EXPECT_EQ(trend.samples(), 100U);
  EXPECT_EQ(trend.report().verdict, Verdict::plateau);
}

// The rise of a morning is no leak if yesterday had it; it is one where nothing was ever higher.
TEST(Trends, ADayIsRemembered) {
  constexpr int k_day = 8640;
  for (const bool leaks : {false, true}) {
    Trend trend;
    std::mt19937_64 random(5);
    std::normal_distribution<double> normal;
    int leak_calls = 0;
    for (int i = 0; i < 3 * k_day; ++i) {
      double value = 1e6 + 5e5 * std::sin(2 * std::numbers::pi * i / k_day) + 3e3 * normal(random);
      if (leaks && i > 2 * k_day + 3000) value += 1000.0 * (i - 2 * k_day - 3000);
      trend.add(std::int64_t{i} * Trend::k_sample_ms, value);
      if (i > k_day + 100 && i % 30 == 0)
        leak_calls += trend.report().verdict == Verdict::leak ? 1 : 0;
    }
    if (leaks) {
      EXPECT_GT(leak_calls, 20);
    } else {
      EXPECT_EQ(leak_calls, 0);
    }
  }
}

}  // namespace
}  // namespace ullage::observe
