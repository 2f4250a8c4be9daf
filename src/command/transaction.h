// What MULTI queues and WATCH watches.
#pragma once

#include "command/byte_budget.h"
#include "command/row.h"
#include "command/session.h"
#include "command/watches.h"
#include "resp/request.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

struct Queued {
  Found found;
  resp::OwnedRequest request;
};

struct Transaction {
  Transaction(ByteBudget& budget, std::shared_ptr<Client> client_in) noexcept
      : client(std::move(client_in)), held(budget) {
    show_queued(0);
  }
  ~Transaction() { show_queued(-1); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void add(Queued queued) {
    commands.push_back(std::move(queued));
    show_queued(static_cast<std::int64_t>(commands.size()));
  }
  /// For CLIENT LIST.
  void show_queued(std::int64_t count) const noexcept {
    client->queued.store(count, std::memory_order_relaxed);
  }

  std::shared_ptr<Client> client;

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
