// Whether the books of a cache balance. Depends on the public headers alone; fuzz targets use it
// too.
#pragma once

#include <ullage/cache.h>

#include <cstdint>
#include <string>

namespace ullage::test {

/// What does not add up in a cache that nobody writes to; empty if all is well.
inline std::string imbalance(Cache& cache) {
  std::string why;
  const auto require = [&why](bool holds, const std::string& what) {
    if (!holds) why += what + "; ";
  };
  const auto differ = [](const char* what, std::uint64_t a, std::uint64_t b) {
    return std::string(what) + ": " + std::to_string(a) + " against " + std::to_string(b);
  };
  const Validation found = cache.validate();
  const Stats stats = cache.stats();
  for (const std::string& finding : found.findings)
    why += finding + "; ";
  require(found.ok, "validate() says no");
  require(found.roles.sum() == found.charged_bytes,
          differ("roles and charged", found.roles.sum(), found.charged_bytes));
  require(found.charged_bytes == stats.charged_bytes,
          differ("charged by validate() and stats()", found.charged_bytes, stats.charged_bytes));
  require(found.entries == stats.entries,
          differ("entries by validate() and stats()", found.entries, stats.entries));
  require(found.groups == stats.groups,
          differ("groups by validate() and stats()", found.groups, stats.groups));
  require(stats.entries == cache.size(),
          differ("stats().entries and size()", stats.entries, cache.size()));
  require(stats.groups == cache.group_count(),
          differ("stats().groups and group_count()", stats.groups, cache.group_count()));
  require(stats.charged_bytes <= stats.memory_limit,
          differ("charged and limit", stats.charged_bytes, stats.memory_limit));
  require(stats.charged_bytes + stats.headroom_bytes == stats.memory_limit,
          differ("charged + headroom and limit", stats.charged_bytes + stats.headroom_bytes,
                 stats.memory_limit));
  require(stats.live_page_bytes <= stats.charged_bytes,
          differ("live pages and charged", stats.live_page_bytes, stats.charged_bytes));
  require(stats.payload_bytes <= stats.live_page_bytes,
          differ("payload and live pages", stats.payload_bytes, stats.live_page_bytes));
  std::uint64_t gone = 0;
  for (std::size_t cause = 0; cause < k_removal_causes; ++cause) {
    if (static_cast<RemovalCause>(cause) != RemovalCause::replaced) gone += stats.removals[cause];
  }
  require(stats.inserts - gone == stats.entries,
          differ("inserts - removals and entries", stats.inserts - gone, stats.entries));
  return why;
}

}  // namespace ullage::test
