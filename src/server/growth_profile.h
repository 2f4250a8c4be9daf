// What somebody who grows without an end grows by: a data profile is made when the first such owner
// is found, another every few minutes, and the difference to the first is shown, at
// /debug/pprof/growth and in the doctor's words. While nobody grows it costs nothing.
//
// The profiles are of one series (observe::DataProfileOptions::is_series): what has a name in the
// first has it in all, or what came to be told apart otherwise would look like growth.
//
// A walk over a cache takes two minutes for each GiB of it: the first difference is there two walks
// and five minutes after the finding.
#pragma once

#include <ullage/cache.h>
#include <ullage/observe/data_profile.h>

#include "command/byte_budget.h"
#include "command/clock.h"
#include "server/early_warning.h"
#include "server/log.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ullage::server {

/// On one thread alone.
class GrowthProfile {
 public:
  static constexpr std::int64_t k_between_ms = 300'000;   ///< of two profiles
  static constexpr std::int64_t k_forget_ms = 3'600'000;  ///< after the last who grows
  /// So much of the cache is looked at in a second.
  static constexpr std::uint64_t k_slabs_a_tick = 32;
  static constexpr std::int64_t k_tick_ms = 1000;
  static constexpr std::size_t k_patterns_max = 512;
  static constexpr std::size_t k_parts_max = 64;

  struct Part {
    std::string class_pattern{};
    std::string group{};  ///< a pattern: "session:<n>"
    std::string field{};  ///< likewise; empty: what belongs to no single field
    std::int64_t bytes = 0;
  };
  struct Change {
    std::int64_t since_unix_ms = 0;
    std::int64_t took_ms = 0;   ///< from the beginning of the first walk to that of the last
    std::string gzipped{};      ///< profile.proto
    std::vector<Part> parts{};  ///< what has grown, the most first
  };

  /// What it holds is taken from `held` while somebody grows.
  GrowthProfile(Cache& cache, command::ByteBudget& held, const command::CommandClock& clock,
                Log& log)
      : cache_(cache), clock_(clock), log_(log), budget_(held), held_(held) {}

  /// Once a second: who grows. Tells the log, once, what the first of them has come to hold.
  void look_at(std::span<const EarlyWarning::Finding> findings);
  /// Does a bounded piece of what is due.
  void step();
  /// How long there is nothing to do.
  [[nodiscard]] std::int64_t wait_ms() const noexcept;

  /// Null: there is none; problem() says why. Valid until the next step.
  [[nodiscard]] const Change* change() const noexcept { return change_ ? &*change_ : nullptr; }
  [[nodiscard]] std::string problem() const;

  /// Of what has grown what is the owner's, the most first; empty if nothing is known. A group's is
  /// that of all whose names are like its own: they are not told apart.
  [[nodiscard]] static std::vector<Part> parts_of(const EarlyWarning::Finding& owner,
                                                  std::span<const Part> parts);

 private:
  void begin(std::int64_t now_ms);
  void keep(observe::DataProfile made);
  void tell(std::span<const EarlyWarning::Finding> findings);
  void forget();

  Cache& cache_;
  const command::CommandClock& clock_;
  Log& log_;
  command::ByteBudget& budget_;
  command::TakenBytes held_;  // for what is kept

  std::optional<std::int64_t> grew_ms_;            // when somebody did, the last time
  std::optional<command::TakenBytes> taken_;       // for what follows
  std::optional<observe::DataProfiler> profiler_;  // of the whole series
  std::int64_t next_ms_ = 0;                       // when more is due
  std::int64_t began_ms_ = 0;                      // the walk that is under way
  std::int64_t began_unix_ms_ = 0;
  bool is_walking_ = false;
  bool is_finished_ = false;      // the last walk, and the next has not begun
  std::uint64_t slabs_left_ = 0;  // of this second, still
  std::string base_;              // the first profile, gzipped; empty: there is none
  std::int64_t base_unix_ms_ = 0;
  std::int64_t base_began_ms_ = 0;
  std::optional<Change> change_;
  bool is_told_ = false;
  std::optional<std::string> problem_;
};

}  // namespace ullage::server
