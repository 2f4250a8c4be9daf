#include <ullage/observe/cache_metrics.h>

#include "observe/metrics_text.h"
#include "observe/pool_metrics.h"

#include <cstdint>
#include <utility>

namespace ullage::observe {

using Type = MetricsText::Type;

std::string cache_metrics(const Cache& cache, const CacheMetricsOptions& options) {
  const Stats stats = cache.stats();
  MetricsText out(MetricsText::Format::prometheus);
  const auto one = [&](std::string_view name, Type type, std::string_view help,
                       std::uint64_t value) {
    out.family(name, type, help);
    out.sample(value, {{"cache", options.cache_name}});
  };
  one("ullage_cache_entries", Type::gauge, "Entries in the cache.", stats.entries);
  one("ullage_cache_groups", Type::gauge, "Groups in the cache.", stats.groups);
  one("ullage_cache_hits", Type::counter, "Reads that found an entry.", stats.hits);
  one("ullage_cache_misses", Type::counter, "Reads that found none.", stats.misses);
  one("ullage_cache_inserts", Type::counter, "Entries that were new.", stats.inserts);
  out.family("ullage_cache_removals", Type::counter, "Entries that went, by cause.");
  for (std::size_t i = 0; i < stats.removals.size(); ++i) {
    out.sample(stats.removals[i],
               {{"cache", options.cache_name}, {"cause", to_string(static_cast<RemovalCause>(i))}});
  }
  one("ullage_cache_limit_bytes", Type::gauge, "memory_limit.", stats.memory_limit);
  one("ullage_cache_charged_bytes", Type::gauge, "What the cache takes of its limit.",
      stats.charged_bytes);
  one("ullage_cache_headroom_bytes", Type::gauge, "The rest of it.", stats.headroom_bytes);
  one("ullage_cache_payload_bytes", Type::gauge, "Names of fields and values.",
      stats.payload_bytes);
  one("ullage_cache_loads", Type::counter, "Calls of loaders.", stats.loads);
  one("ullage_cache_load_failures", Type::counter, "Of these, those that failed.",
      stats.load_failures);
  one("ullage_cache_removal_events_lost", Type::counter, "Removals that listeners did not hear of.",
      stats.removal_events_lost);
  if (!options.pools.empty()) pool_metrics(out, options.pools);
  return std::move(out).finish();
}

void pool_metrics(MetricsText& out, std::span<const PoolStats> pools) {
  const auto family = [&](std::string_view name, Type type, std::string_view help,
                          std::uint64_t PoolStats::* figure) {
    out.family(name, type, help);
    for (const PoolStats& pool : pools)
      out.sample(pool.*figure, {{"pool", pool.name}});
  };
  family("ullage_pool_leases", Type::counter, "Objects that were lent by a pool.",
         &PoolStats::leases);
  family("ullage_pool_reuses", Type::counter, "Of these, those that had been used before.",
         &PoolStats::reuses);
  family("ullage_pool_misses", Type::counter, "Of these, those that had to be made.",
         &PoolStats::misses);
  family("ullage_pool_drops", Type::counter,
         "Objects that came back and were not kept: too large, or no room.", &PoolStats::drops);
  family("ullage_pool_trimmed", Type::counter, "Idle objects that were freed again.",
         &PoolStats::trimmed);
  family("ullage_pool_outstanding", Type::gauge, "Objects that are out.", &PoolStats::outstanding);
  family("ullage_pool_outstanding_peak", Type::gauge, "The most that were out.",
         &PoolStats::high_water);
  family("ullage_pool_idle", Type::gauge, "Objects that wait to be lent.", &PoolStats::idle);
  family("ullage_pool_idle_bytes", Type::gauge, "Bytes of these, at most.", &PoolStats::idle_bytes);
}

}  // namespace ullage::observe
