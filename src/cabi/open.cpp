// Opening and closing.
#include "cabi/handle.h"

using ullage::Millis;
using ullage::cabi::borrow;
using ullage::cabi::fail;

namespace {

ullage::RemovalListener listener_of(const ul_options& options) {
  if (options.on_removal == nullptr) return {};
  return [call = options.on_removal, user = options.on_removal_user](const ullage::Removal& one) {
    const ul_removal removal{borrow(one.group), borrow(one.field),
                             borrow(one.value), one.value_bytes,
                             one.lost_before,   static_cast<std::int32_t>(one.cause)};
    call(user, &removal);
  };
}

ullage::Options options_of(const ul_options& given) {
  ullage::Options options;
  if (given.memory_limit != 0) options.memory_limit = given.memory_limit;
  options.max_memory_limit = given.max_memory_limit;
  options.max_entries = given.max_entries;
  if (given.max_value_bytes != 0) options.max_value_bytes = given.max_value_bytes;
  options.group = {given.group_max_fields, given.group_max_bytes, Millis(given.group_idle_ttl_ms)};
  if (given.lru != 0) options.policy = ullage::Policy::lru;
  if (given.manual_maintenance != 0) options.maintenance = ullage::Maintenance::manual;
  options.on_removal = listener_of(given);
  options.removal_values = given.removal_values != 0;
  if (given.removal_causes != 0)
    options.removal_causes = ullage::RemovalCauses::of_bits(given.removal_causes);
  if (given.clock != nullptr) options.clock = given.clock->clock;
  return options;
}

}  // namespace

ul_status ul_cache_open(const ul_options* options, ul_cache** cache, ul_error* error) {
  if (cache == nullptr) return fail(error, UL_INVALID_ARGUMENT, "the place for the cache is NULL");
  *cache = nullptr;
  ul_options read = UL_OPTIONS_INIT;
  if (!ullage::cabi::read_versioned(options, read))
    return fail(error, UL_INVALID_ARGUMENT, ullage::cabi::k_bad_struct);
  try {
    auto opened = ullage::Cache::open(options_of(read));
    if (!opened) return fail(error, opened.error());
    *cache = new ul_cache{std::move(*opened)};
    return UL_OK;
  } catch (const std::bad_alloc&) {
    return fail(error, UL_OUT_OF_MEMORY, "there is no memory for a cache");
  } catch (const std::exception& thrown) {
    return fail(error, UL_SYSTEM, thrown.what());
  }
}

void ul_cache_close(ul_cache* cache) {
  if (cache != nullptr) cache->cache.reset();
}

void ul_cache_free(ul_cache* cache) {
  delete cache;
}
