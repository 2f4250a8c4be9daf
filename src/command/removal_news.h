// What the cache lets go by itself, told to those who follow keys: expired and evicted.
#pragma once

#include <ullage/options.h>

#include <cstdint>
#include <mutex>
#include <string>

namespace ullage::command {

struct Services;

/// Between the cache, which is opened first, and the services, which need it. Thread-safe.
class RemovalNews {
 public:
  /// What a cache under these services is opened with, as far as it is about removals. This
  /// outlives the cache.
  void listen(Options& options);

  /// From now on events go there; null: nowhere, and none is under way when it returns.
  void set_services(Services* services);
  /// Somebody may have begun to want events.
  void wanted();

 private:
  void heard(const Removal& removal);
  void tell(Services& services, const Removal& removal);

  std::mutex mutex_;
  Services* services_ = nullptr;  // guarded by mutex_
  std::string gone_;              // the last group that was gone; guarded by mutex_
  std::int64_t gone_ms_ = 0;      // when; guarded by mutex_
};

}  // namespace ullage::command
