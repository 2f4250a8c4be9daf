// Who a client is, and what he may do: one user of the access control list.
#pragma once

#include "command/row.h"
#include "command/table.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::command {

/// A value: whoever changes a user makes another one. Key patterns are the boundary between
/// tenants: a user without `allkeys` sees and touches nothing else.
class User {
 public:
  /// May do nothing, and cannot log in.
  User(std::string name, const Table& table);

  /// Applies one rule as ACL SETUSER has it: "on", ">password", "+@read", "~app:*"; and one of our
  /// own, "class=session:*": he has the keys of that class and no others. Answers what is wrong
  /// with it.
  std::optional<std::string> apply(std::string_view rule);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool is_enabled() const noexcept { return enabled_; }
  [[nodiscard]] bool needs_password() const noexcept { return !no_password_; }
  /// Whether he may log in with it. In a time that does not tell how much of it was right.
  [[nodiscard]] bool accepts(std::string_view password) const;

  [[nodiscard]] bool may_run(const Row& row) const noexcept;
  /// Whether he may do everything: nothing else need be asked then.
  [[nodiscard]] bool is_unlimited() const noexcept {
    return all_commands_ && all_keys_ && all_channels_;
  }
  /// Whether he sees a part of the keys only.
  [[nodiscard]] bool is_tenant() const noexcept { return !all_keys_; }

  struct Access {
    bool read = false;
    bool write = false;
  };
  /// Whether a class is his, or lies in one that is.
  [[nodiscard]] bool is_bound_to(std::string_view class_pattern) const noexcept;
  [[nodiscard]] bool may_touch(std::string_view key, Access access) const noexcept;
  /// `literal`: the channel is a pattern to be listened to, which must be one of his own.
  [[nodiscard]] bool may_use_channel(std::string_view channel, bool literal) const noexcept;

  // --- as GETUSER and LIST show it ---

  [[nodiscard]] std::vector<std::string> flags() const;
  [[nodiscard]] const std::vector<std::string>& password_hashes() const noexcept { return hashes_; }
  [[nodiscard]] std::string commands_text() const;
  [[nodiscard]] std::string keys_text() const;
  [[nodiscard]] std::string channels_text() const;
  /// Everything, as rules that make the same user.
  [[nodiscard]] std::string rules_text() const;

 private:
  struct KeyRule {
    std::string pattern;
    Access access;
    bool is_class = false;  ///< the pattern is a prefix and a star, whatever else it looks like
  };
  std::optional<std::string> apply_command(bool allow, std::string_view name);
  std::optional<std::string> add_password_hash(std::string_view hash);
  void allow_all(bool allow);
  void reset();

  const Table* table_;
  std::string name_;
  bool enabled_ = false;
  bool no_password_ = false;
  std::vector<std::string> hashes_;  // SHA-256, in hexadecimal digits
  bool all_commands_ = false;
  std::vector<bool> commands_;              // by Table::index_of()
  std::vector<std::string> command_rules_;  // in their order, as they were given
  bool all_keys_ = false;
  std::vector<KeyRule> keys_;
  bool all_channels_ = false;
  std::vector<std::string> channels_;
};

/// SHA-256 in hexadecimal digits.
std::string hash_password(std::string_view password);

}  // namespace ullage::command
