// A client as other clients see it: CLIENT LIST and KILL, and what is pushed to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace ullage::command {

struct Row;
class User;

/// Shared between its own thread and those that ask for it. The server makes the ones that there
/// are.
class Client {
 public:
  Client(std::uint64_t id, std::string address, std::string local_address, std::int64_t since_ms)
      : id_(id),
        address_(std::move(address)),
        local_address_(std::move(local_address)),
        since_ms_(since_ms),
        active_ms(since_ms) {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Ends the connection soon. Thread-safe.
  virtual void close() noexcept = 0;
  /// Sends bytes between two replies. Thread-safe.
  virtual void push(std::shared_ptr<const std::string> bytes) = 0;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& local_address() const noexcept { return local_address_; }
  [[nodiscard]] std::int64_t since_ms() const noexcept { return since_ms_; }

  /// What the client said of itself, by CLIENT SETNAME and SETINFO.
  struct Names {
    std::string name;
    std::string library;
    std::string library_version;
  };
  [[nodiscard]] Names names() const {
    const std::scoped_lock lock(mutex_);
    return names_;
  }
  /// Null until he has said who he is.
  [[nodiscard]] std::shared_ptr<const User> user() const {
    const std::scoped_lock lock(mutex_);
    return user_;
  }
  void set_user(std::shared_ptr<const User> user) {
    const std::scoped_lock lock(mutex_);
    user_ = std::move(user);
  }
  template <class Change>
  void rename(Change change) {
    const std::scoped_lock lock(mutex_);
    change(names_);
  }

 private:
  const std::uint64_t id_;
  const std::string address_;
  const std::string local_address_;
  const std::int64_t since_ms_;
  mutable std::mutex mutex_;
  Names names_;                       // guarded by mutex_
  std::shared_ptr<const User> user_;  // guarded by mutex_

 public:
  // Written by its own thread, read by any: each by itself, so relaxed.
  std::atomic<std::int64_t> active_ms;
  std::atomic<const Row*> last_row{nullptr};
  std::atomic<unsigned> database{0};
  std::atomic<unsigned> protocol{2};
  std::atomic<std::int64_t> queued{-1};  ///< commands inside MULTI; -1: not inside
  std::atomic<std::uint32_t> channels{0};
  std::atomic<std::uint32_t> patterns{0};
  std::atomic<std::int64_t> tracking_redirect{-1};  ///< -1: does not track; 0: is told itself
  std::atomic<bool> tracking_broadcast{false};
  std::atomic<bool> tracking_broken{false};  ///< whom it redirects to is gone
  std::atomic<bool> no_evict{false};
  std::atomic<bool> no_touch{false};
};

/// All clients that are connected. Thread-safe.
class Clients {
 public:
  void add(std::shared_ptr<Client> client) {
    const std::scoped_lock lock(mutex_);
    clients_.emplace(client->id(), std::move(client));
  }
  void remove(std::uint64_t id) noexcept {
    const std::scoped_lock lock(mutex_);
    clients_.erase(id);
  }
  [[nodiscard]] std::shared_ptr<Client> find(std::uint64_t id) const {
    const std::scoped_lock lock(mutex_);
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second;
  }
  /// In the order of their ids. `visit` must not call this.
  template <class Visit>
  void for_each(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, client] : clients_)
      visit(*client);
  }
  [[nodiscard]] std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return clients_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Client>> clients_;  // guarded by mutex_
};

}  // namespace ullage::command
