// Detects calls that could never end: into a cache from its own update() callback, and visitors
// nested without bound.
#pragma once

#include <ullage/limits.h>
#include <ullage/result.h>

#include <string>

namespace ullage::engine {

inline thread_local const void* t_updating =
    nullptr;  // the cache whose lock this thread holds in a callback
inline thread_local std::size_t t_visitor_depth = 0;

inline Error reentered_update() {
  return {
      Errc::reentered,
      "the cache was called from an update() callback of its own, which holds the entry's lock"};
}

class UpdateScope {
 public:
  explicit UpdateScope(const void* cache) noexcept : before_(t_updating) { t_updating = cache; }
  ~UpdateScope() { t_updating = before_; }
  UpdateScope(const UpdateScope&) = delete;
  UpdateScope& operator=(const UpdateScope&) = delete;

 private:
  const void* before_;
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
