#include "report/json.h"

#include <nlohmann/json.hpp>

namespace ullage::app {
namespace {

using Json = nlohmann::ordered_json;

Json to_object(const ReplayResult& result) {
  Json json;
  json["requests"] = result.requests;
  json["hits"] = result.hits;
  json["misses"] = result.misses;
  json["miss_ratio"] = result.miss_ratio();
  json["byte_miss_ratio"] = result.byte_miss_ratio();
  json["seconds"] = result.seconds;
  json["resident_peak_bytes"] = result.resident_peak_bytes;

  json["resident_baseline_bytes"] = result.resident_baseline_bytes;
  json["resident_added_peak_bytes"] = result.added_peak_bytes();
  json["resident_final_bytes"] = result.resident_final_bytes;
  json["trace"] = result.trace;
  json["format"] = result.format;
  json["policy"] = result.policy;
  json["memory_limit"] = result.memory_limit == 0 ? Json() : Json(result.memory_limit);
  json["max_entries"] = result.max_entries == 0 ? Json() : Json(result.max_entries);
  json["threads"] = result.threads;
  json["operations"] = result.operations;
  json["requests_per_second"] = result.requests_per_second();
  json["cache_seconds"] = result.cache_seconds;
  json["requested_bytes"] = result.requested_bytes;
  json["missed_bytes"] = result.missed_bytes;
  json["unsized_requests"] = result.unsized_requests;
  json["bypassed"] = result.bypassed;
  json["refused"] = result.refused;
  json["skipped_lines"] = result.skipped;
  json["entries"] = result.entries;
  json["groups"] = result.groups;
  json["charged_bytes"] = result.charged_bytes;
  json["payload_bytes"] = result.payload_bytes;
  Json removals;
  for (std::size_t cause = 0; cause < k_causes; ++cause) {
    removals[std::string(k_cause_names[cause])] = result.removals[cause];
  }
  json["removals"] = removals;
  if (result.has_roles) {
    Json roles;
    for (std::size_t role = 0; role < k_roles; ++role)
      roles[std::string(k_role_names[role])] = result.roles[role];
    json["roles"] = roles;
    json["findings"] = result.findings;
  }
  return json;
}

}  // namespace

std::string json_report(const ReplayResult& result, const ReplayResult* naive) {
  Json json = to_object(result);
  if (naive != nullptr) json["naive"] = to_object(*naive);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ullage::app
