// From a request to its handler.
#pragma once

#include "command/services.h"
#include "command/session.h"
#include "command/table.h"
#include "resp/reply.h"
#include "resp/request.h"

#include <chrono>
#include <cstddef>
#include <span>

namespace ullage::command {

class Call;

/// Thread-safe for different sessions.
class Dispatcher {
 public:
  explicit Dispatcher(Services& services) noexcept : services_(services) {}

  /// Runs one request and writes exactly one reply: the command's, or an error; none if the client
  /// wants none.
  void run(Session& session, resp::Args args, resp::Reply& reply);

  /// Runs requests of the batch from `first` on, in order, until all are done, the client is to be
  /// closed or waits for the end of a pause, or `enough_bytes` of replies have gathered. Answers
  /// where to go on.
  std::size_t run(Session& session, const resp::RequestBatch& batch, std::size_t first,
                  resp::Reply& reply, std::size_t enough_bytes);

 private:
  void look_up_user(Session& session);
  void run_found(Session& session, const Found& found, resp::Args args, resp::Reply& reply);
  void run_visible(Session& session, const Found& found, resp::Args args, resp::Reply& reply);
  void find_all(const resp::RequestBatch& batch, std::size_t first,
                std::span<Found> found) const noexcept;
  std::size_t run_together(Session& session, std::span<const Found> found,
                           const resp::RequestBatch& batch, std::size_t first, resp::Reply& reply);
  void unknown(Session& session, resp::Args args, const Row* container, resp::Reply& reply);
  void help(const Row& container, resp::Reply& reply);
  void tell_if_slow(const Call& call, std::chrono::steady_clock::time_point started,
                    std::chrono::nanoseconds took);
  void note_if_slow(const Call& call, std::chrono::steady_clock::time_point started,
                    std::chrono::nanoseconds took);
  /// Keeps a command of a transaction for EXEC.
  void queue(Call& call);

  Services& services_;
};

}  // namespace ullage::command
