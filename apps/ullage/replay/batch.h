// Requests copied out of their source, so that the measured part of a replay neither decodes nor
// waits.
#pragma once

#include "replay/options.h"
#include "replay/target.h"
#include "trace/request.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ullage::app {

/// Makes requests ready: decides sizes, gives ids and times, counts.
class Preparer {
 public:
  Preparer(RequestSource& source, const ReplayOptions& options);
  /// False at the end of the source or of what was asked for.
  bool next(PreparedRequest& prepared);
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  [[nodiscard]] std::uint64_t unsized() const noexcept { return unsized_; }

 private:
  RequestSource& source_;
  const SizeRule rule_;
  const std::uint64_t requests_max_;
  const std::uint64_t rate_;
  std::uint64_t taken_ = 0;
  std::uint64_t unsized_ = 0;
};

class Batch {
 public:
  explicit Batch(std::size_t requests_max);
  /// Replaces the content by the next requests; false when there were none.
  bool fill(Preparer& from);
  [[nodiscard]] std::span<const PreparedRequest> requests() const noexcept { return requests_; }

 private:
  const std::size_t requests_max_;
  std::vector<PreparedRequest> requests_;
  std::vector<char> names_;  // never grows: views into it must stay
};

}  // namespace ullage::app
