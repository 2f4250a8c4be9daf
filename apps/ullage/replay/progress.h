// One line on standard error that says how far a replay is, for people who wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ullage::app {

class Progress {
 public:
  /// `enabled` is false where nobody looks: the calls then do nothing.
  Progress(bool enabled, std::string label);
  ~Progress();  // takes the line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `share` of the input done, negative where unknown. Prints at most ten times a second.
  void update(double share, std::uint64_t requests, std::uint64_t hits);

 private:
  using Clock = std::chrono::steady_clock;
  const bool enabled_;
  const std::string label_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
  bool shown_ = false;
};

}  // namespace ullage::app
