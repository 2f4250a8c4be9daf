#include <ullage/observe/trend.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace ullage::observe {

namespace {

/// More points than this say no more, and all pairs of them are looked at.
constexpr std::size_t k_points_max = 80;
/// Changes of less than this share of what is there are no news.
constexpr double k_share_that_matters = 0.02;
/// Certainty of a slope: deviations of the normal distribution.
constexpr double k_certain = 3.3;
constexpr double k_of_95_percent = 1.96;
/// Growth that no chance makes: in deviations from the line.
constexpr double k_far = 5;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::ranges::max_element(values.begin(), middle)) / 2;
}

std::vector<double> values_of(std::span<const TrendPoint> points) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const TrendPoint& point : points)
    values.push_back(point.value);
  return values;
}

double median_of(std::span<const TrendPoint> points) {
  return median(values_of(points));
}

/// Means of stretches of equal length.
std::vector<TrendPoint> thinned(std::span<const TrendPoint> points, std::size_t most) {
  const std::size_t together = (points.size() + most - 1) / most;
  std::vector<TrendPoint> made;
  for (std::size_t i = 0; i < points.size(); i += together) {
    const auto part = points.subspan(i, std::min(together, points.size() - i));
    TrendPoint sum;
    for (const TrendPoint& one : part) {
      sum.at_s += one.at_s;
      sum.value += one.value;
    }
    const auto count = static_cast<double>(part.size());
    made.push_back({.at_s = sum.at_s / count, .value = sum.value / count});
  }
  return made;
}

/// Deviation of one point from what it would be without noise: neighbours differ by noise more than
/// by what is behind it.
double noise_of(std::span<const TrendPoint> points) {
  std::vector<double> bends;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    bends.push_back(std::abs(points[i].value - (points[i - 1].value + points[i + 1].value) / 2));
  }
  constexpr double k_of_normal = 1.4826;
  return k_of_normal * median(std::move(bends)) / std::sqrt(1.5);
}

struct Slope {
  double per_s = 0;
  double low_per_s = 0;
  double high_per_s = 0;
  double certainty = 0;  ///< in deviations of chance; with a sign
  double reach = 0;      ///< all that it grows by, in deviations of the points from the line
  [[nodiscard]] bool is_certain() const noexcept {
    // A smooth curve looks like noise that remembers; but such noise goes nowhere so far.
    return std::abs(certainty) > k_certain || std::abs(reach) > k_far;
  }
  [[nodiscard]] bool grows() const noexcept { return per_s > 0 && is_certain(); }
  [[nodiscard]] bool falls() const noexcept { return per_s < 0 && is_certain(); }
};

struct Rest {
  double alike = 0;      ///< how much neighbours are, from 0 to less than 1
  double deviation = 0;  ///< of the points
};
/// What is left once the slope is taken away.
Rest rest_of(std::span<const TrendPoint> points, double slope_per_s) {
  std::vector<double> rest;
  for (const TrendPoint& one : points)
    rest.push_back(one.value - slope_per_s * one.at_s);
  const double mean =
      std::accumulate(rest.begin(), rest.end(), 0.0) / static_cast<double>(rest.size());
  double squares = 0;
  double products = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    squares += (rest[i] - mean) * (rest[i] - mean);
    if (i != 0) products += (rest[i] - mean) * (rest[i - 1] - mean);
  }
  if (squares == 0) return {};
  return {.alike = std::clamp(products / squares, 0.0, 0.95),
          .deviation = std::sqrt(squares / static_cast<double>(rest.size()))};
}

