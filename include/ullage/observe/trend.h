// Whether something that is measured all the time grows, how, and when it will be at its limit: a
// leak told from a cache that warms up, from teeth of a saw, from what comes and goes with the day.
//
// Samples of ten seconds for the last hour, of five minutes for the day before it. What is said is
// robust: the slope is the median of the slopes between all pairs of points (Theil and Sen), and
// whether there is one at all is a test of ranks (Mann and Kendall) that allows for neighbours
// being alike.
//   https://doi.org/10.1080/01621459.1968.10480934
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ullage::observe {

enum class Verdict : std::uint8_t {
  unknown,    ///< too little was seen
  plateau,    ///< it stays where it is, or comes and goes around it
  warming,    ///< it grows, more slowly all the time
  sawtooth,   ///< it grows, falls, and grows again, to the same height
  leak,       ///< it grows, and nothing says that it will stop
  shrinking,  ///< it falls
};
/// "unknown", "plateau", ...
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

/// Seconds from the last sample on.
struct Forecast {
  double expected_s = 0;
  double earliest_s = 0;  ///< with 95 % certainty no sooner than this,
  double latest_s = 0;    ///< and no later than this; infinite: perhaps never
};

struct TrendReport {
  Verdict verdict = Verdict::unknown;
  std::size_t samples = 0;      ///< that it rests on
  double seen_s = 0;            ///< from the first of them to the last
  double slope_per_s = 0;       ///< of what it grows by
  double slope_low_per_s = 0;   ///< 95 % of slopes like this lie above,
  double slope_high_per_s = 0;  ///< or below
  double last = 0;              ///< without its noise
  /// When it will be at the limit, if it goes on like this; none: it does not grow, or ends below.
  std::optional<Forecast> at_limit{};
};

/// One series. Not thread-safe. Memory: its own size, whatever is added.
class Trend {
 public:
  static constexpr std::int64_t k_sample_ms = 10'000;
  static constexpr std::size_t k_samples = 360;        ///< an hour
  static constexpr std::size_t k_rollup_samples = 30;  ///< of which one is made, later
  static constexpr std::size_t k_rollups = 288;        ///< a day
  static constexpr std::size_t k_samples_least = 30;   ///< before anything is said

  /// Those that come sooner than k_sample_ms after the last one are left out. What is missing
  /// before one that comes later is taken to lie on the line between the two; after more than an
  /// hour the series begins anew. `value` is finite and not negative.
  void add(std::int64_t at_ms, double value) noexcept;
  [[nodiscard]] std::size_t samples() const noexcept { return added_; }

  /// `limit`: 0 for none. Cost: some ten thousand operations.
  [[nodiscard]] TrendReport report(double limit = 0) const;

 private:
  void push(double value) noexcept;

  std::array<float, k_samples> fine_{};
  std::array<float, k_rollups> coarse_{};
  std::size_t added_ = 0;   // samples, ever
  std::size_t rolled_ = 0;  // rollups, ever
  double sum_ = 0;          // of the next rollup
  std::int64_t last_ms_ = 0;
};

/// A moment, in seconds, and what was there.
struct TrendPoint {
  double at_s = 0;
  double value = 0;
};
/// The same of any points, in the order of time.
[[nodiscard]] TrendReport trend_of(std::span<const TrendPoint> all, double limit);

}  // namespace ullage::observe
