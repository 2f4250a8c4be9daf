// CPU profiles: which functions a process spends its processor time in, by sampling.
//
// A timer of the process's own processor time interrupts whichever thread is running, a hundred
// times a second of that time (SIGPROF, as setitimer's profilers do), and its stack is kept.
#pragma once

#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ullage::observe {

struct CpuProfileOptions {
  static constexpr std::uint32_t k_hertz_max = 1000;
  std::uint32_t hertz = 100;
  /// What may be held for stacks; those that find no room are counted as lost.
  std::size_t stacks_max_bytes = std::size_t{1} << 19;
  /// Set on the profile: when it was begun.
  std::int64_t unix_ns = 0;
};

struct CpuProfile {
  std::string gzipped;  ///< profile.proto
  std::uint64_t samples = 0;
  std::uint64_t samples_lost = 0;
};

/// Samples from begin() to stop(). One at a time in a process. Not thread-safe.
class CpuProfiler {
 public:
  /// Errors: busy (there is one already, or SIGPROF has another's handler), invalid_argument,
  /// system.
  static Result<CpuProfiler> begin(const CpuProfileOptions& options = {});
  ~CpuProfiler();
  CpuProfiler(CpuProfiler&&) noexcept;
  CpuProfiler& operator=(CpuProfiler&&) noexcept;

  /// Samples no more. `duration_ns`: for how long it did.
  void stop(std::int64_t duration_ns);
  [[nodiscard]] std::uint64_t samples() const noexcept;

  /// After stop(): looks up the names of functions in one more of the files that are loaded;
  /// answers whether that was the last.
  bool step();
  /// What was gathered. Once, after the last step.
  [[nodiscard]] CpuProfile finish();

 private:
  class Gathering;
  explicit CpuProfiler(std::unique_ptr<Gathering> gathering) noexcept;
  std::unique_ptr<Gathering> gathering_;
};

}  // namespace ullage::observe
