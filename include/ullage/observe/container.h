// What the container that this process runs in may take, and takes: control groups, version 1 or 2.
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
#pragma once

#include <cstdint>
#include <string>

namespace ullage::observe {

/// Sizes in bytes. A limit holds for all that is below it: those of the groups around ours count.
struct ContainerMemory {
  static constexpr std::uint64_t k_no_limit = ~std::uint64_t{0};

  int version = 0;            ///< 1 or 2; 0: there is no control group, or none that can be read
  std::string path;           ///< of our group, as the kernel names it
  std::uint64_t charged = 0;  ///< to our group: all its processes, and files that it has cached
  std::uint64_t inactive_files = 0;  ///< of that, what the kernel drops before anything else
  std::uint64_t limit = k_no_limit;  ///< the least of ours and those around it
  /// The least above which the kernel slows a group down and takes from it; version 2 alone.
  std::uint64_t high = k_no_limit;
  /// Groups, ours and those around it, whose limit could be read.
  unsigned groups = 0;
  /// What may still be taken before the first of those limits is reached.
  std::uint64_t headroom = k_no_limit;
  /// Of the group, ours or one around it, that is fullest: its limit, or its `high` where that is
  /// less, and what is used of it, less files that the kernel drops before anything else.
  std::uint64_t tightest_limit = k_no_limit;
  std::uint64_t tightest_used = 0;
  std::uint64_t limit_hits = 0;  ///< how often our group was at its limit, and the kernel looked
  std::uint64_t oom_kills = 0;   ///< processes that the kernel has killed in our group
  /// Of the last ten seconds, the share in which somebody in our group waited for memory, in
  /// percent; version 2 alone.
  double pressure_percent = 0;

  [[nodiscard]] bool has_limit() const noexcept { return limit != k_no_limit; }
  /// What can be taken without being slowed down or killed, all others aside.
  [[nodiscard]] std::uint64_t bound() const noexcept { return limit < high ? limit : high; }
  [[nodiscard]] bool is_bounded() const noexcept { return bound() != k_no_limit; }
};

/// Reads some small files below `root`, which tests put elsewhere. Thread-safe. What cannot be read
/// stays as it is above; without a group's limit nothing is told, and `version` is 0.
[[nodiscard]] ContainerMemory container_memory(const std::string& root = "/");

}  // namespace ullage::observe
