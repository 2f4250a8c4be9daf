// CLIENT: what clients say of themselves, and what may be done to others.
#include "command/call.h"
#include "command/families.h"
#include "command/host.h"
#include "command/table.h"
#include "command/tracking_commands.h"
#include "command/words.h"

#include <algorithm>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

std::string describe(const Call& call, const Client& client) {
  const auto relaxed = std::memory_order_relaxed;
  const Client::Names names = client.names();
  const auto user = client.user();
  const std::int64_t now_ms = call.services.clock.running_ms();
  const Row* last = client.last_row.load(relaxed);
  std::string flags;
  if (client.channels.load(relaxed) + client.patterns.load(relaxed) != 0) flags += 'P';
  if (client.queued.load(relaxed) >= 0) flags += 'x';
  if (client.no_evict.load(relaxed)) flags += 'e';
  if (client.no_touch.load(relaxed)) flags += 'T';
  const std::int64_t redirect = client.tracking_redirect.load(relaxed);
  if (redirect >= 0) flags += 't';
  if (client.tracking_broken.load(relaxed)) flags += 'R';
  if (client.tracking_broadcast.load(relaxed)) flags += 'B';
  if (flags.empty()) flags = "N";
  const auto number = [](auto value) { return std::to_string(value); };
  const auto seconds = [&](std::int64_t since) {
    return std::to_string(std::max<std::int64_t>(now_ms - since, 0) / 1000);
  };
  return "id=" + number(client.id()) + " addr=" + client.address() +
         " laddr=" + client.local_address() + " name=" + names.name +
         " age=" + seconds(client.since_ms()) + " idle=" + seconds(client.active_ms.load(relaxed)) +
         " flags=" + flags + " db=" + number(client.database.load(relaxed)) +
         " sub=" + number(client.channels.load(relaxed)) +
         " psub=" + number(client.patterns.load(relaxed)) +
         " multi=" + number(client.queued.load(relaxed)) +
         " cmd=" + (last == nullptr ? "NULL" : call.services.table.name_of(*last)) +
         " user=" + (user ? user->name() : "(none)") + " redir=" + number(redirect) +
         " resp=" + number(client.protocol.load(relaxed)) + " lib-name=" + names.library +
         " lib-ver=" + names.library_version;
}

void id(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.session.client->id()));
}

void info(Call& call) {
  call.reply.verbatim("txt", describe(call, *call.session.client) + "\n");
}

void list(Call& call) {
  std::vector<std::uint64_t> ids;
  bool all = true;
  if (call.args.size() > 2 && call.is_word(2, "ID") && call.args.size() > 3) {
    all = false;
    for (std::size_t i = 3; i < call.args.size(); ++i) {
      const auto one = call.integer_in(i, 1, INT64_MAX, "ERR Invalid client ID");
      if (!one) return;
      ids.push_back(static_cast<std::uint64_t>(*one));
    }
  } else if (call.args.size() == 4 && call.is_word(2, "TYPE")) {
    if (!call.is_word(3, "NORMAL") && !call.is_word(3, "PUBSUB") && !call.is_word(3, "MASTER") &&
        !call.is_word(3, "REPLICA"))
      return call.error("ERR Unknown client type '" + std::string(call.args[3]) + "'");
    if (call.is_word(3, "MASTER") || call.is_word(3, "REPLICA"))
      return call.reply.verbatim("txt", "");
  } else if (call.args.size() != 2) {
    return call.syntax_error();
  }
  std::string text;
  call.services.clients.for_each([&](const Client& client) {
    if (!call.sees(client)) return;
    if (all || std::find(ids.begin(), ids.end(), client.id()) != ids.end())
      text += describe(call, client) + "\n";
  });
  call.reply.verbatim("txt", text);
}

void getname(Call& call) {
  const std::string name = call.session.client->names().name;
  name.empty() ? call.reply.null() : call.reply.bulk(name);
}

void setname(Call& call) {
  if (!is_printable_word(call.args[2]))
    return call.error("ERR Client names cannot contain spaces, newlines or special characters.");
  call.session.client->rename([&](Client::Names& names) { names.name = call.args[2]; });
  call.reply.ok();
}

