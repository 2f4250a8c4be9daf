// What is wrong, or will be, in plain words, worst first: each with what it was seen by, and the
// command that shows more. /debug/doctor, `ullage doctor`, MEMORY DOCTOR.
#pragma once

#include <ullage/classes.h>
#include <ullage/observe/allocator.h>
#include <ullage/observe/census.h>
#include <ullage/observe/container.h>
#include <ullage/observe/governor.h>
#include <ullage/stats.h>

#include "server/admin_page.h"
#include "server/early_warning.h"
#include "server/metrics_page.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::server {

enum class Severity : std::uint8_t { critical, warning, note };
/// "critical", "warning", "note".
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

struct Diagnosis {
  Severity severity = Severity::note;
  std::string what;      ///< one sentence
  std::string evidence;  ///< the figures behind it
  std::string command;   ///< shows more, or mends it
};

/// What it looks at.
struct DoctorFacts {
  Stats cache{};
  observe::CensusResult seen{};
  std::vector<ClassInfo> classes{};
  std::vector<EarlyWarning::Finding> growth{};
  observe::GovernorOrder governor{};
  std::uint64_t given_up_bytes = 0;
  observe::ContainerMemory container{};
  observe::AllocatorStats allocator{};
  std::uint64_t resident_bytes = 0;
  std::uint64_t limit_bytes = 0;  ///< of the process
};
[[nodiscard]] DoctorFacts doctor_facts(const MetricsPage::Sources& sources);

/// Pure: the same facts, the same words. Worst first.
[[nodiscard]] std::vector<Diagnosis> diagnose(const DoctorFacts& facts);
/// For people, and for tools. Both say so if there is nothing to say.
[[nodiscard]] std::string doctor_text(std::span<const Diagnosis> all);
[[nodiscard]] std::string doctor_json(std::span<const Diagnosis> all);

/// /debug/doctor: text, or with ?format=json that.
[[nodiscard]] AdminResponse doctor_page(const MetricsPage::Sources& sources,
                                        const AdminRequest& request);

}  // namespace ullage::server
