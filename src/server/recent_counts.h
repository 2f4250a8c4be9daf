// What the cache's counters have counted of late: a bulk load in the morning is no finding at noon.
#pragma once

#include <ullage/classes.h>
#include <ullage/stats.h>

#include "command/byte_budget.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ullage::server {

/// On one thread alone.
class RecentCounts {
 public:
  /// What is told is of the last k_window_ms at least, and of twice that at most; less only while
  /// the cache is younger.
  static constexpr std::int64_t k_window_ms = 300'000;

  /// What it holds is taken from `held`; of classes for which nothing is left it knows their counts
  /// from the start.
  explicit RecentCounts(command::ByteBudget& held) : held_(held) {}

  [[nodiscard]] bool is_due(std::int64_t now_ms) const noexcept {
    return last_ms_ == 0 || now_ms - last_ms_ >= k_window_ms;
  }
  /// Whenever it is due; otherwise it does nothing.
  void look_at(const Stats& stats, std::span<const ClassInfo> classes, std::int64_t now_ms);

  /// The same with counters of late: hits, misses, inserts, removals, evicted_unread.
  [[nodiscard]] Stats of(Stats now) const;
  /// Likewise: hits, misses, evicted.
  [[nodiscard]] std::vector<ClassInfo> of(std::vector<ClassInfo> now) const;

 private:
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evicted = 0;
  };
  struct Moment {
    Stats stats{};
    std::map<std::string, Counts, std::less<>> classes{};
  };

  command::TakenBytes held_;
  Moment before_{};  // the one told from
  Moment last_{};
  std::int64_t last_ms_ = 0;  // 0: it has not looked yet
};

}  // namespace ullage::server
