// The data profile: who owns a cache's bytes, in the form that `go tool pprof` reads.
//
//   value <- avatar <- user:<n> <- default <- cache
//
// Frames, the leaf first: role, pattern of fields, pattern of groups, class, cache. Sample types:
// entries, payload bytes, resident bytes. Labels: the size of a value and the time since its last
// use, both rounded down to a step.
#pragma once

#include <ullage/cache.h>
#include <ullage/result.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ullage::observe {

struct DataProfileOptions {
  static constexpr std::size_t k_patterns_least = 64;
  std::string cache_name = "cache";
  /// How many slabs are looked at; 0: all. Fewer stand for all, and the profile says how many and
  /// how far off it may be.
  std::uint64_t slabs_max = 0;
  std::uint64_t seed = 0;
  /// How many patterns of groups, and of fields, are told apart; the others are "<other>".
  std::size_t patterns_max = 4096;
  /// For several profiles whose difference is of interest (DataProfiler::begin_next()): what
  /// has one name in the first has it in all, what is new has a name of its own, and neither sizes
  /// nor ages tell samples apart. The first may take half of patterns_max.
  bool is_series = false;
  /// What to show for the name of a group or a field, where it is not the name itself. Called for
  /// every entry; the answer is read before the next call.
  std::function<std::string_view(std::string_view)> group_name{};
  std::function<std::string_view(std::string_view)> field_name{};
  /// Set on the profile: when it was made.
  std::int64_t unix_ns = 0;
};

struct DataProfile {
  std::string gzipped;  ///< profile.proto
  Inspection inspection;
  std::uint64_t samples = 0;
  std::uint64_t resident_bytes = 0;  ///< the sum of all samples; what is charged, if all was seen
  /// Of the resident bytes of any leaf, as a share of all bytes: with a probability of 95 % it is
  /// not further off than that. 0 if all slabs were looked at.
  double error_share = 0;
};

/// What a profile with these options holds while it is made, at most.
[[nodiscard]] std::size_t data_profile_bytes(const DataProfileOptions& options) noexcept;

/// Gathers a data profile in steps, for who must let others run in between. Not thread-safe; the
/// cache may be used meanwhile and must outlive it. Stops nobody: see Cache::inspect().
class DataProfiler {
 public:
  DataProfiler(Cache& cache, DataProfileOptions options);
  ~DataProfiler();
  DataProfiler(DataProfiler&&) noexcept;
  DataProfiler& operator=(DataProfiler&&) noexcept;

  /// Looks at up to `slabs` more slabs. Answers whether that was the last. Cost: about a
  /// microsecond an entry. Error: reentered.
  Result<bool> step(std::uint64_t slabs);
  /// What was gathered. Once for each, after the last step.
  [[nodiscard]] DataProfile finish();
  /// Begins the next of a series, made at `unix_ns`, after finish().
  /// REQUIRES: DataProfileOptions::is_series.
  void begin_next(std::int64_t unix_ns);

 private:
  class Gathering;
  Cache* cache_;
  InspectCursor cursor_;
  std::unique_ptr<Gathering> gathering_;
};

/// The whole at once. Thread-safe.
[[nodiscard]] Result<DataProfile> data_profile(Cache& cache, DataProfileOptions options = {});

}  // namespace ullage::observe
