#include "command/watches.h"

#include <algorithm>

namespace ullage::command {

void Watches::add(std::string_view group, const WatchFlag& flag) {
  const std::lock_guard lock(mutex_);
  watchers_[std::string(group)].push_back(flag);
  count_.fetch_add(1, std::memory_order_release);
}

void Watches::remove(std::string_view group, const WatchFlag& flag) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = watchers_.find(group);
  if (at == watchers_.end()) return;
  count_.fetch_sub(std::erase(at->second, flag), std::memory_order_release);
  if (at->second.empty()) watchers_.erase(at);
}

void Watches::tell(std::string_view group) noexcept {
  const std::lock_guard lock(mutex_);
  const auto at = watchers_.find(group);
  if (at == watchers_.end()) return;
  for (const WatchFlag& flag : at->second)
    flag->store(true, std::memory_order_release);
}

void Watches::all_changed() noexcept {
  if (count_.load(std::memory_order_acquire) == 0) return;
  const std::lock_guard lock(mutex_);
  for (const auto& [group, flags] : watchers_) {
    for (const WatchFlag& flag : flags)
      flag->store(true, std::memory_order_release);
  }
}

}  // namespace ullage::command
