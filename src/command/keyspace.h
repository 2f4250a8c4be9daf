// The keys that a client sees: those of its database, and of its patterns if it is a tenant.
#pragma once

#include "command/call.h"

#include <functional>
#include <optional>
#include <string_view>

namespace ullage::command {

class Keyspace {
 public:
  /// `access`: what must be allowed to a tenant for a key to be his.
  explicit Keyspace(Call& call, User::Access access = {true, false}) noexcept
      : call_(call), user_(*call.session.user), access_(access) {}

  /// The key that a group of the cache is to the client; none if it is not the client's.
  [[nodiscard]] std::optional<std::string_view> key_of(std::string_view group) const {
    const DecodedGroup decoded = decode_group(group);
    if (decoded.database != call_.session.database) return std::nullopt;
    if (!user_.may_touch(decoded.key, access_)) return std::nullopt;
    return decoded.key;
  }
  /// Whether all groups are the client's.
  [[nodiscard]] bool is_everything() const noexcept {
    return !user_.is_tenant() && call_.session.database == 0 &&
           !call_.services.seen.other_databases.load(std::memory_order_relaxed);
  }

  /// Every key, once each if it is there all along, until `visit(group, key)` answers false.
  template <class Visit>
  void walk(Visit visit) const {
    bool go_on = true;
    Cursor cursor = 0;
    do {
      const auto next = call_.cache().scan_groups(
          cursor, k_walk_step, [&](std::string_view group, std::uint64_t /*fields*/) {
            if (!go_on) return;
            if (const auto key = key_of(group)) go_on = visit(group, *key);
          });
      cursor = next ? *next : 0;
    } while (go_on && cursor != 0);
  }

 private:
  static constexpr std::size_t k_walk_step = 256;

  Call& call_;
  const User& user_;
  User::Access access_;
};

}  // namespace ullage::command
