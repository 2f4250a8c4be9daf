// When commands were slower than a threshold: the worst of each second, by kind of event.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// Thread-safe. Costs a load where nothing was slow.
class LatencyMonitor {
 public:
  /// As Redis has it: so many seconds of each event are kept.
  static constexpr std::size_t k_samples_max = 160;

  struct Sample {
    std::int64_t at_s = 0;
    std::int64_t took_ms = 0;
  };
  struct Event {
    std::string name;
    std::vector<Sample> samples;  ///< the oldest first; never empty
    std::int64_t worst_ms = 0;    ///< of all since the last reset
  };

  /// 0: nothing is kept.
  void set_threshold_ms(std::int64_t ms) noexcept {
    threshold_ms_.store(ms, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t threshold_ms() const noexcept {
    return threshold_ms_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_slow(std::int64_t took_us) const noexcept {
    const std::int64_t threshold = threshold_ms();
    return threshold > 0 && took_us >= threshold * 1000;
  }

  /// Of one second the worst is kept. `name` is one of a few that the server knows.
  void add(std::string_view name, std::int64_t now_ms, std::int64_t took_us);
  /// By name.
  [[nodiscard]] std::vector<Event> events() const;
  [[nodiscard]] std::vector<Sample> history(std::string_view name) const;
  /// Forgets one; answers whether there was one.
  bool forget(std::string_view name);
  /// Forgets all; answers how many there were.
  std::size_t clear();

 private:
  struct Kept {
    std::deque<Sample> samples;
    std::int64_t worst_ms = 0;
  };
  std::atomic<std::int64_t> threshold_ms_{0};
  mutable std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> events_;  // guarded by mutex_
};

}  // namespace ullage::command
