// For tests: the way from the public Cache to its parts.
#pragma once

#include <ullage/cache.h>

#include "engine/core.h"

namespace ullage::engine {

/// The parts of an open cache.
CacheCore& core_of(Cache& cache);

// An explicit instantiation may name private members: the public header stays free of tests.
template <auto Core>
struct WayToTheCore {
  friend CacheCore& core_of(Cache& cache) { return *(cache.*Core); }
};
template struct WayToTheCore<&Cache::core_>;

}  // namespace ullage::engine
