// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
#include "command/call.h"
#include "command/families.h"
#include "command/transaction.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

void multi(Call& call) {
  if (call.session.transaction) return call.error("ERR MULTI calls can not be nested");
  call.session.transaction = std::make_unique<Transaction>(call.services.held, call.session.client);
  call.reply.ok();
}

void discard(Call& call) {
  if (!call.session.transaction) return call.error("ERR DISCARD without MULTI");
  call.session.transaction.reset();
  call.session.watched.reset();
  call.reply.ok();
}

bool group_exists(Call& call, std::string_view group) {
  return call.cache().contains_group(group);
}

/// The stripes of every key that the commands name. SELECT among them changes what a key means.
std::vector<KeyLocks::Stripe> stripes_of(Call& call, const std::vector<Queued>& commands) {
  std::vector<KeyLocks::Stripe> stripes;
  unsigned database = call.session.database;
  for (const Queued& queued : commands) {
    const resp::Args args = queued.request.args();
    const Row& row = *queued.found.row;
    if (row.name == "SELECT") {
      const auto chosen = resp::parse_integer(args[1]);
      if (chosen && *chosen >= 0 && *chosen < k_databases)
        database = static_cast<unsigned>(*chosen);
    }
    for_each_key(row, args, [&](std::string_view key) {
      stripes.push_back(Key(call.services.locks, database, key).stripe());
      // COPY may name another one.
      if (row.name == "COPY") {
        for (unsigned other = 0; other < k_databases; ++other)
          stripes.push_back(Key(call.services.locks, other, key).stripe());
      }
    });
  }
  return stripes;
}

void run_queued(Call& call, const std::vector<Queued>& commands) {
  call.reply.array(commands.size());
  for (const Queued& queued : commands) {
    Call one(call.services, call.session, queued.found, queued.request.args(), call.reply);
    one.run();
  }
}

void exec(Call& call) {
  if (!call.session.transaction) return call.error("ERR EXEC without MULTI");
  const auto transaction = std::move(call.session.transaction);
  const auto watched = std::move(call.session.watched);
  if (transaction->failed)
    return call.error("EXECABORT Transaction discarded because of previous errors.");
  std::vector<KeyLocks::Stripe> stripes = stripes_of(call, transaction->commands);
  // With those of the watched keys, so that none changes between the look at it and the commands.
  if (watched) {
    watched->for_each(
        [&](std::string_view group) { stripes.push_back(call.services.locks.stripe_of(group)); });
  }
  const HeldStripes held(call.services.locks, stripes, true);
  if (watched && !watched->unchanged([&](std::string_view g) { return group_exists(call, g); }))
    return call.reply.null_array();
  call.session.executing = true;
  run_queued(call, transaction->commands);
  call.session.executing = false;
}

void watch(Call& call) {
  if (call.session.transaction) return call.error("ERR WATCH inside MULTI is not allowed");
  if (!call.session.watched) {
    call.session.watched = std::make_unique<WatchedKeys>(call.services.watches, call.services.held);
  }
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    const Key key = call.key(i);
    // Nobody is in the middle of a change of it, or would not tell.
    const Writing held(call, key, Writing::Changes::one_entry);
    if (!call.session.watched->add(key.group(),
                                   [&](std::string_view g) { return group_exists(call, g); }))
      return call.error("ERR the server has no room for more watched keys");
  }
  call.reply.ok();
}

void unwatch(Call& call) {
  call.session.watched.reset();
  call.reply.ok();
}

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                  std::string_view syntax, std::string_view summary, std::string_view since,
                  std::string_view complexity, Run run) {
  Row row = make_row(Family::transactions, name, arity, flags | k_tenants, keys, syntax, summary,
                     since, complexity, run);
  row.entries = Entries::none;
  return row;
}

constexpr Row k_rows[] = {
    row("MULTI", 1, k_fast | k_at_once, k_no_keys, "",
        "Begins a transaction: commands are queued until EXEC.", "1.2.0", "O(1)", multi),
    row("EXEC", 1, k_at_once, k_no_keys, "",
        "Runs the queued commands as one step over their keys; none if a watched key changed.",
        "1.2.0", "What the commands cost", exec),
    row("DISCARD", 1, k_fast | k_at_once, k_no_keys, "", "Forgets the queued commands.", "2.0.0",
        "O(N) for N commands", discard),
    row("WATCH", -2, k_fast | k_at_once, k_all_keys, "key [key ...]",
        "Lets the next transaction run only if the keys do not change until then.", "2.2.0",
        "O(1) for each key", watch),
    row("UNWATCH", 1, k_fast, k_no_keys, "", "Forgets all watched keys.", "2.2.0",
        "O(N) for N keys", unwatch),
};

}  // namespace

std::span<const Row> transaction_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
