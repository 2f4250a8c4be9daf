#include "server/doctor.h"

#include "server/query.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

namespace ullage::server {

std::string_view to_string(Severity severity) noexcept {
  constexpr std::array<std::string_view, 3> k_names{"critical", "warning", "note"};
  return k_names[static_cast<std::size_t>(severity)];
}

DoctorFacts doctor_facts(const MetricsPage::Sources& sources) {
  constexpr std::size_t k_hot_max = 4;
  const GrowthProfile::Change* const change = sources.lookout.growth().change();
  return {
      .cache = sources.lookout.recent().of(sources.services.cache.stats()),
      .seen = sources.lookout.census().last(),
      .classes = sources.lookout.recent().of(sources.services.cache.classes()),
      .hot = sources.services.group_calls.hottest(k_hot_max, sources.services.clock.running_ms()),
      .growth = sources.lookout.early_warning().findings(),
      .grown = change == nullptr ? std::vector<GrowthProfile::Part>() : change->parts,
      .grown_ms = change == nullptr ? 0 : change->took_ms,
      .governor = sources.governor.order(),
      .given_up_bytes = sources.governor.given_up_bytes(),
      .container = observe::container_memory(),
      .allocator = observe::allocator_stats(),
      .resident_bytes = resident_bytes(),
      .limit_bytes = sources.budget().limit_bytes};
}

std::vector<Diagnosis> diagnose(const DoctorFacts& facts) {
  std::vector<Diagnosis> all = find_all(facts);
  // Of one severity in the order in which they were found, which is that of what they cost.
  std::vector<Diagnosis> sorted;
  for (const Severity severity : {Severity::critical, Severity::warning, Severity::note}) {
    for (Diagnosis& one : all) {
      if (one.severity == severity) sorted.push_back(std::move(one));
    }
  }
  return sorted;
}

std::string doctor_text(std::span<const Diagnosis> all) {
  if (all.empty()) return "Nothing is wrong that can be seen from here.\n";
  std::string text;
  for (const Diagnosis& one : all) {
    text.append(to_string(one.severity)).append(": ").append(one.what).append(".\n");
    text.append("  seen by: ").append(one.evidence).append("\n");
    text.append("  next:    ").append(one.command).append("\n");
    if (!one.profile.empty()) text.append("  profile: ").append(one.profile).append("\n");
  }
  return text;
}

std::string doctor_json(std::span<const Diagnosis> all) {
  auto shown = nlohmann::ordered_json::array();
  for (const Diagnosis& one : all) {
    nlohmann::ordered_json finding{{"severity", to_string(one.severity)},
                                   {"what", one.what},
                                   {"evidence", one.evidence},
                                   {"command", one.command}};
    if (!one.profile.empty()) finding["profile"] = one.profile;
    shown.push_back(std::move(finding));
  }
  return nlohmann::ordered_json{{"findings", shown}}.dump(2) + "\n";
}

AdminResponse doctor_page(const MetricsPage::Sources& sources, const AdminRequest& request) {
  const auto query = Query::parse(request.query);
  if (!query || query->unknown({"format"}))
    return refused(400, "there is one parameter, format, which is text or json");
  const std::string_view format = query->text("format").value_or("text");
  if (format != "text" && format != "json") return refused(400, "format is text or json");
  const auto all = diagnose(doctor_facts(sources));
  if (format == "json") return {.content_type = "application/json", .body = doctor_json(all)};
  return {.body = doctor_text(all)};
}

}  // namespace ullage::server
