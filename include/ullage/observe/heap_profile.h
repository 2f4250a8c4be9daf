// Heap profiles: which functions own the memory that a process has allocated, by sampling.
//
// Works where jemalloc is the allocator, and was started with profiling, which linking ullage::heap
// does. Elsewhere every call says what is missing. Of about every `sample_bytes` bytes one
// allocation is sampled with its stack; figures are scaled to what the samples stand for.
#pragma once

#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace ullage::observe {

inline constexpr std::uint64_t k_heap_sample_default_bytes = std::uint64_t{1} << 19;
inline constexpr std::uint64_t k_heap_sample_min_bytes = std::uint64_t{1} << 10;
inline constexpr std::uint64_t k_heap_sample_max_bytes = std::uint64_t{1} << 40;

struct HeapSampling {
  bool is_available = false;
  std::string problem;  ///< in one sentence, with what to do; if it is not available
  bool is_active = false;
  std::uint64_t sample_bytes = 0;  ///< mean distance of samples
};
/// Thread-safe.
[[nodiscard]] HeapSampling heap_sampling();

/// Begins to sample at that distance, rounded down to a power of two; 0 stops, and keeps what was
/// sampled. Another distance drops it: profiles then tell of what is allocated from now on. A
/// thread takes its next sample where it was to be, and only then goes by the new distance.
/// Thread-safe. Errors: system (not available), invalid_argument.
Result<void> set_heap_sampling(std::uint64_t sample_bytes);

/// Makes the walk of a sampled stack cheap: by frame pointers, in the program's own code, all of
/// which must be compiled with them (-fno-omit-frame-pointer; ullage::heap asks for it in what
/// links it): where some has none, callers are left out. Linking ullage::heap does it at the start.
/// Answers whether the allocator can be told.
bool install_heap_hook() noexcept;

struct HeapProfileOptions {
  /// What tools show first: false, what is live ("inuse_space"); true, all that was ever allocated
  /// ("alloc_space"). That is counted only if jemalloc was started with prof_accum:true, which is
  /// for programs of few threads: a record stays of each that was ever sampled.
  bool shows_all = false;
  /// Gives free memory back to the system first, and what this thread keeps for its next
  /// allocations.
  bool purges = false;
  /// Asked whether so many bytes may be held while the profile is made; empty: yes.
  std::function<bool(std::size_t bytes)> may_hold{};
  /// Set on the profile: when it was made.
  std::int64_t unix_ns = 0;
};

struct HeapProfile {
  std::string gzipped;  ///< profile.proto
  std::uint64_t samples = 0;
  double live_bytes = 0;  ///< as estimated
  double all_bytes = 0;
};

/// A heap profile in steps: what was sampled is taken at once, the names of functions are looked
/// up in steps. Not thread-safe.
class HeapProfiler {
 public:
  /// More text than this the allocator may not give: there are too many stacks.
  static constexpr std::size_t k_dump_max_bytes = std::size_t{16} << 20;

  /// Errors: system, with what to do; busy, if nothing was sampled yet.
  static Result<HeapProfiler> begin(const HeapProfileOptions& options = {});
  ~HeapProfiler();
  HeapProfiler(HeapProfiler&&) noexcept;
  HeapProfiler& operator=(HeapProfiler&&) noexcept;

  /// Looks up the names of functions in one more of the files that are loaded; answers whether that
  /// was the last.
  bool step();
  /// What was gathered. Once, after the last step.
  [[nodiscard]] HeapProfile finish();
  /// The same for people, as Go's ?debug=1 shows it: those that hold most, until there are so many
  /// bytes. After the last step.
  [[nodiscard]] std::string text(std::size_t bytes_max) const;

 private:
  class Gathered;
  explicit HeapProfiler(std::unique_ptr<Gathered> gathered) noexcept;
  std::unique_ptr<Gathered> gathered_;
};

/// The whole at once. Thread-safe.
[[nodiscard]] Result<HeapProfile> heap_profile(const HeapProfileOptions& options = {});

}  // namespace ullage::observe
