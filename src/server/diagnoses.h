// What the doctor knows to look for: each finding with the figures behind it, and what to do.
#pragma once

#include <ullage/classes.h>
#include <ullage/observe/allocator.h>
#include <ullage/observe/census.h>
#include <ullage/observe/container.h>
#include <ullage/observe/governor.h>
#include <ullage/stats.h>

#include "command/group_calls.h"
#include "server/early_warning.h"
#include "server/growth_profile.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

enum class Severity : std::uint8_t { critical, warning, note };
/// "critical", "warning", "note".
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

struct Diagnosis {
  Severity severity = Severity::note;
  std::string what;       ///< one sentence
  std::string evidence;   ///< the figures behind it
  std::string command;    ///< shows more, or mends it
  std::string profile{};  ///< the page of the admin port that belongs to it; empty: none does
};

/// What it looks at.
struct DoctorFacts {
  Stats cache{};  ///< its counters: of late
  observe::CensusResult seen{};
  std::vector<ClassInfo> classes{};  ///< likewise
  command::HotGroups hot{};
  std::vector<EarlyWarning::Finding> growth{};
  std::vector<GrowthProfile::Part> grown{};  ///< what that is made of, as far as that is known
  std::int64_t grown_ms = 0;                 ///< within that time
  observe::GovernorOrder governor{};
  std::uint64_t given_up_bytes = 0;
  observe::ContainerMemory container{};
  observe::AllocatorStats allocator{};
  std::uint64_t resident_bytes = 0;
  std::uint64_t limit_bytes = 0;  ///< of the process
};
/// Pure: the same facts, the same words. In the order of what they cost.
[[nodiscard]] std::vector<Diagnosis> find_all(const DoctorFacts& facts);

}  // namespace ullage::server
