// Commands that took long: the latest of them.
#pragma once

#include "resp/request.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// Thread-safe. Costs a load where nothing was slow.
class SlowLog {
 public:
  struct Entry {
    std::uint64_t id = 0;
    std::int64_t at_ms = 0;
    std::int64_t took_us = 0;
    std::vector<std::string> args;
    std::string client;
    std::string client_name;
    std::string user;
  };

  /// Less than 0: nothing is kept.
  void set_threshold_us(std::int64_t us) noexcept {
    threshold_us_.store(us, std::memory_order_relaxed);
  }
  void set_length_max(std::size_t entries);
  [[nodiscard]] bool is_slow(std::int64_t took_us) const noexcept {
    const std::int64_t threshold = threshold_us_.load(std::memory_order_relaxed);
    return threshold >= 0 && took_us >= threshold;
  }

  /// Keeps it, under a number of its own; long arguments are cut.
  void add(Entry entry, resp::Args args);
  /// The latest first.
  [[nodiscard]] std::vector<Entry> entries() const;
  void clear();

 private:
  std::atomic<std::int64_t> threshold_us_{10'000};
  mutable std::mutex mutex_;
  std::size_t length_max_ = 128;  // guarded by mutex_
  std::uint64_t next_id_ = 0;     // guarded by mutex_
  std::deque<Entry> entries_;     // guarded by mutex_
};

}  // namespace ullage::command
