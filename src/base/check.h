// Graded checks. A failed check is a bug of ours, never bad input: it ends the process with its
// place.
//
//   ULLAGE_CHECK   always on: what would corrupt memory or lie if it were false
//   ULLAGE_DCHECK  in builds with ULLAGE_DEBUG_CHECKS: what is costly on hot paths
#pragma once

#include <cstdio>
#include <cstdlib>

namespace ullage::base {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "ullage: check failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace ullage::base

#define ULLAGE_CHECK(condition)                      \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::ullage::base::check_failed(#condition, __FILE__, __LINE__))

#if defined(ULLAGE_DEBUG_CHECKS) || defined(ULLAGE_SLOW_CHECKS)
/// Builds for development: what only tests call may exist there.
#define ULLAGE_HAS_DEBUG_CHECKS 1
#define ULLAGE_DCHECK(condition) ULLAGE_CHECK(condition)
#else
#define ULLAGE_DCHECK(condition) static_cast<void>(sizeof(!(condition)))
#endif
