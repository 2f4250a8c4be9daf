// Time for commands: Unix time in milliseconds, standing still while a command runs; and time that
// goes on evenly, for how long something took.
//
// A command that is given a moment (EXPIREAT) hands the cache a time to live; both must count from
// the same now, or the moment comes out a millisecond off. And a transaction sees one moment.
#pragma once

#include <ullage/options.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace ullage::command {

class CommandClock final : public Clock {
 public:
  /// `source` tells Unix time; none: the system's.
  explicit CommandClock(std::shared_ptr<const Clock> source = nullptr) noexcept;

  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    return stopped_ms_ != 0 ? stopped_ms_ : unix_ms();
  }
  /// Unix time as this began, and what has passed since: it goes on whatever is stopped, and
  /// whoever sets the system's clock. For intervals; never compared with now_ms().
  [[nodiscard]] std::int64_t running_ms() const noexcept;

  /// Stops this thread's time until the end of the scope. Scopes may nest: the outermost counts.
  class Stop {
   public:
    explicit Stop(const CommandClock& clock) noexcept : outermost_(stopped_ms_ == 0) {
      if (outermost_) stopped_ms_ = clock.unix_ms();
    }
    ~Stop() {
      if (outermost_) stopped_ms_ = 0;
    }
    /// Stops it anew, as of now; REQUIRES: no outer scope has it stopped.
    void renew(const CommandClock& clock) noexcept { stopped_ms_ = clock.unix_ms(); }
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

   private:
    bool outermost_;
  };

 private:
  [[nodiscard]] std::int64_t unix_ms() const noexcept;

  static thread_local std::int64_t stopped_ms_;  // 0: it goes on

  std::shared_ptr<const Clock> source_;
  std::int64_t began_ms_ = 0;  // Unix time less what the steady clock said then
};

}  // namespace ullage::command
