// The core's and the public Cache's calls on classes.
#include <ullage/cache.h>

#include "engine/arguments.h"
#include "engine/core.h"
#include "engine/reentry.h"

#include <algorithm>
#include <mutex>

namespace ullage {

using namespace engine;

namespace {
constexpr std::size_t k_steps_of_a_change = 64;
}  // namespace

Result<void> CacheCore::accept_classes(std::span<const ClassDefinition> definitions) {
  const std::size_t limit = state.memory_limit.load(std::memory_order_relaxed);
  auto set = checked_classes(definitions, limit, state.classes.demand());
  if (!set) return set.error();
  if (auto done = state.classes.accept(*set, limit, state.now_ms()); !done) return done;
  if (state.classes.limit_groups()) expiry.all_due();
  CallWork work;
  for (std::size_t n = 0; n < k_steps_of_a_change && relabel.step(work); ++n) {
  }
  return {};
}

Result<void> CacheCore::set_classes(std::span<const ClassDefinition> definitions) {
  const std::lock_guard one_at_a_time(classes_mutex_);
  return accept_classes(definitions);
}

Result<bool> CacheCore::change_class(std::string_view pattern,
                                     const std::optional<ClassLimits>& limits) {
  const std::lock_guard one_at_a_time(classes_mutex_);
  std::vector<ClassDefinition> all = state.classes.definitions();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const ClassDefinition& one) { return one.pattern == pattern; });
  const bool existed = found != all.end();
  if (!limits) {
    if (!existed) return false;
    all.erase(found);
  } else if (existed) {
    found->limits = *limits;
  } else {
    all.push_back({std::string(pattern), *limits});
  }
  if (auto done = accept_classes(all); !done) return done.error();
  return existed;
}

std::optional<ClassInfo> CacheCore::class_info(std::string_view pattern) {
  const std::lock_guard one_at_a_time(classes_mutex_);
  return state.classes.info(pattern);
}

std::vector<ClassInfo> CacheCore::classes() {
  const std::lock_guard one_at_a_time(classes_mutex_);
  return state.classes.infos();
}

Result<void> Cache::define_class(std::string_view pattern, const ClassLimits& limits) {
  if (UpdateScope::holds(core_.get())) return reentered_update();
  if (auto done = core_->change_class(pattern, limits); !done) return done.error();
  return {};
}

Result<void> Cache::define_classes(std::span<const ClassDefinition> definitions) {
  if (UpdateScope::holds(core_.get())) return reentered_update();
  return core_->set_classes(definitions);
}

Result<bool> Cache::remove_class(std::string_view pattern) {
  if (UpdateScope::holds(core_.get())) return reentered_update();
  return core_->change_class(pattern, std::nullopt);
}

std::optional<ClassInfo> Cache::class_info(std::string_view pattern) const {
  return core_->class_info(pattern);
}

std::vector<ClassInfo> Cache::classes() const {
  return core_->classes();
}

std::string Cache::class_of(std::string_view group) const {
  const ClassId id = core_->state.classes.any() ? core_->state.classes.match(group) : k_no_class;
  return id == k_no_class ? std::string() : core_->state.classes.copy_pattern(id);
}

}  // namespace ullage
