// Lines in the log when something goes over a threshold: a group's fields or bytes, the process's
// or the cache's use of its limit, evictions, the length of rounds.
//
// One line for an owner and a rule in k_again_ms, however long it lasts; the next says how many
// were left out.
#pragma once

#include <ullage/observe/census.h>

#include "server/log.h"
#include "server/settings.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ullage::server {

/// What is looked at once a second.
struct Readings {
  std::int64_t now_ms = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t limit_bytes = 0;  ///< of the process
  std::uint64_t cache_bytes = 0;
  std::uint64_t cache_limit_bytes = 0;
  std::uint64_t evictions = 0;         ///< since the start
  std::uint64_t longest_round_ns = 0;  ///< of the I/O threads, since the last reading
};

/// Not thread-safe. Memory: bounded by k_owners_max owners.
class Thresholds {
 public:
  static constexpr std::int64_t k_again_ms = 600'000;
  static constexpr std::size_t k_owners_max = 128;

  explicit Thresholds(Log& log) noexcept : log_(log) {}

  [[nodiscard]] std::size_t owners() const noexcept { return owners_.size(); }
  void set(const Settings& settings) noexcept { limits_ = settings.thresholds; }
  void look_at(const Readings& readings);
  /// After a walk over the cache was finished.
  void look_at(const observe::CensusResult& seen, std::int64_t now_ms);

 private:
  struct Breach {
    std::string_view rule;
    std::string_view group;  ///< empty: it is about the server
    std::uint64_t value = 0;
    std::uint64_t limit = 0;
    std::string_view unit;
    /// The same value with its fraction; none: how it changes says nothing.
    std::optional<double> exact{};
  };
  /// What is remembered of an owner under a rule.
  struct Owner {
    std::int64_t seen_ms = 0;
    struct Value {
      std::int64_t at_ms;
      double value;
    };
    /// A minute old at least, and the one that will be; both since it came over half the threshold.
    std::optional<Value> then{};
    std::optional<Value> later{};
    std::optional<std::int64_t> told_ms{};
    std::uint64_t left_out = 0;
  };
  void look_at(const Breach& reading, std::int64_t now_ms);
  void tell(const Breach& breach, const Owner& owner, std::int64_t now_ms);
  Owner* owner_of(const Breach& reading, std::int64_t now_ms, bool may_be_new);

  Log& log_;
  ThresholdLimits limits_;
  std::map<std::pair<std::string, std::string>, Owner> owners_;  // by rule and group
  std::optional<std::int64_t> minute_began_ms_;
  std::uint64_t evictions_then_ = 0;
};

}  // namespace ullage::server
