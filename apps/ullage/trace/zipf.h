// A generated two-level workload, for where there is no trace: the same requests for the same seed.
//
// Groups are users of very different activity (Zipf), each with a few to a few hundred fields of
// very different popularity (Zipf again), each value with a size of its own (log-normal).
#pragma once

#include "base/hash.h"
#include "trace/request.h"

#include <cstdint>

namespace ullage::app {

/// Draws ranks 1..n with probability proportional to rank^-exponent, in constant memory and
/// expected constant time: rejection-inversion (W. Hoermann, G. Derflinger, "Rejection-inversion to
/// generate variates from monotone discrete distributions", 1996).
class ZipfRanks {
 public:
  /// REQUIRES: count >= 1, exponent > 0.
  ZipfRanks(std::uint64_t count, double exponent);
  std::uint64_t draw(Random& random) const;

 private:
  // The integral of x^-exponent, and its inverse.
  [[nodiscard]] double integral(double x) const;
  [[nodiscard]] double inverse(double area) const;

  const double count_;
  const double exponent_;
  const double area_first_;
  const double area_last_;
  const double shortcut_;
};

struct ZipfOptions {
  std::uint64_t requests = 5'000'000;
  std::uint64_t groups = 50'000;
  std::uint64_t fields_max = 200;  ///< of a group; the number of each group is log-uniform up to it
  double group_exponent = 0.9;
  double field_exponent = 0.8;
  double size_median = 120;
  double size_sigma = 1.0;  ///< of the logarithm
  std::uint64_t size_max = 64 * 1024;
  std::uint64_t seed = 1;
};

class ZipfSource final : public RequestSource {
 public:
  explicit ZipfSource(const ZipfOptions& options);
  bool next(Request& request) override;
  [[nodiscard]] double progress() const override;

 private:
  const ZipfOptions options_;
  Random random_;
  ZipfRanks groups_;
  std::uint64_t done_ = 0;
  char group_[32];
  char field_[32];
};

}  // namespace ullage::app