void setinfo(Call& call) {
  const bool is_name = call.is_word(2, "LIB-NAME");
  if (!is_name && !call.is_word(2, "LIB-VER"))
    return call.error("ERR Unrecognized option '" + std::string(call.args[2]) + "'");
  if (!is_printable_word(call.args[3])) {
    return call.error("ERR " + lowered(call.args[2]) +
                      " cannot contain spaces, newlines or special characters.");
  }
  call.session.client->rename([&](Client::Names& names) {
    (is_name ? names.library : names.library_version) = call.args[3];
  });
  call.reply.ok();
}

void kill_old(Call& call) {
  bool killed = false;
  call.services.clients.for_each([&](Client& client) {
    if (client.address() != call.args[2] || !call.sees(client)) return;
    killed = true;
    if (&client == call.session.client.get()) {
      call.session.closing = true;
    } else {
      client.close();
    }
  });
  killed ? call.reply.ok() : call.error("ERR No such client");
}

/// The filters of CLIENT KILL, all of which must hold.
struct Filters {
  std::optional<std::uint64_t> id;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<std::string_view> user;
  bool none = false;  ///< a kind of client that there is not
  bool skip_self = true;

  [[nodiscard]] bool hold(const Client& client) const {
    return !none && (!id || client.id() == *id) && (!address || client.address() == *address) &&
           (!local_address || client.local_address() == *local_address) &&
           (!user || (client.user() && client.user()->name() == *user));
  }
};

void kill(Call& call) {
  if (call.args.size() == 3) return kill_old(call);
  Filters filters;
  for (std::size_t i = 2; i < call.args.size(); i += 2) {
    if (i + 1 == call.args.size()) return call.syntax_error();
    const std::string_view value = call.args[i + 1];
    if (call.is_word(i, "ID")) {
      const auto one =
          call.integer_in(i + 1, 1, INT64_MAX, "ERR client-id should be greater than 0");
      if (!one) return;
      filters.id = static_cast<std::uint64_t>(*one);
    } else if (call.is_word(i, "ADDR")) {
      filters.address = value;
    } else if (call.is_word(i, "LADDR")) {
      filters.local_address = value;
    } else if (call.is_word(i, "USER")) {
      filters.user = value;
    } else if (call.is_word(i, "TYPE")) {
      filters.none = !call.is_word(i + 1, "NORMAL");
    } else if (call.is_word(i, "SKIPME")) {
      if (!call.is_word(i + 1, "YES") && !call.is_word(i + 1, "NO")) return call.syntax_error();
      filters.skip_self = call.is_word(i + 1, "YES");
    } else {
      return call.syntax_error();
    }
  }
  std::int64_t killed = 0;
  call.services.clients.for_each([&](Client& client) {
    const bool is_self = &client == call.session.client.get();
    if (!call.sees(client) || !filters.hold(client) || (is_self && filters.skip_self)) return;
    ++killed;
    if (is_self) {
      call.session.closing = true;
    } else {
      client.close();
    }
  });
  call.reply.integer(killed);
}

void reply_mode(Call& call) {
  if (call.is_word(2, "ON")) {
    call.session.replies = Replies::on;
    call.reply.ok();
  } else if (call.is_word(2, "OFF")) {
    call.session.replies = Replies::off;
  } else if (call.is_word(2, "SKIP")) {
    if (call.session.replies != Replies::off) call.session.replies = Replies::skip_next;
  } else {
    call.syntax_error();
  }
}

template <std::atomic<bool> Client::* flag>
void switch_flag(Call& call) {
  if (!call.is_word(2, "ON") && !call.is_word(2, "OFF")) return call.syntax_error();
  ((*call.session.client).*flag).store(call.is_word(2, "ON"), std::memory_order_relaxed);
  call.reply.ok();
}

void pause(Call& call) {
  const auto ms =
      call.integer_in(2, 0, INT64_MAX / 2, "ERR timeout is not an integer or out of range");
  if (!ms) return;
  bool writes_only = false;
  if (call.args.size() == 4) {
    writes_only = call.is_word(3, "WRITE");
    if (!writes_only && !call.is_word(3, "ALL"))
      return call.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  } else if (call.args.size() != 3) {
    return call.wrong_number_of_arguments();
  }
  call.services.pause.begin(call.services.clock.running_ms() + *ms, writes_only);
  call.reply.ok();
}

