// The keys that a client sees: those of its database, and of its patterns if it is a tenant.
#pragma once

#include "command/call.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace ullage::command {

class Keyspace {
 public:
  enum class Databases : std::uint8_t { selected, all };

  /// `access`: what must be allowed to a tenant for a key to be his.
  explicit Keyspace(Call& call, User::Access access = {true, false},
                    Databases databases = Databases::selected) noexcept
      : call_(call), user_(*call.session.user), access_(access), databases_(databases) {}

  /// The key that a group of the cache is to the client; none if it is not the client's.
  [[nodiscard]] std::optional<std::string_view> key_of(std::string_view group) const {
    const DecodedGroup decoded = decode_group(group);
    if (databases_ == Databases::selected && decoded.database != call_.session.database)
      return std::nullopt;
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
    Cursor cursor = 0;
    while (!step(cursor, visit)) {
    }
  }

  /// The same in steps that let others run: `work.visit(call, group, key)` for each, then
  /// `work.end(call)`, which writes the reply. Each gets a Call of its own step. `held_bytes`: what
  /// the work may hold in between, besides its reply.
  template <class Work>
  static void walk_in_steps(Call& call, User::Access access, Work work,
                            Databases databases = Databases::selected, std::size_t held_bytes = 0) {
    call.in_steps(held_bytes, [cursor = Cursor{0}, access, databases,
                               work = std::move(work)](Call& now) mutable {
      const Keyspace keys(now, access, databases);
      const auto visit = [&](std::string_view group, std::string_view key) {
        return work.visit(now, group, key);
      };
      bool done = false;
      for (std::size_t i = 0; i < k_steps_a_round && !done; ++i)
        done = keys.step(cursor, visit);
      if (done) work.end(now);
      return done;
    });
  }

 private:
  static constexpr std::size_t k_walk_step = 256;
  static constexpr std::size_t k_steps_a_round = 4;

  /// Some keys from the cursor on; answers whether that was the last.
  template <class Visit>
  bool step(Cursor& cursor, Visit& visit) const {
    bool go_on = true;
    const auto next = call_.cache().scan_groups(
        cursor, k_walk_step, [&](std::string_view group, std::uint64_t /*fields*/) {
          if (!go_on) return;
          if (const auto key = key_of(group)) go_on = visit(group, *key);
        });
    cursor = next ? *next : 0;
    return !go_on || cursor == 0;
  }

  Call& call_;
  const User& user_;
  User::Access access_;
  Databases databases_;
};

}  // namespace ullage::command
