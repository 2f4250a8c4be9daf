// What a cache says about itself.
#include <ullage/observe/cache_metrics.h>
#include <ullage/observe/data_profile.h>

#include "cabi/handle.h"

#include <algorithm>

using ullage::Cache;
using ullage::cabi::call;
using ullage::cabi::fail;
using ullage::cabi::hand_out;

ul_status ul_get_stats(ul_cache* cache, ul_stats* stats, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (stats == nullptr || stats->struct_size < sizeof(std::size_t))
      return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_struct);
    const ullage::Stats now = open.stats();
    ul_stats read = UL_STATS_INIT;
    read.entries = now.entries;
    read.groups = now.groups;
    read.hits = now.hits;
    read.misses = now.misses;
    read.inserts = now.inserts;
    read.memory_limit = now.memory_limit;
    read.charged_bytes = now.charged_bytes;
    read.payload_bytes = now.payload_bytes;
    std::copy(now.removals.begin(), now.removals.end(), read.removals);
    read.removal_events_lost = now.removal_events_lost;
    // Of a caller that knows more, the rest stays; one that knows less gets what it knows.
    read.struct_size = std::min(stats->struct_size, sizeof(read));
    std::memcpy(stats, &read, read.struct_size);
    return ul_status{UL_OK};
  });
}

ul_status ul_metrics(ul_cache* cache, ul_value** text, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (text == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for the text is NULL");
    *text = nullptr;
    return hand_out(ullage::observe::cache_metrics(open), text);
  });
}

ul_status ul_data_profile(ul_cache* cache, ul_value** profile, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    if (profile == nullptr)
      return fail(error, UL_INVALID_ARGUMENT, "the place for the profile is NULL");
    *profile = nullptr;
    auto made = ullage::observe::data_profile(open);
    if (!made) return fail(error, made.error());
    return hand_out(std::move(made->gzipped), profile);
  });
}

ul_status ul_validate(ul_cache* cache, ul_error* error) {
  return call(cache, error, [&](Cache& open) {
    const ullage::Validation found = open.validate();
    if (found.ok) return ul_status{UL_OK};
    return fail(error, UL_SYSTEM, "the books do not balance: " + found.findings.front());
  });
}