void unpause(Call& call) {
  call.services.pause.end();
  call.services.host.resume();
  call.reply.ok();
}

// No command of ours blocks, so there is nobody to wake.
void unblock(Call& call) {
  if (!call.integer(2)) return;
  if (call.args.size() > 4) return call.wrong_number_of_arguments();
  if (call.args.size() == 4 && !call.is_word(3, "TIMEOUT") && !call.is_word(3, "ERROR"))
    return call.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  call.reply.integer(0);
}

constexpr Row sub(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, Run run) {
  return make_row(Family::connection, name, arity, flags, k_no_keys, syntax, summary, since, "O(1)",
                  run);
}

constexpr Row k_subcommands[] = {
    sub("ID", 2, k_tenants, "", "The number of this connection.", "5.0.0", id),
    sub("INFO", 2, k_tenants, "", "What CLIENT LIST says of this connection.", "6.2.0", info),
    sub("LIST", -2, k_admin | k_tenants, "[TYPE NORMAL|PUBSUB] [ID client-id [client-id ...]]",
        "All connections, one a line.", "2.4.0", list),
    sub("GETNAME", 2, k_tenants, "", "The name that this connection has given itself.", "2.6.9",
        getname),
    sub("SETNAME", 3, k_tenants, "connection-name", "Gives this connection a name.", "2.6.9",
        setname),
    sub("SETINFO", 4, k_tenants, "LIB-NAME libname | LIB-VER libver",
        "Says which client library this is.", "7.2.0", setinfo),
    sub("KILL", -3, k_admin | k_tenants,
        "ip:port | [ID client-id] [ADDR ip:port] [LADDR ip:port] [USER username] [TYPE NORMAL] "
        "[SKIPME yes|no]",
        "Closes connections.", "2.4.0", kill),
    sub("REPLY", 3, k_tenants, "ON | OFF | SKIP", "Whether commands are answered.", "3.2.0",
        reply_mode),
    sub("NO-EVICT", 3, k_admin, "ON | OFF",
        "Asks that this connection be closed last when buffers run out.", "7.0.0",
        switch_flag<&Client::no_evict>),
    sub("NO-TOUCH", 3, k_tenants, "ON | OFF", "Is remembered and shown; reads count all the same.",
        "7.2.0", switch_flag<&Client::no_touch>),
    sub("PAUSE", -3, k_admin, "timeout [WRITE | ALL]", "Lets no command run for some milliseconds.",
        "3.0.0", pause),
    sub("UNPAUSE", 2, k_admin, "", "Ends a pause.", "6.2.0", unpause),
    sub("UNBLOCK", -3, k_admin | k_tenants, "client-id [TIMEOUT | ERROR]",
        "0: no command blocks, so there is nobody to wake.", "5.0.0", unblock),
    sub("TRACKING", -3, k_tenants,
        "ON | OFF [REDIRECT client-id] [BCAST] [PREFIX prefix [PREFIX prefix ...]] [OPTIN] "
        "[OPTOUT] [NOLOOP] [FIELDS]",
        "Tells this connection, or another, when what it has read changes; with FIELDS, which "
        "fields.",
        "6.0.0", client_tracking),
    sub("CACHING", 3, k_tenants, "YES | NO", "Whether the next command's reads are tracked.",
        "6.0.0", client_caching),
    sub("GETREDIR", 2, k_tenants, "", "The connection that is told instead; 0: this, -1: none.",
        "6.0.0", client_getredir),
    sub("TRACKINGINFO", 2, k_tenants, "", "How this connection tracks what it reads.", "6.2.0",
        client_trackinginfo),
};

constexpr Row client_row() {
  Row row = sub("CLIENT", -2, 0, "subcommand", "About connections.", "2.4.0", nullptr);
  row.subcommands = k_subcommands;
  return row;
}
constexpr Row k_rows[] = {client_row()};

}  // namespace

std::span<const Row> client_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
