// Detects calls that could never end: into a cache from its own update() callback, and visitors
// nested without bound.
#pragma once

#include <ullage/limits.h>
#include <ullage/result.h>

#include <string>

namespace ullage::engine {

inline thread_local std::size_t t_visitor_depth = 0;

inline Error reentered_update() {
  return {
      Errc::reentered,
      "the cache was called from an update() callback of its own, which holds the entry's lock"};
}

/// While this thread runs an update() callback of a cache it holds a lock of that cache; callbacks
/// of several caches nest.
class UpdateScope {
 public:
  explicit UpdateScope(const void* cache) noexcept : cache_(cache), outer_(t_innermost) {
    t_innermost = this;
  }
  ~UpdateScope() { t_innermost = outer_; }
  UpdateScope(const UpdateScope&) = delete;
  UpdateScope& operator=(const UpdateScope&) = delete;

  /// Whether this thread is in a callback of the cache.
  [[nodiscard]] static bool holds(const void* cache) noexcept {
    for (const UpdateScope* scope = t_innermost; scope != nullptr; scope = scope->outer_) {
      if (scope->cache_ == cache) return true;
    }
    return false;
  }

 private:
  inline static thread_local const UpdateScope* t_innermost = nullptr;
  const void* cache_;
  const UpdateScope* outer_;
};

class VisitorScope {
 public:
  VisitorScope() noexcept { ++t_visitor_depth; }
  ~VisitorScope() { --t_visitor_depth; }
  VisitorScope(const VisitorScope&) = delete;
  VisitorScope& operator=(const VisitorScope&) = delete;

  [[nodiscard]] static bool too_deep() noexcept { return t_visitor_depth >= k_visitor_depth_max; }
  static Error error() {
    return {Errc::reentered,
            "visitors are nested deeper than " + std::to_string(k_visitor_depth_max)};
  }
};

}  // namespace ullage::engine
