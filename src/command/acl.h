// The access control list: all users.
#pragma once

#include "command/table.h"
#include "command/user.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// Thread-safe. A session asks only whether anything has changed, one load a command.
class Acl {
 public:
  using UserPtr = std::shared_ptr<const User>;

  /// With the user "default", who may do everything and needs no password.
  explicit Acl(const Table& table);

  /// Null: there is none.
  [[nodiscard]] UserPtr find(std::string_view name) const;
  /// In the order of their names.
  [[nodiscard]] std::vector<UserPtr> users() const;
  /// Who says this name and this password; null if nobody may.
  [[nodiscard]] UserPtr log_in(std::string_view name, std::string_view password) const;

  /// Applies rules to a user, who is made if there is none: all of them or none. Answers what is
  /// wrong, and with which.
  struct Refusal {
    std::string rule;
    std::string why;
  };
  std::optional<Refusal> change(std::string_view name, const std::vector<std::string>& rules);
  bool remove(std::string_view name);

  /// Changes with every change.
  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

  /// Lines of "user NAME RULES...". Answers what is wrong, with the line; nothing is changed then.
  std::optional<std::string> load(std::string_view text);
  [[nodiscard]] std::string text() const;

  // --- what was denied ---

  struct Denial {
    std::string reason;  ///< "command", "key", "channel", "auth"
    std::string object;
    std::string user;
    std::string client;
    std::int64_t at_ms = 0;
    std::uint64_t count = 1;
  };
  void note(Denial denial);
  /// The latest first.
  [[nodiscard]] std::vector<Denial> denials() const;
  void forget_denials();

 private:
  using Users = std::map<std::string, UserPtr, std::less<>>;
  static constexpr std::size_t k_denials_max = 128;

  const Table& table_;
  mutable std::mutex mutex_;
  Users users_;                 // guarded by mutex_
  std::deque<Denial> denials_;  // guarded by mutex_
  std::atomic<std::uint64_t> version_{1};
};

}  // namespace ullage::command
