// What a client may do: asked before each command of a user who may not do everything.
#include "command/call.h"
#include "command/user.h"
#include "command/words.h"

#include <string>

namespace ullage::command {

namespace {

/// The channels that a command names, as patterns of the user's own where it listens to patterns.
bool channels_allowed(const User& user, const Row& row, resp::Args args,
                      std::string_view& refused) {
  const bool listens = row.name == "SUBSCRIBE" || row.name == "PSUBSCRIBE";
  if (!listens && row.name != "PUBLISH") return true;
  const std::size_t end = listens ? args.size() : 2;
  for (std::size_t i = 1; i < end; ++i) {
    if (user.may_use_channel(args[i], row.name == "PSUBSCRIBE")) continue;
    refused = args[i];
    return false;
  }
  return true;
}

/// SET with GET.
bool answers_old_value(const Row& row, resp::Args args) {
  if (row.name != "SET") return false;
  for (std::size_t i = 3; i < args.size(); ++i) {
    if (same_word(args[i], "GET")) return true;
  }
  return false;
}

}  // namespace

bool Call::is_allowed() {
  const User& user = *session.user;
  if (user.is_unlimited()) return true;
  // Whoever he is, he may say who he is.
  if (row.is(k_no_auth)) return true;
  if (!user.may_run(row) || (user.is_tenant() && row.keys.first == 0 && !row.is(k_tenants))) {
    denied("command", name());
    error("NOPERM this user has no permissions to run the '" + name() + "' command");
    return false;
  }
  const User::Access access{!row.is(k_write) || row.is(k_access) || answers_old_value(row, args),
                            row.is(k_write)};
  bool allowed = true;
  for_each_key(row, args, [&](std::string_view key) {
    if (!allowed || user.may_touch(key, access)) return;
    allowed = false;
    denied("key", key);
  });
  if (!allowed) {
    error("NOPERM this user has no permissions to access one of the keys used as arguments");
    return false;
  }
  std::string_view refused;
  if (channels_allowed(user, row, args, refused)) return true;
  denied("channel", refused);
  error("NOPERM this user has no permissions to access one of the channels used as arguments");
  return false;
}

void Call::denied(std::string_view reason, std::string_view object) {
  constexpr std::size_t k_object_bytes_max = 256;
  services.acl.note({.reason = std::string(reason),
                     .object = std::string(object.substr(0, k_object_bytes_max)),
                     .user = session.user ? session.user->name() : std::string(object),
                     .client = session.client ? session.client->address() : std::string(),
                     .at_ms = now_ms()});
}

bool Call::sees(const Client& client) const {
  const User& self = *session.user;
  if (!self.is_tenant()) return true;
  const auto user = client.user();
  return user && user->name() == self.name();
}

}  // namespace ullage::command
