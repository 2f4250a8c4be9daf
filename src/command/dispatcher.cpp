#include "command/dispatcher.h"

#include "command/ahead.h"
#include "command/call.h"
#include "command/host.h"
#include "command/transaction.h"
#include "command/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <utility>

namespace ullage::command {

namespace {
constexpr std::size_t k_quoted_args_max_bytes = 128;

/// A stranger's bytes in a message: line ends become blanks, as Redis has it, and what else no
/// terminal should see a '?'.
void append_escaped(std::string& text, std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\r' || c == '\n') {
      text += ' ';
    } else {
      text += c >= ' ' && c <= '~' ? c : '?';
    }
  }
}

std::string unknown_command(resp::Args args) {
  std::string text = "ERR unknown command '";
  append_escaped(text, args[0].substr(0, k_quoted_args_max_bytes));
  text += "', with args beginning with: ";
  std::string shown;
  for (std::size_t i = 1; i < args.size() && shown.size() < k_quoted_args_max_bytes; ++i) {
    const std::size_t room = k_quoted_args_max_bytes - shown.size();
    shown += '\'';
    append_escaped(shown, args[i].substr(0, room));
    shown += "' ";
  }
  text += shown;
  return text;
}
}  // namespace

void Dispatcher::run(Session& session, resp::Args args, resp::Reply& reply) {
  services_.counters.commands.fetch_add(1, std::memory_order_relaxed);
  run_found(session, services_.table.find(args), args, reply);
}

// Somebody has changed users since this client's was looked up.
void Dispatcher::look_up_user(Session& session) {
  session.acl_version = services_.acl.version();
  const bool was_known = session.user != nullptr;
  auto user = services_.acl.find(was_known ? session.user->name() : "default");
  if (was_known && user == nullptr) session.closing = true;  // is no more, and gets no answer
  if (!was_known && user != nullptr && (user->needs_password() || !user->is_enabled()))
    user = nullptr;
  session.user = std::move(user);
  if (session.client) session.client->set_user(session.user);
}

void Dispatcher::run_found(Session& session, const Found& found, resp::Args args,
                           resp::Reply& reply) {
  if (session.acl_version != services_.acl.version()) look_up_user(session);
  if (session.closing) return;
  const std::size_t place = reply.output().size();
  if (session.replies == Replies::skip_next) session.replies = Replies::skip;
  run_visible(session, found, args, reply);
  if (session.replies == Replies::on) return;
  // Not wanted, or CLIENT REPLY that said so.
  reply.output().truncate(place);
  if (session.unfinished) session.unfinished->is_silent = true;
  if (session.replies == Replies::skip) session.replies = Replies::on;
}

