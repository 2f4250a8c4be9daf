// Zipf-distributed ranks by rejection-inversion (Hoermann and Derflinger 1996): no table, any size.
#pragma once

#include "common/workload.h"

#include <cmath>
#include <cstdint>

namespace ullage::bench {

class Zipf {
 public:
  /// Ranks 0 .. items - 1, rank r with weight 1 / (r + 1)^skew; skew > 0, not 1.
  Zipf(std::uint64_t items, double skew, std::uint64_t seed)
      : random_(seed),
        skew_(skew),
        items_(static_cast<double>(items)),
        low_(integral(1.5) - 1),
        high_(integral(items_ + 0.5)),
        cut_(2 - inverse(integral(2.5) - std::pow(2.0, -skew))) {}

  [[nodiscard]] std::uint64_t items() const { return static_cast<std::uint64_t>(items_); }

  std::uint64_t next() {
    for (;;) {
      const double u = high_ + random_.real() * (low_ - high_);
      const double x = inverse(u);
      double rank = std::floor(x + 0.5);
      if (rank < 1) rank = 1;
      if (rank > items_) rank = items_;
      if (rank - x <= cut_ || u >= integral(rank + 0.5) - std::pow(rank, -skew_)) {
        return static_cast<std::uint64_t>(rank) - 1;
      }
    }
  }

 private:
  [[nodiscard]] double integral(double x) const {
    return (std::pow(x, 1 - skew_) - 1) / (1 - skew_);
  }
  [[nodiscard]] double inverse(double y) const {
    return std::pow(1 + y * (1 - skew_), 1 / (1 - skew_));
  }

  Random random_;
  double skew_;
  double items_;
  double low_;
  double high_;
  double cut_;
};

}  // namespace ullage::bench
