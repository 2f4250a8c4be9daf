// From a request to its handler.
#pragma once

#include "command/services.h"
#include "command/session.h"
#include "command/table.h"
#include "resp/reply.h"
#include "resp/request.h"

#include <cstddef>

namespace ullage::command {

class Dispatcher {
 public:
  explicit Dispatcher(Services& services) : services_(services) {}

  /// Runs one request and writes exactly one reply: the command's, or an error. A reply that does
  /// not fit its output becomes an error. Thread-safe for different sessions.
  void run(Session& session, resp::Args args, resp::Reply& reply);

  /// Runs requests of the batch from `first` on, in order, until all are done, the client is to be
  /// closed, or `enough_bytes` of replies have gathered. Answers where to go on.
  std::size_t run(Session& session, const resp::RequestBatch& batch, std::size_t first,
                  resp::Reply& reply, std::size_t enough_bytes);

  [[nodiscard]] const Table& table() const noexcept { return table_; }

 private:
  Services& services_;
  const Table table_;
};

}  // namespace ullage::command
