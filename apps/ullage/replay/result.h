// What a replay found out: numbers, and how they came about over time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::app {

/// In the order of ullage::RoleBytes.
inline constexpr std::size_t k_roles = 5;
inline constexpr std::array<std::string_view, k_roles> k_role_names = {"value", "field", "header",
                                                                       "index", "slack"};
/// In the order of ullage::RemovalCause.
inline constexpr std::size_t k_causes = 5;
inline constexpr std::array<std::string_view, k_causes> k_cause_names = {
    "evicted", "expired", "replaced", "erased", "limit"};

/// The state after some number of requests. All counts are since the start.
struct Sample {
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t resident = 0;  ///< of the process, in bytes
  std::uint64_t charged = 0;   ///< by the cache's own account
  std::uint64_t entries = 0;
  std::uint64_t evicted = 0;
};

struct RoleSample {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, k_roles> bytes{};
};

struct ReplayResult {
  std::string trace;  ///< name for people
  std::string path;   ///< empty where it was generated
  std::string format;
  std::string policy;
  std::string unsized_rule;        ///< how requests without size got one; empty if there were none
  std::uint64_t memory_limit = 0;  ///< 0: none
  std::uint64_t max_entries = 0;   ///< 0: none
  std::uint64_t threads = 1;

  std::uint64_t operations = 0;  ///< lookups, writes and erases of the trace
  std::uint64_t requests = 0;    ///< lookups: hits + misses
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t requested_bytes = 0;  ///< value bytes of all lookups; one without size counts as 1
  std::uint64_t missed_bytes = 0;
  std::uint64_t bypassed = 0;  ///< writes of values above max_value_bytes, not tried
  std::uint64_t refused = 0;   ///< writes that the cache answered with an error ...
  std::string refusal;         ///< ... and the first such error
  std::uint64_t unsized_requests = 0;
  std::uint64_t skipped = 0;  ///< malformed lines
  double seconds = 0;         ///< the whole replay, decoding included, taking samples not
  double cache_seconds = 0;   ///< inside calls of the cache

  std::uint64_t entries = 0;
  std::uint64_t groups = 0;
  std::uint64_t charged_bytes = 0;
  std::uint64_t payload_bytes = 0;
  std::array<std::uint64_t, k_causes> removals{};
  std::array<std::uint64_t, k_roles> roles{};
  bool has_roles = false;
  std::vector<std::string> findings;  ///< of Cache::validate(); empty is good

  std::uint64_t resident_baseline_bytes = 0;  ///< of the process before the cache was opened
  std::uint64_t resident_peak_bytes = 0;      ///< of the process
  std::uint64_t resident_final_bytes = 0;

  std::vector<Sample> samples;
  std::vector<RoleSample> role_samples;

  [[nodiscard]] double miss_ratio() const noexcept;
  [[nodiscard]] double hit_ratio() const noexcept { return requests == 0 ? 0 : 1 - miss_ratio(); }
  [[nodiscard]] double byte_miss_ratio() const noexcept;
  [[nodiscard]] double requests_per_second() const noexcept;
  /// What the replay added to the process: the part that a memory limit is about.
  [[nodiscard]] std::uint64_t added_peak_bytes() const noexcept {
    return over_baseline(resident_peak_bytes);
  }
  [[nodiscard]] std::uint64_t over_baseline(std::uint64_t resident) const noexcept {
    return resident > resident_baseline_bytes ? resident - resident_baseline_bytes : 0;
  }
};

/// For the way from a measured child process to its parent. REQUIRES of unpack(): text of pack().
std::string pack(const ReplayResult& result);
ReplayResult unpack(const std::string& packed);

}  // namespace ullage::app
