// What MULTI queues and WATCH watches.
#pragma once

#include "command/byte_budget.h"
#include "command/row.h"
#include "command/session.h"
#include "command/watches.h"
#include "resp/request.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

struct Queued {
  Found found;
  resp::OwnedRequest request;
};

struct Transaction {
  explicit Transaction(ByteBudget& budget) noexcept : held(budget) {}

  std::vector<Queued> commands;
  bool failed = false;  ///< one was refused, so EXEC runs none
  TakenBytes held;
};

/// The keys that one client watches. Belongs to one thread, but for its flag.
class WatchedKeys {
 public:
  WatchedKeys(Watches& watches, ByteBudget& budget)
      : watches_(watches), flag_(std::make_shared<std::atomic<bool>>(false)), held_(budget) {}
  ~WatchedKeys();
  WatchedKeys(const WatchedKeys&) = delete;
  WatchedKeys& operator=(const WatchedKeys&) = delete;

  /// Watches a key, once; false if there is no memory for it. What expires or is evicted tells
  /// nobody, so `exists` is asked, now and at the end.
  template <class Exists>
  [[nodiscard]] bool add(std::string_view group, Exists exists) {
    if (knows(group)) return true;
    if (!watch(group)) return false;
    keys_.back().existed = exists(group);
    return true;
  }

  /// Whether all are as they were.
  template <class Exists>
  [[nodiscard]] bool unchanged(Exists exists) const {
    if (flag_->load(std::memory_order_acquire)) return false;
    for (const Watched& key : keys_) {
      if (exists(key.group) != key.existed) return false;
    }
    return true;
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Watched& key : keys_)
      visit(std::string_view(key.group));
  }

 private:
  struct Watched {
    std::string group;
    bool existed = false;
  };
  [[nodiscard]] bool knows(std::string_view group) const noexcept;
  [[nodiscard]] bool watch(std::string_view group);

  Watches& watches_;
  WatchFlag flag_;
  std::vector<Watched> keys_;
  TakenBytes held_;
};

}  // namespace ullage::command
