// How many instructions something takes, where no hardware counter tells.
#pragma once

#include "common/report.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ullage::bench {

/// Counts the instructions of a piece of work step by step, in a process of its own; none where the
/// system lets nobody look. `prepare` is called before, and is not counted; it answers the work.
using Prepare = std::function<std::function<void()>()>;
std::optional<std::uint64_t> instructions_of(const Prepare& prepare);

/// Reports how many instructions `with` takes over `without`, each of so many operations. A bar is
/// what the ratio may be at most.
struct InstructionRatio {
  std::string figure;
  std::optional<double> bar;
  std::uint64_t operations = 1;
  std::string workload;  ///< besides "so many operations, counted one by one"
};
void report_instructions(Report& report, const InstructionRatio& what, const Prepare& with,
                         const Prepare& without);

}  // namespace ullage::bench
