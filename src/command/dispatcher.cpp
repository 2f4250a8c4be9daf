#include "command/dispatcher.h"

#include "command/call.h"

#include <string>

namespace ullage::command {

namespace {
constexpr std::size_t k_quoted_args_max_bytes = 128;

/// A stranger's bytes in a message: what no terminal should see becomes '?'.
void append_escaped(std::string& text, std::string_view bytes) {
  for (const char c : bytes)
    text += c >= ' ' && c <= '~' ? c : '?';
}

std::string unknown_command(resp::Args args) {
  std::string text = "ERR unknown command '";
  append_escaped(text, args[0].substr(0, k_quoted_args_max_bytes));
  text += "', with args beginning with: ";
  std::size_t left = k_quoted_args_max_bytes;
  for (std::size_t i = 1; i < args.size() && left != 0; ++i) {
    const std::string_view shown = args[i].substr(0, left);
    text += '\'';
    append_escaped(text, shown);
    text += "' ";
    left -= shown.size();
  }
  return text;
}
}  // namespace

void Dispatcher::run(Session& session, resp::Args args, resp::Reply& reply) {
  services_.counters.commands.fetch_add(1, std::memory_order_relaxed);
  const Row* row = table_.find(args[0]);
  if (row == nullptr) {
    services_.counters.errors.fetch_add(1, std::memory_order_relaxed);
    reply.error(unknown_command(args));
    return;
  }
  const std::size_t place = reply.output().size();
  const CommandClock::Stop moment(services_.clock);
  Call call(services_, session, *row, args, reply);
  if (!row->takes(args.size())) {
    call.wrong_number_of_arguments();
  } else {
    row->run(call);
  }
  if (reply.output().failed()) {
    reply.output().truncate(place);
    reply.error("ERR the reply is larger than a client's output may be");
  }
  if (reply.output().view().substr(place).starts_with('-'))
    services_.counters.errors.fetch_add(1, std::memory_order_relaxed);
}

std::size_t Dispatcher::run(Session& session, const resp::RequestBatch& batch, std::size_t first,
                            resp::Reply& reply, std::size_t enough_bytes) {
  std::size_t i = first;
  while (i < batch.size() && !session.closing && reply.output().size() < enough_bytes)
    run(session, batch[i++], reply);
  return i;
}

}  // namespace ullage::command
