// Which groups most calls are for: one call in k_distance is looked at. Each I/O thread has its
// own, so that no two write to one line; who asks adds them up.
#pragma once

#include "command/row.h"
#include "observe/heavy_hitters.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace ullage::command {

/// What the last minute or two were about.
struct HotGroups {
  std::uint64_t samples = 0;   ///< calls that name a key, one of GroupCalls::k_distance
  std::int64_t window_ms = 0;  ///< in that time
  struct Group {
    std::string name;
    std::uint64_t samples = 0;  ///< at least
  };
  std::vector<Group> groups{};  ///< the most called first
};

/// Of one thread, which alone adds; any may read. Who adds never waits: a sample that would have to
/// is not counted.
class GroupCalls {
 public:
  /// A prime: pipelines repeat themselves in other steps.
  static constexpr std::size_t k_distance = 1021;
  static constexpr std::int64_t k_window_ms = 60'000;
  static constexpr std::size_t k_followed = 32;

  /// Counts `calls` calls of a thread. Answers which of them is to be looked at, from 0 on; `calls`
  /// or more: none.
  [[nodiscard]] std::size_t pass(std::size_t calls) noexcept {
    const std::size_t at = left_;
    left_ = at < calls ? k_distance - 1 - (calls - at - 1) % k_distance : at - calls;
    return at;
  }
  /// The one that is to be looked at. Its first key counts.
  void look_at(const Row& row, resp::Args args, std::int64_t now_ms);

  /// Adds what this and the last window have seen, and widens the window told of to theirs.
  void add_to(observe::HeavyHitters& all, HotGroups& hot, std::int64_t now_ms) const;

 private:
  struct Window {
    observe::HeavyHitters groups{k_followed};
    std::uint64_t samples = 0;
    std::int64_t began_ms = 0;
    void begin(std::int64_t now_ms) {
      groups.clear();
      samples = 0;
      began_ms = now_ms;
    }
  };
  [[nodiscard]] static bool is_over(const Window& window, std::int64_t now_ms,
                                    int windows) noexcept {
    return now_ms - window.began_ms >= windows * k_window_ms;
  }
  std::size_t left_ = k_distance - 1;  // of the thread alone
  mutable std::mutex mutex_;
  Window now_;   // guarded by mutex_
  Window last_;  // likewise
};

/// Those of all threads. Thread-safe.
class GroupCallStats {
 public:
  /// For a thread that begins to serve; lives as long as this.
  GroupCalls& open() {
    const std::lock_guard lock(mutex_);
    return *threads_.emplace_back(std::make_unique<GroupCalls>());
  }
  [[nodiscard]] HotGroups hottest(std::size_t most, std::int64_t now_ms) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<GroupCalls>> threads_;  // guarded by mutex_
};

}  // namespace ullage::command
