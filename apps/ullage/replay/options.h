// What `ullage replay` was asked to do.
#pragma once

#include "trace/reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::app {

/// Sizes for requests of which the source gives none. The same entry always gets the same one.
struct SizeRule {
  std::uint64_t min = 0;  ///< equal to max: that size for all ...
  std::uint64_t max = 0;  ///< ... else log-uniform in [min, max] by the entry's hash

  [[nodiscard]] std::uint64_t size_of(std::uint64_t entry_id) const noexcept;
  [[nodiscard]] double mean() const noexcept;
  [[nodiscard]] std::string describe() const;  ///< "empty values", "values of 16 B to 2.00 KiB"
  /// "100" or "16-2048" or "16-2kb". Throws Failure.
  static SizeRule parse(std::string_view text);
};

struct ReplayOptions {
  std::string trace;  ///< as given; empty: the main job
  ReaderOptions reader;
  std::uint64_t requests = 0;  ///< stop after so many; 0: the whole trace

  std::optional<std::uint64_t> max_entries;
  std::optional<std::uint64_t> memory_limit;
  std::string policy = "adaptive";
  std::uint64_t max_value_bytes = 0;  ///< 0: the library's default
  std::optional<SizeRule>
      unsized;  ///< none: empty under --max-entries alone, else k_unsized_default

  std::uint64_t seed = 1;
  std::uint64_t threads = 1;
  std::uint64_t rate =
      1000;  ///< requests per second of the injected clock, where the trace has no times
  bool background_maintenance =
      false;            ///< the cache's own thread instead of tick() between batches
  bool verify = false;  ///< compare every byte that comes back

  bool json = false;
  bool quiet = false;
  std::string report;  ///< HTML file; empty: none
  bool compare_naive = false;
};

/// Under a limit of bytes, values without bytes would say nothing. These sizes are those of
/// configuration and small objects: a median of 181 bytes, a mean of 419.
inline constexpr SizeRule k_unsized_default{16, 2048};
/// The limit when none is given: the smallest there is for a trace, so that something is evicted,
/// and more for the generated workload, which has more data.
inline constexpr std::uint64_t k_memory_limit_trace = 8u << 20;
inline constexpr std::uint64_t k_memory_limit_generated = 32u << 20;

}  // namespace ullage::app
