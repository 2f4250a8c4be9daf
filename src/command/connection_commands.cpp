// What concerns the connection itself: who the client is, which protocol and database it uses.
#include "command/call.h"
#include "command/families.h"
#include "command/host.h"
#include "command/words.h"

#include <string>

namespace ullage::command {

namespace {

void ping(Call& call) {
  if (call.args.size() > 2) return call.wrong_number_of_arguments();
  if (call.session.subscriptions && !call.reply.is_resp3()) {
    call.reply.array(2);
    call.reply.bulk("pong");
    return call.reply.bulk(call.args.size() == 2 ? call.args[1] : std::string_view());
  }
  call.args.size() == 2 ? call.reply.bulk(call.args[1]) : call.reply.simple("PONG");
}

void echo(Call& call) {
  call.reply.bulk(call.args[1]);
}

void quit(Call& call) {
  call.session.closing = true;
  call.reply.ok();
}

void reset(Call& call) {
  call.session.reset();
  call.reply.set_protocol(call.session.protocol);
  call.reply.simple("RESET");
}

void select(Call& call) {
  const auto database = call.integer(1);
  if (!database) return;
  if (*database < 0 || *database >= k_databases) return call.error("ERR DB index is out of range");
  if (*database != 0) call.services.seen.other_databases.store(true, std::memory_order_relaxed);
  call.session.database = static_cast<unsigned>(*database);
  if (call.session.client)
    call.session.client->database.store(call.session.database, std::memory_order_relaxed);
  call.reply.ok();
}

bool log_in(Call& call, std::string_view name, std::string_view password) {
  auto user = call.services.acl.log_in(name, password);
  if (user == nullptr) {
    call.denied("auth", name);
    call.error("WRONGPASS invalid username-password pair or user is disabled.");
    return false;
  }
  call.session.client->set_user(user);
  call.session.user = std::move(user);
  return true;
}

void auth(Call& call) {
  if (call.args.size() > 3) return call.syntax_error();
  if (call.args.size() == 2 && !call.services.acl.find("default")->needs_password()) {
    return call.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const std::string_view name = call.args.size() == 3 ? call.args[1] : "default";
  if (log_in(call, name, call.args[call.args.size() - 1])) call.reply.ok();
}

void hello(Call& call) {
  std::size_t i = 1;
  resp::Protocol protocol = call.session.protocol;
  if (call.args.size() > 1) {
    const auto version = resp::parse_integer(call.args[i++]);
    if (!version) return call.error("ERR Protocol version is not an integer or out of range");
    if (*version != 2 && *version != 3) return call.error("NOPROTO unsupported protocol version");
    protocol = static_cast<resp::Protocol>(*version);
  }
  std::optional<std::string_view> name;
  for (; i < call.args.size(); ++i) {
    if (call.is_word(i, "AUTH") && i + 2 < call.args.size()) {
      if (!log_in(call, call.args[i + 1], call.args[i + 2])) return;
      i += 2;
    } else if (call.is_word(i, "SETNAME") && i + 1 < call.args.size()) {
      name = call.args[++i];
      if (!is_printable_word(*name))
        return call.error(
            "ERR Client names cannot contain spaces, newlines or special characters.");
    } else {
      return call.error("ERR Syntax error in HELLO option '" + std::string(call.args[i]) + "'");
    }
  }
  if (call.session.user == nullptr) {
    return call.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (name && call.session.client)
    call.session.client->rename([&](Client::Names& names) { names.name = *name; });
  call.session.protocol = protocol;
  call.reply.set_protocol(protocol);
  if (call.session.client)
    call.session.client->protocol.store(static_cast<unsigned>(protocol), std::memory_order_relaxed);
  call.reply.map(7);
  call.reply.bulk("server");
  call.reply.bulk("redis");
  call.reply.bulk("version");
  call.reply.bulk(k_redis_version);
  call.reply.bulk("proto");
  call.reply.integer(static_cast<int>(protocol));
  call.reply.bulk("id");
  call.reply.integer(call.session.client ? static_cast<std::int64_t>(call.session.client->id())
                                         : 0);
  call.reply.bulk("mode");
  call.reply.bulk("standalone");
  call.reply.bulk("role");
  call.reply.bulk("master");
  call.reply.bulk("modules");
  call.reply.array(0);
}

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, Run run) {
  return make_row(Family::connection, name, arity, flags | k_fast | k_tenants, k_no_keys, syntax,
                  summary, since, "O(1)", run);
}

constexpr Row k_rows[] = {
    row("PING", -1, k_listening, "[message]", "Answers PONG, or the message.", "1.0.0", ping),
    row("ECHO", 2, 0, "message", "Answers the message.", "1.0.0", echo),
    row("QUIT", -1, k_no_auth | k_at_once | k_listening, "", "Ends the connection.", "1.0.0", quit),
    row("RESET", 1, k_no_auth | k_at_once | k_listening, "", "Makes the connection as good as new.",
        "6.2.0", reset),
    row("SELECT", 2, 0, "index", "Chooses a database, 0 to 15.", "1.0.0", select),
    row("AUTH", -2, k_no_auth | k_no_multi, "[username] password", "Says who the client is.",
        "1.0.0", auth),
    row("HELLO", -1, k_no_auth | k_no_multi,
        "[protover [AUTH username password] [SETNAME clientname]]",
        "Chooses the protocol, and says who the client is.", "6.0.0", hello),
};

}  // namespace

std::span<const Row> connection_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