Slope slope_of(std::span<const TrendPoint> points) {
  const std::size_t n = points.size();
  if (n < 3) return {};
  std::vector<double> slopes;
  slopes.reserve(n * (n - 1) / 2);
  double rises = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double rise = points[j].value - points[i].value;
      slopes.push_back(rise / (points[j].at_s - points[i].at_s));
      rises += rise > 0 ? 1 : rise < 0 ? -1 : 0;
    }
  }
  std::ranges::sort(slopes);
  Slope slope;
  slope.per_s = median(slopes);
  // What n points that are alike say is said by fewer that are not.
  const auto count = static_cast<double>(n);
  const Rest rest = rest_of(points, slope.per_s);
  const double widened = (1 + rest.alike) / (1 - rest.alike);
  const double growth = slope.per_s * (points.back().at_s - points.front().at_s);
  slope.reach = rest.deviation == 0 ? growth * std::numeric_limits<double>::infinity()
                                    : growth / rest.deviation;
  const double deviation = std::sqrt(count * (count - 1) * (2 * count + 5) / 18 * widened);
  slope.certainty = (rises - (rises > 0 ? 1 : -1)) / deviation;
  const double reach = k_of_95_percent * deviation;
  const auto all = static_cast<double>(slopes.size());
  const auto at = [&](double place) {
    return slopes[static_cast<std::size_t>(std::clamp(place, 0.0, all - 1))];
  };
  slope.low_per_s = at((all - reach) / 2);
  slope.high_per_s = at((all + reach) / 2);
  return slope;
}

/// A place where it falls at once, as when a cache is emptied or a process starts anew.
struct Teeth {
  std::vector<TrendPoint> peaks;    ///< before each fall
  std::vector<TrendPoint> troughs;  ///< behind it
};

constexpr std::size_t k_fall_points = 3;  // that a fall may take

Teeth teeth_of(std::span<const TrendPoint> points, double least) {
  Teeth teeth;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    std::size_t lowest = i;
    for (std::size_t j = i + 1; j < std::min(points.size(), i + k_fall_points); ++j) {
      if (points[j].value < points[lowest].value) lowest = j;
    }
    if (points[i].value - points[lowest].value < least) continue;
    // The highest point before it is the peak, which may be the next.
    if (points[i + 1].value >= points[i].value) continue;
    teeth.peaks.push_back(points[i]);
    teeth.troughs.push_back(points[lowest]);
    i = lowest;
  }
  return teeth;
}

/// The most that it rises, and falls, within so few points.
std::pair<double, double> steepest(std::span<const TrendPoint> points) {
  double rise = 0;
  double fall = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < std::min(points.size(), i + k_fall_points); ++j) {
      rise = std::max(rise, points[j].value - points[i].value);
      fall = std::max(fall, points[i].value - points[j].value);
    }
  }
  return {rise, fall};
}

/// How often it crosses the line from one side clearly to the other.
std::size_t crossings(std::span<const TrendPoint> points, double slope_per_s, double least) {
  std::vector<double> rest;
  for (const TrendPoint& one : points)
    rest.push_back(one.value - slope_per_s * one.at_s);
  const double middle = median(rest);
  std::size_t count = 0;
  int side = 0;
  for (const double value : rest) {
    const int now = value > middle + least ? 1 : value < middle - least ? -1 : 0;
    if (now == 0 || now == side) continue;
    if (side != 0) ++count;
    side = now;
  }
  return count;
}

/// Half of how far it goes up and down around the line.
double swing(std::span<const TrendPoint> points, double slope_per_s) {
  std::vector<double> rest;
  for (const TrendPoint& one : points)
    rest.push_back(one.value - slope_per_s * one.at_s);
  std::ranges::sort(rest);
  const std::size_t tenth = rest.size() / 10;
  return (rest[rest.size() - 1 - tenth] - rest[tenth]) / 2;
}

/// `level_error`: how far off the last value may be.
void forecast(TrendReport& report, double limit, double level_error) {
  if (limit <= 0 || report.slope_per_s <= 0) return;
  if (limit <= report.last) {
    report.at_limit = Forecast{};
    return;
  }
  const double room = limit - report.last;
  const auto time = [](double bytes, double per_s) {
    return per_s > 0 ? std::max(bytes, 0.0) / per_s : std::numeric_limits<double>::infinity();
  };
  report.at_limit = Forecast{.expected_s = time(room, report.slope_per_s),
                             .earliest_s = time(room - level_error, report.slope_high_per_s),
                             .latest_s = time(room + level_error, report.slope_low_per_s)};
}

