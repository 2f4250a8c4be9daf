// A bounded record of a run of unknown length: when it is full, every other point goes and the
// distance between points doubles. The points then are evenly spaced, whatever the length was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ullage::app {

template <class Point>
class Sampler {
 public:
  /// Keeps capacity / 2 points or more, below capacity, once there were that many; at first
  /// `distance` apart. REQUIRES: capacity is even, distance >= 1.
  Sampler(std::size_t capacity, std::uint64_t distance)
      : capacity_(capacity), distance_(distance), next_(distance) {
    points_.resize(capacity);  // touches its memory now, before any is measured
    points_.clear();
  }

  /// Whether a point at `position` (which never goes back) is to be taken.
  [[nodiscard]] bool due(std::uint64_t position) const noexcept { return position >= next_; }

  void add(std::uint64_t position, const Point& point) {
    points_.push_back(point);
    if (points_.size() == capacity_) {
      std::size_t kept = 0;
      // The second of each pair stays: it is the one at a multiple of the doubled distance.
      for (std::size_t at = 1; at < points_.size(); at += 2)
        points_[kept++] = points_[at];
      points_.resize(kept);
      distance_ *= 2;
    }
    next_ = position + distance_;
  }

  [[nodiscard]] const std::vector<Point>& points() const noexcept { return points_; }
  std::vector<Point> take() { return std::move(points_); }

 private:
  const std::size_t capacity_;
  std::uint64_t distance_;
  std::uint64_t next_;
  std::vector<Point> points_;
};

}  // namespace ullage::app
