// Who watches which keys: WATCH, for transactions that give up when a key changes.
#pragma once

#include "command/session.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// Thread-safe. Costs a writer one relaxed load while nobody watches anything.
class Watches {
 public:
  /// REQUIRES: nobody writes the key meanwhile, or the caller looks at it afterwards.
  void add(std::string_view group, const WatchFlag& flag);
  void remove(std::string_view group, const WatchFlag& flag) noexcept;

  /// Tells those who watch the key. Called with the key's stripe held, after the change.
  void changed(std::string_view group) noexcept {
    if (count_.load(std::memory_order_acquire) != 0) tell(group);
  }
  /// Everything changed.
  void all_changed() noexcept;

  [[nodiscard]] std::size_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }

 private:
  void tell(std::string_view group) noexcept;

  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::map<std::string, std::vector<WatchFlag>, std::less<>> watchers_;  // guarded by mutex_
};

}  // namespace ullage::command
