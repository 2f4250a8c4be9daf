#include "replay/result.h"

#include <nlohmann/json.hpp>

namespace ullage::app {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Sample, requests, hits, resident, charged, entries, evicted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RoleSample, requests, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReplayResult, trace, path, format, policy, unsized_rule,
                                   memory_limit, max_entries, threads, operations, requests, hits,
                                   misses, requested_bytes, missed_bytes, bypassed, refused,
                                   refusal, unsized_requests, skipped, seconds, cache_seconds,
                                   entries, groups, charged_bytes, payload_bytes, removals, roles,
                                   has_roles, findings, resident_baseline_bytes,
                                   resident_peak_bytes, resident_final_bytes, samples, role_samples)

namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double ReplayResult::miss_ratio() const noexcept {
  return share(misses, requests);
}
double ReplayResult::byte_miss_ratio() const noexcept {
  return share(missed_bytes, requested_bytes);
}
double ReplayResult::requests_per_second() const noexcept {
  return cache_seconds > 0 ? static_cast<double>(operations) / cache_seconds : 0;
}

std::string pack(const ReplayResult& result) {
  // Names of traces are bytes of strangers; what is not UTF-8 in them is replaced rather than
  // refused.
  return nlohmann::json(result).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ReplayResult unpack(const std::string& packed) {
  return nlohmann::json::parse(packed).get<ReplayResult>();
}

}  // namespace ullage::app
