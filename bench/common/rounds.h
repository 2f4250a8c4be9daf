// Timing on a machine that others use too: contenders run in turn, many short rounds, and what is
// reported is the median of the ratios within a round, with an interval.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace ullage::bench {

/// A median with its 95 % interval, from order statistics: no assumption about how times scatter.
struct Median {
  double value = 0;
  double low = 0;
  double high = 0;
};
Median median_of(std::vector<double> samples);

class Rounds {
 public:
  /// `run(round)` does its share of a round and answers the time it took, in any unit.
  using Contender = std::function<double(std::size_t round)>;
  /// Answers the contender's number.
  std::size_t add(Contender contender);
  /// Every round runs each contender once. Each round begins with the next one, so that being first
  /// is nobody's advantage.
  void run(std::size_t rounds);

  [[nodiscard]] Median time(std::size_t contender) const;
  /// Of `a`'s time over `b`'s in the same round.
  [[nodiscard]] Median ratio(std::size_t a, std::size_t b) const;

 private:
  std::vector<Contender> contenders_;
  std::vector<std::vector<double>> times_;  // by contender, by round
};

/// Seconds that `work` takes.
double seconds_of(const std::function<void()>& work);

/// "0.43 x [0.41, 0.46]"
std::string ratio_text(const Median& ratio);

}  // namespace ullage::bench
