// Channels: who listens to what, and what is told to them.
#pragma once

#include "command/byte_budget.h"
#include "command/client.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// Thread-safe. While nobody listens, publishing costs one load.
class PubSub {
 public:
  using Listener = std::shared_ptr<Client>;

  void subscribe(std::string_view channel, const Listener& client);
  void unsubscribe(std::string_view channel, const Client& client) noexcept;
  void subscribe_pattern(std::string_view pattern, const Listener& client);
  void unsubscribe_pattern(std::string_view pattern, const Client& client) noexcept;

  /// Tells all who listen; answers how many. One who listens twice is told twice.
  std::size_t publish(std::string_view channel, std::string_view message) {
    return tell(channel, message, std::nullopt);
  }
  /// The same about a key: those who may not read it hear nothing.
  void publish_about(std::string_view key, std::string_view channel, std::string_view message) {
    tell(channel, message, key);
  }

  [[nodiscard]] bool has_listeners() const noexcept {
    return listeners_.load(std::memory_order_acquire) != 0;
  }
  /// Channels somebody listens to by name.
  [[nodiscard]] std::vector<std::string> channels() const;
  [[nodiscard]] std::size_t listeners_of(std::string_view channel) const;
  [[nodiscard]] std::size_t patterns() const;

 private:
  std::size_t tell(std::string_view channel, std::string_view message,
                   std::optional<std::string_view> key);
  using Listeners = std::map<std::string, std::vector<Listener>, std::less<>>;
  void add(Listeners& all, std::string_view name, const Listener& client);
  void remove(Listeners& all, std::string_view name, const Client& client) noexcept;

  mutable std::mutex mutex_;
  Listeners channels_;  // guarded by mutex_
  Listeners patterns_;  // guarded by mutex_
  std::atomic<std::size_t> listeners_{0};
};

/// What one client listens to; it stops when this goes. Belongs to one thread.
class Subscriptions {
 public:
  Subscriptions(PubSub& pubsub, ByteBudget& budget, std::shared_ptr<Client> client)
      : pubsub_(pubsub), client_(std::move(client)), held_(budget) {}
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  enum class Kind : std::uint8_t { channel, pattern };

  /// False if there is no memory for it.
  [[nodiscard]] bool add(Kind kind, std::string_view name);
  void remove(Kind kind, std::string_view name) noexcept;
  [[nodiscard]] std::vector<std::string> names(Kind kind) const;
  /// Of both kinds.
  [[nodiscard]] std::size_t count() const noexcept { return channels_.size() + patterns_.size(); }

 private:
  using Names = std::set<std::string, std::less<>>;
  [[nodiscard]] Names& of(Kind kind) noexcept {
    return kind == Kind::channel ? channels_ : patterns_;
  }
  void show_counts() noexcept;

  PubSub& pubsub_;
  std::shared_ptr<Client> client_;
  Names channels_;
  Names patterns_;
  TakenBytes held_;
};

}  // namespace ullage::command
