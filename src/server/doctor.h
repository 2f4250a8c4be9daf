// What is wrong, or will be, in plain words, worst first: each with what it was seen by, and the
// command that shows more. /debug/doctor, `ullage doctor`, MEMORY DOCTOR.
#pragma once

#include "server/admin_page.h"
#include "server/diagnoses.h"
#include "server/metrics_page.h"

#include <span>
#include <string>
#include <vector>

namespace ullage::server {

[[nodiscard]] DoctorFacts doctor_facts(const MetricsPage::Sources& sources);

/// Worst first.
[[nodiscard]] std::vector<Diagnosis> diagnose(const DoctorFacts& facts);
/// For people, and for tools. Both say so if there is nothing to say.
[[nodiscard]] std::string doctor_text(std::span<const Diagnosis> all);
[[nodiscard]] std::string doctor_json(std::span<const Diagnosis> all);

/// /debug/doctor: text, or with ?format=json that.
[[nodiscard]] AdminResponse doctor_page(const MetricsPage::Sources& sources,
                                        const AdminRequest& request);

}  // namespace ullage::server