/// What stands alone far from what is around it is none of the series (a Hampel filter: R. Pearson,
/// "Outliers in process modeling and identification", IEEE TCST 10, 2002).
std::vector<TrendPoint> without_spikes(std::span<const TrendPoint> points) {
  constexpr std::size_t k_around = 3;
  constexpr double k_deviations = 8;
  std::vector<TrendPoint> calm(points.begin(), points.end());
  const double far = k_deviations * noise_of(points);
  for (std::size_t i = k_around; i + k_around < points.size(); ++i) {
    std::vector<double> around;
    for (std::size_t j = i - k_around; j <= i + k_around; ++j)
      around.push_back(points[j].value);
    const double middle = median(std::move(around));
    if (std::abs(points[i].value - middle) > far) calm[i].value = middle;
  }
  return calm;
}

/// Where three values an equal time apart lead to, if each step is the same share of the one
/// before.
std::optional<double> plateau_of(double first, double second, double third) noexcept {
  const double bend = first + third - 2 * second;
  if (bend >= 0) return std::nullopt;
  return (first * third - second * second) / bend;
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  constexpr std::array<std::string_view, 6> k_names{"unknown",  "plateau", "warming",
                                                    "sawtooth", "leak",    "shrinking"};
  return k_names[static_cast<std::size_t>(verdict)];
}

TrendReport trend_of(std::span<const TrendPoint> all, double limit) {
  TrendReport report;
  report.samples = all.size();
  if (all.size() < Trend::k_samples_least) return report;
  report.seen_s = all.back().at_s - all.front().at_s;
  const std::vector<TrendPoint> points = thinned(without_spikes(all), k_points_max);
  const std::size_t n = points.size();
  const auto [lowest, highest] = std::ranges::minmax(values_of(points));
  const double range = highest - lowest;
  const double noise = noise_of(points);
  const double level = std::max(std::abs(median_of(points)), 1e-9);
  const auto level_now = [&](double slope_per_s) {
    std::vector<double> late;
    for (const TrendPoint& one : std::span(points).last(std::max<std::size_t>(n / 4, 5)))
      late.push_back(one.value + slope_per_s * (all.back().at_s - one.at_s));
    return median(std::move(late));
  };
  report.last = level_now(0);
  // Of a median, with 95 % certainty.
  const double level_error =
      1.96 * 1.25 * noise / std::sqrt(std::max(static_cast<double>(n) / 4, 5.0));
  const auto take = [&](const Slope& slope) {
    report.slope_per_s = slope.per_s;
    report.slope_low_per_s = slope.low_per_s;
    report.slope_high_per_s = slope.high_per_s;
    report.last = level_now(slope.per_s);
  };
  report.verdict = Verdict::plateau;
  if (range < k_share_that_matters * level) return report;

  // Teeth: what counts is how low it falls, each time.
  constexpr double k_tooth_of_range = 0.3;
  const double tooth = std::max(k_tooth_of_range * range, 6 * noise);
  const Teeth teeth = teeth_of(points, tooth);
  // What rises as fast as it falls is a wave.
  constexpr double k_rise_of_fall = 0.6;
  const auto [rise_at_once, fall_at_once] = steepest(points);
  if (teeth.peaks.size() >= 2 && rise_at_once < k_rise_of_fall * fall_at_once) {
    double height = 0;
    for (std::size_t i = 0; i < teeth.peaks.size(); ++i)
      height += teeth.peaks[i].value - teeth.troughs[i].value;
    height /= static_cast<double>(teeth.peaks.size());
    const Slope low = slope_of(teeth.troughs);
    const double rise = teeth.troughs.back().value - teeth.troughs.front().value;
    const bool all_rise = std::ranges::is_sorted(teeth.troughs, {}, &TrendPoint::value);
    report.verdict = Verdict::sawtooth;
    const double higher = teeth.peaks.back().value - teeth.peaks.front().value;
    if (teeth.troughs.size() >= 3 && all_rise && rise > height / 2 && higher > height / 3) {
      report.verdict = Verdict::leak;
      take(low);
      forecast(report, limit, level_error);
    }
    return report;
  }

  const Slope whole = slope_of(points);
  const double growth = whole.per_s * report.seen_s;
  // What comes and goes is a slope for half of the time, and none over all of it.
  const double swings = swing(points, whole.per_s);
  const std::size_t turns = crossings(points, whole.per_s, std::max(swings / 2, 2 * noise));
  const bool comes_and_goes = turns >= 3 && swings > 3 * noise;
  if (comes_and_goes && std::abs(growth) < 2 * swings) return report;
  const bool matters = std::abs(growth) > std::max(4 * noise, k_share_that_matters * level);
  if (!matters) return report;
  if (whole.falls()) {
    report.verdict = Verdict::shrinking;
    take(whole);
    return report;
  }
  if (!whole.grows()) return report;

  // Does it grow now as it did?
  const auto third = [&](std::size_t i) {
    return std::span(points).subspan(i * n / 3, (i + 1) * n / 3 - i * n / 3);
  };
  const double first = median_of(third(0));
  const double second = median_of(third(1));
  const double last = median_of(third(2));
  const double early = second - first;
  const double late = last - second;
  take(whole);
  const double quiet = std::max(2 * noise, 0.1 * (last - first));
  if (!comes_and_goes && late < quiet && early > 2 * late) {
    report.verdict = Verdict::plateau;  // it has come to its end
    return report;
  }
  // Of medians of so many points: their deviation, that of the bend of three, and three times that.
  const double bend_of_chance = 3 * 2.45 * 1.25 * noise / std::sqrt(static_cast<double>(n) / 3);
  if (!comes_and_goes && late < 0.6 * early && early - late > bend_of_chance) {
    report.verdict = Verdict::warming;
    take(slope_of(third(2)));
    const auto end = plateau_of(first, second, last);
    if (!end || *end >= limit) forecast(report, limit, level_error);
    return report;
  }
  report.verdict = Verdict::leak;
  forecast(report, limit, level_error);
  return report;
}

