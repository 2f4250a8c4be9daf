// A result as a replay leaves it, for tests of the reports.
#pragma once

#include "replay/result.h"

namespace ullage::app {

inline ReplayResult example_result() {
  ReplayResult result;
  result.trace = "<busy> & \"quoted\"";
  result.format = "csv";
  result.policy = "adaptive";
  result.memory_limit = 8u << 20;
  result.operations = result.requests = 1000;
  result.hits = 750;
  result.misses = 250;
  result.requested_bytes = 4000;
  result.missed_bytes = 500;
  result.seconds = 1.5;
  result.cache_seconds = 0.5;
  result.entries = 42;
  result.charged_bytes = 15'000'00;
  result.removals = {200, 5, 0, 1, 2};
  result.roles = {1'000'000, 100'000, 200'000, 50'000, 150'000};
  result.has_roles = true;
  result.resident_baseline_bytes = 5u << 20;
  result.resident_peak_bytes = 12u << 20;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    result.samples.push_back({i * 10, i * 15 / 2, (5u << 20) + i * (7u << 20) / 100, 0, i, 0});
    result.role_samples.push_back({i * 10, {i * 10'000, i * 1000, i * 2000, i * 500, i * 1500}});
  }
  return result;
}

}  // namespace ullage::app
