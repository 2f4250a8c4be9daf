// Does what the governor orders, a little at a time, on the thread that takes clients.
#pragma once

#include <ullage/cache.h>
#include <ullage/limits.h>
#include <ullage/observe/allocator.h>
#include <ullage/observe/governor.h>
#include <ullage/trace.h>

#include "command/clock.h"
#include "server/log.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ullage::server {

/// On one thread, but for governed_bytes().
class GovernorTask {
 public:
  /// Given up in one step, so that a probe waits for some milliseconds at most.
  static constexpr std::size_t k_step_bytes = 8 * k_mib;
  static constexpr std::int64_t k_purge_again_ms = 1000;

  struct Parts {
    Cache& cache;
    const command::CommandClock& clock;
    Log& log;
    const TraceHook& trace;
    std::function<observe::ContainerMemory()> container;
    /// What is kept without need goes: pools, and what the allocator has free.
    std::function<void()> purge = observe::release_free_memory;
  };
  /// `most_bytes`: what the cache may take while nothing presses.
  GovernorTask(Parts parts, std::size_t most_bytes);

  /// From now on. Switched off, the cache may take what it may at most.
  void set(std::size_t most_bytes, bool is_on);
  /// Does a bounded piece of what is due.
  void step();
  /// How long there is nothing to do.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;

  [[nodiscard]] bool refuses_clients() const noexcept {
    return governor_.last().stage == observe::GovernorStage::refuse;
  }
  [[nodiscard]] const observe::GovernorOrder& order() const noexcept { return governor_.last(); }
  /// What the cache has given up for now.
  [[nodiscard]] std::size_t given_up_bytes() const noexcept {
    return most_bytes_ - std::min(most_bytes_, governor_.last().cache_bytes);
  }
  /// The most that the cache may take, as it was ordered last. From any thread.
  [[nodiscard]] std::size_t governed_bytes() const noexcept {
    return governed_bytes_.load(std::memory_order_relaxed);
  }

  /// Each is a metric, an event of the trace, and a line in the log, of which one a second comes
  /// for each action: it says how many before it were left out.
  enum class Action : std::uint8_t { give, grow, purge, refuse, admit };
  static constexpr std::size_t k_actions = 5;
  static constexpr std::int64_t k_line_again_ms = 1000;
  [[nodiscard]] std::uint64_t count(Action action) const noexcept {
    return counts_[static_cast<std::size_t>(action)];
  }

 private:
  void look(std::int64_t now_ms);
  void act(const observe::GovernorOrder& before, const observe::GovernorOrder& order,
           std::int64_t now_ms);
  void tell(const observe::GovernorOrder& before, const observe::GovernorOrder& order,
            std::int64_t now_ms);
  void note(Action action, std::uint64_t bytes, std::int64_t now_ms);
  void limit_cache(std::size_t bytes);

  Parts parts_;
  observe::Governor governor_;
  std::size_t most_bytes_;
  bool is_on_ = true;
  std::atomic<std::size_t> governed_bytes_;
  std::size_t limit_bytes_;  // what the cache was told last
  std::int64_t next_look_ms_ = 0;
  std::int64_t purged_ms_ = 0;
  observe::GovernorStage told_ = observe::GovernorStage::calm;  // the worst since it was calm
  std::int64_t tight_ms_ = 0;                                   // when it last was not
  std::array<std::uint64_t, k_actions> counts_{};
  struct Line {
    std::int64_t told_ms = 0;  // 0: never
    std::uint64_t left_out = 0;
  };
  std::array<Line, k_actions> lines_{};
};

/// "give", "grow", "purge", "refuse", "admit".
[[nodiscard]] std::string_view to_string(GovernorTask::Action action) noexcept;

}  // namespace ullage::server