void Dispatcher::run_visible(Session& session, const Found& found, resp::Args args,
                             resp::Reply& reply) {
  if (found.row == nullptr) {
    if (found.container != nullptr && same_word(args[1], "HELP"))
      return help(*found.container, reply);
    return unknown(session, args, found.container, reply);
  }
  if (session.counts != nullptr) session.counts->add(found.index);
  const CommandClock::Stop moment(services_.clock);
  Call call(services_, session, found, args, reply);
  if (!found.row->takes(args.size()) || found.row->run == nullptr) {
    if (session.transaction) session.transaction->failed = true;
    services_.counters.errors.fetch_add(1, std::memory_order_relaxed);
    return call.wrong_number_of_arguments();
  }
  if (!session.user && !found.row->is(k_no_auth))
    return reply.error("NOAUTH Authentication required.");
  if (session.user && !call.is_allowed()) {
    if (session.transaction) session.transaction->failed = true;
    services_.counters.errors.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (session.group_calls != nullptr && session.group_calls->pass(1) == 0) [[unlikely]]
    session.group_calls->look_at(*found.row, args, services_.clock.running_ms());
  if (session.client) session.client->last_row.store(found.row, std::memory_order_relaxed);
  if (session.subscriptions && session.protocol == resp::Protocol::resp2 &&
      !found.row->is(k_listening)) {
    return reply.error("ERR Can't execute '" + call.name() +
                       "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                       "allowed in this context");
  }
  if (session.transaction && !found.row->is(k_at_once)) return queue(call);
  if (found.row->is(k_fast)) return call.run();
  const auto started = std::chrono::steady_clock::now();
  call.run();
  note_if_slow(call, started, std::chrono::steady_clock::now() - started);
}

// A trace shows what is slow for it, whatever the slow log is set to.
void Dispatcher::tell_if_slow(const Call& call, std::chrono::steady_clock::time_point started,
                              std::chrono::nanoseconds took) {
  constexpr std::chrono::microseconds k_slow{200};
  if (took < k_slow) return;
  const std::string name = call.name();
  TraceEvent event;
  event.kind = TraceKind::other;
  event.began_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(started.time_since_epoch()).count();
  event.took_ns = took.count();
  event.name = name;
  for (std::size_t i = 0; i < call.args.size(); ++i)
    event.bytes += call.args[i].size();
  services_.trace.tell(event);
}

void Dispatcher::note_if_slow(const Call& call, std::chrono::steady_clock::time_point started,
                              std::chrono::nanoseconds took) {
  const std::int64_t took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  if (services_.latency.is_slow(took_us))
    services_.latency.add("command", services_.clock.now_ms(), took_us);
  if (services_.trace.is_on()) [[unlikely]]
    tell_if_slow(call, started, took);
  if (!services_.slow_log.is_slow(took_us)) return;
  const Session& session = call.session;
  services_.slow_log.add({.id = 0,
                          .at_ms = services_.clock.now_ms(),
                          .took_us = took_us,
                          .args = {},
                          .client = session.client->address(),
                          .client_name = session.client->names().name,
                          .user = session.user ? session.user->name() : std::string()},
                         call.args);
}

void Dispatcher::unknown(Session& session, resp::Args args, const Row* container,
                         resp::Reply& reply) {
  if (session.transaction) session.transaction->failed = true;
  services_.counters.errors.fetch_add(1, std::memory_order_relaxed);
  if (container == nullptr) return reply.error(unknown_command(args));
  std::string text = "ERR unknown subcommand '";
  append_escaped(text, args[1].substr(0, k_quoted_args_max_bytes));
  reply.error(text + "'. Try " + std::string(container->name) + " HELP.");
}

void Dispatcher::help(const Row& container, resp::Reply& reply) {
  reply.array(2 * container.subcommands.size() + 3);
  reply.simple(std::string(container.name) +
               " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Row& row : container.subcommands) {
    reply.simple(std::string(row.name) + (row.syntax.empty() ? "" : " ") + std::string(row.syntax));
    reply.simple("    " + std::string(row.summary));
  }
  reply.simple("HELP");
  reply.simple("    Print this help.");
}

void Dispatcher::queue(Call& call) {
  Transaction& transaction = *call.session.transaction;
  if (call.row.is(k_no_multi)) {
    transaction.failed = true;
    return call.error("ERR Command not allowed inside a transaction");
  }
  Queued queued{
      {&call.row, call.container, static_cast<std::uint16_t>(services_.table.index_of(call.row))},
      resp::OwnedRequest(call.args)};
  if (!transaction.held.take(sizeof(Queued) + queued.request.held_bytes())) {
    transaction.failed = true;
    return call.error("ERR the transaction is larger than the server has room for");
  }
  transaction.add(std::move(queued));
  call.reply.simple("QUEUED");
}

void Dispatcher::find_all(const resp::RequestBatch& batch, std::size_t first,
                          std::span<Found> found) const noexcept {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const resp::Args args = batch[first + i];
    // Most pipelines repeat one command.
    const bool again = i != 0 && found[i - 1].row != nullptr &&
                       found[i - 1].row->subcommands.empty() && found[i - 1].container == nullptr &&
                       args[0] == batch[first + i - 1][0];
    found[i] = again ? found[i - 1] : services_.table.find(args);
  }
}

// How many requests from the front can be run at once.
std::size_t Dispatcher::run_together(Session& session, std::span<const Found> found,
                                     const resp::RequestBatch& batch, std::size_t first,
                                     resp::Reply& reply) {
  if (session.acl_version != services_.acl.version()) look_up_user(session);
  const Row* row = found[0].row;
  if (row == nullptr || row->run_many == nullptr || session.transaction || session.subscriptions ||
      session.follow || session.replies != Replies::on || services_.pause.until_ms() != 0 ||
      !session.user || !session.user->is_unlimited())
    return 0;
  std::array<resp::Args, k_ahead_requests> requests;
  std::size_t count = 0;
  while (count < found.size() && found[count].row == row && row->takes(batch[first + count].size()))
    requests[count] = batch[first + count], ++count;
  if (count < k_ahead_requests_min) return 0;
  const std::size_t done =
      row->run_many(services_, session, std::span(requests).first(count), reply);
  if (session.client && done != 0) session.client->last_row.store(row, std::memory_order_relaxed);
  if (session.counts != nullptr) session.counts->add(found[0].index, done);
  if (session.group_calls != nullptr) {
    const std::size_t at = session.group_calls->pass(done);
    if (at < done) session.group_calls->look_at(*row, requests[at], services_.clock.running_ms());
  }
  return done;
}

std::size_t Dispatcher::run(Session& session, const resp::RequestBatch& batch, std::size_t first,
                            resp::Reply& reply, std::size_t enough_bytes) {
  std::array<Found, k_ahead_requests> found;
  std::size_t known = first;  // the requests before it have their row
  std::size_t window = first;
  std::size_t i = first;
  // One look at the clock for a window of fast commands.
  CommandClock::Stop moment(services_.clock);
  while (i < batch.size() && !session.closing && reply.output().size() < enough_bytes) {
    if (i == known) {
      if (window != first) moment.renew(services_.clock);
      window = i;
      known = std::min(i + k_ahead_requests, batch.size());
      const std::span<Found> ahead = std::span(found).first(known - window);
      find_all(batch, window, ahead);
      i += run_together(session, ahead, batch, i, reply);
      if (i == known) continue;
      if (known - i >= k_ahead_requests_min)
        ask_ahead(services_.cache, session, batch, i, ahead.subspan(i - window));
    }
    const Found& next = found[i - window];
    if (services_.pause.until_ms() != 0) {
      session.paused =
          next.row != nullptr && services_.pause.holds(*next.row, services_.clock.running_ms());
      if (session.paused) break;
    }
    run_found(session, next, batch[i++], reply);
    if (session.unfinished) break;
    if (next.row == nullptr || !next.row->is(k_fast)) moment.renew(services_.clock);
  }
  services_.counters.commands.fetch_add(i - first, std::memory_order_relaxed);
  return i;
}

}  // namespace ullage::command