void Trend::add(std::int64_t at_ms, double value) noexcept {
  if (added_ != 0) {
    const std::int64_t passed_ms = at_ms - last_ms_;
    if (passed_ms < k_sample_ms) return;
    const auto missing = static_cast<std::size_t>((passed_ms + k_sample_ms / 2) / k_sample_ms - 1);
    if (missing >= k_samples) {
      *this = {};
    } else {
      const auto before = static_cast<double>(fine_[(added_ - 1) % k_samples]);
      const double step = (value - before) / static_cast<double>(missing + 1);
      for (std::size_t i = 1; i <= missing; ++i)
        push(before + step * static_cast<double>(i));
    }
  }
  last_ms_ = at_ms;
  push(value);
}

void Trend::push(double value) noexcept {
  float& place = fine_[added_ % k_samples];
  if (added_ >= k_samples) {  // the oldest goes into the next rollup
    sum_ += static_cast<double>(place);
    if ((added_ - k_samples + 1) % k_rollup_samples == 0) {
      coarse_[rolled_ % k_rollups] = static_cast<float>(sum_ / k_rollup_samples);
      ++rolled_;
      sum_ = 0;
    }
  }
  place = static_cast<float>(value);
  ++added_;
}

TrendReport Trend::report(double limit) const {
  constexpr double k_sample_s = static_cast<double>(k_sample_ms) / 1000;
  const std::size_t fine = std::min(added_, k_samples);
  const std::size_t coarse = std::min(rolled_, k_rollups);
  std::vector<TrendPoint> hour;
  for (std::size_t i = added_ - fine; i < added_; ++i) {
    hour.push_back({.at_s = static_cast<double>(i) * k_sample_s,
                    .value = static_cast<double>(fine_[i % k_samples])});
  }
  TrendReport report = trend_of(hour, limit);
  if (coarse < k_samples_least) return report;

  // Each rollup in the middle of its time, and the hour in points that stand for as long.
  std::vector<TrendPoint> day;
  double highest = 0;
  for (std::size_t i = rolled_ - coarse; i < rolled_; ++i) {
    day.push_back({.at_s = (static_cast<double>(i) + 0.5) * k_rollup_samples * k_sample_s,
                   .value = static_cast<double>(coarse_[i % k_rollups])});
    highest = std::max(highest, day.back().value);
  }
  // What is higher than ever in a day is news; what was there before comes and goes.
  const bool is_new = report.last > highest * (1 + k_share_that_matters);
  if (is_new && (report.verdict == Verdict::leak || report.verdict == Verdict::warming))
    return report;
  const std::vector<TrendPoint> late = thinned(hour, k_samples / k_rollup_samples);
  day.insert(day.end(), late.begin(), late.end());
  report = trend_of(day, limit);
  report.samples = fine + coarse * k_rollup_samples;
  return report;
}

}  // namespace ullage::observe
