// Opening a cache and writing to it in a benchmark, where any failure is the end.
#pragma once

#include <ullage/cache.h>

#include "common/workload.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace ullage::bench {

using namespace ullage::literals;

inline Cache open_cache(Options options) {
  return Cache::open(std::move(options)).value();
}

/// With the default options.
inline Cache open_cache(std::size_t memory_limit) {
  Options options;
  options.memory_limit = memory_limit;
  return open_cache(std::move(options));
}

/// Whether no call has done more work than its bound allows for values of so many bytes.
inline bool is_within_bounds(const WorkMax& work, std::size_t value_bytes) {
  return work.entries_moved <= k_work_entries_moved.of(value_bytes) &&
         work.pages_freed <= k_work_pages_freed.of(value_bytes) &&
         work.candidates_ranked <= k_work_candidates.of(value_bytes) &&
         work.reclaim_steps <= k_work_reclaim_steps.of(value_bytes);
}

inline void must_set(Cache& cache, std::string_view group, std::string_view field,
                     std::string_view value, const SetOptions& options = {}) {
  const auto done = cache.set(group, field, value, options);
  if (done) return;
  std::fprintf(stderr, "benchmark: set() of %zu bytes after %llu inserts: %s: %s\n", value.size(),
               static_cast<unsigned long long>(cache.stats().inserts),
               std::string(to_string(done.error().code)).c_str(), done.error().message.c_str());
  std::exit(1);
}

inline void must_set(Cache& cache, EntrySequence::Entry entry, const SetOptions& options = {}) {
  must_set(cache, group_name(entry.group), field_name(entry.field),
           EntryValue(entry.group, entry.field), options);
}

}  // namespace ullage::bench
