// SUBSCRIBE and its kind, PUBLISH, PUBSUB.
#include "command/call.h"
#include "command/families.h"
#include "command/glob.h"
#include "command/pubsub.h"

#include <memory>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

using Kind = Subscriptions::Kind;

Subscriptions& subscriptions_of(Call& call) {
  if (!call.session.subscriptions) {
    call.session.subscriptions = std::make_unique<Subscriptions>(
        call.services.pubsub, call.services.held, call.session.client);
  }
  return *call.session.subscriptions;
}

void confirm(Call& call, std::string_view what, const std::string_view* name) {
  call.reply.push(3);
  call.reply.bulk(what);
  name == nullptr ? call.reply.null() : call.reply.bulk(*name);
  const std::size_t count = call.session.subscriptions ? call.session.subscriptions->count() : 0;
  call.reply.integer(static_cast<std::int64_t>(count));
}

template <Kind kind>
void subscribe(Call& call) {
  Subscriptions& all = subscriptions_of(call);
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    const std::string_view name = call.args[i];
    if (!all.add(kind, name))
      return call.error("ERR the server has no room for more subscriptions");
    confirm(call, kind == Kind::channel ? "subscribe" : "psubscribe", &name);
  }
}

template <Kind kind>
void unsubscribe(Call& call) {
  constexpr std::string_view k_what = kind == Kind::channel ? "unsubscribe" : "punsubscribe";
  std::vector<std::string> names;
  for (std::size_t i = 1; i < call.args.size(); ++i)
    names.emplace_back(call.args[i]);
  if (names.empty() && call.session.subscriptions) names = call.session.subscriptions->names(kind);
  if (names.empty()) confirm(call, k_what, nullptr);
  for (const std::string& name : names) {
    if (call.session.subscriptions) call.session.subscriptions->remove(kind, name);
    const std::string_view view = name;
    confirm(call, k_what, &view);
  }
  if (call.session.subscriptions && call.session.subscriptions->count() == 0)
    call.session.subscriptions.reset();
}

void publish(Call& call) {
  call.reply.integer(
      static_cast<std::int64_t>(call.services.pubsub.publish(call.args[1], call.args[2])));
}

void channels(Call& call) {
  if (call.args.size() > 3) return call.wrong_number_of_arguments();
  const std::size_t place = call.reply.later();
  std::size_t count = 0;
  for (const std::string& name : call.services.pubsub.channels()) {
    if (call.args.size() == 3 && !glob_matches(call.args[2], name)) continue;
    call.reply.bulk(name);
    ++count;
  }
  call.reply.array_at(place, count);
}

void numsub(Call& call) {
  call.reply.array(2 * (call.args.size() - 2));
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    call.reply.bulk(call.args[i]);
    call.reply.integer(static_cast<std::int64_t>(call.services.pubsub.listeners_of(call.args[i])));
  }
}

void numpat(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.services.pubsub.patterns()));
}

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, std::string_view complexity,
                  Run run) {
  return make_row(Family::pubsub, name, arity, flags | k_pubsub, k_no_keys, syntax, summary, since,
                  complexity, run);
}

constexpr Row k_subcommands[] = {
    row("CHANNELS", -2, 0, "[pattern]", "Channels that somebody listens to by name.", "2.8.0",
        "O(N) for N channels", channels),
    row("NUMSUB", -2, 0, "[channel [channel ...]]", "How many listen to channels by name.", "2.8.0",
        "O(N) for N channels", numsub),
    row("NUMPAT", 2, 0, "", "How many patterns are listened to.", "2.8.0", "O(1)", numpat),
};

constexpr Row pubsub_row() {
  Row row = make_row(Family::pubsub, "PUBSUB", -2, 0, k_no_keys, "subcommand",
                     "Who listens to what.", "2.8.0", "What the subcommand costs", nullptr);
  row.subcommands = k_subcommands;
  return row;
}

constexpr Row k_rows[] = {
    row("SUBSCRIBE", -2, k_listening | k_no_multi | k_tenants, "channel [channel ...]",
        "Listens to channels.", "2.0.0", "O(N) for N channels", subscribe<Kind::channel>),
    row("PSUBSCRIBE", -2, k_listening | k_no_multi | k_tenants, "pattern [pattern ...]",
        "Listens to all channels that match.", "2.0.0", "O(N) for N patterns",
        subscribe<Kind::pattern>),
    row("UNSUBSCRIBE", -1, k_listening | k_no_multi | k_tenants, "[channel [channel ...]]",
        "Listens to channels no more.", "2.0.0", "O(N) for N channels", unsubscribe<Kind::channel>),
    row("PUNSUBSCRIBE", -1, k_listening | k_no_multi | k_tenants, "[pattern [pattern ...]]",
        "Listens to patterns no more.", "2.0.0", "O(N) for N patterns", unsubscribe<Kind::pattern>),
    row("PUBLISH", 3, k_fast | k_tenants, "channel message", "Tells all who listen to a channel.",
        "2.0.0", "O(N) for N listeners and patterns", publish),
    pubsub_row(),
};

}  // namespace

std::span<const Row> pubsub_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
