// `ullage bench`: the figures of this machine in a few seconds. `./dev bench` has the full suite,
// with peers, repetitions and intervals.
#pragma once

#include <cstdint>

namespace ullage::app {

struct QuickBenchOptions {
  std::uint64_t entries = 1'000'000;
  std::uint64_t fields_per_group = 10;
  std::uint64_t value_bytes = 32;
  std::uint64_t memory_limit = 0;  ///< 0: enough for all entries
  std::uint64_t seed = 1;
  bool json = false;
};

/// Runs and prints; answers the exit code. Throws Failure.
int bench_command(const QuickBenchOptions& options);

}  // namespace ullage::app
