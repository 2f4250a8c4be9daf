// A command that goes on in later rounds of its thread, so that others get their turn in between.
#pragma once

#include "command/byte_budget.h"
#include "command/row.h"
#include "resp/reply.h"
#include "resp/request.h"

#include <functional>
#include <utility>

namespace ullage::command {

class Call;

/// What is left of one. Its reply gathers in an output of its own, and is whole when it is done;
/// until then its client's next command waits. Belongs to the client's thread.
class LongWork {
 public:
  /// Does some more, in bounded time; answers whether that was all, and the reply is written.
  using Step = std::function<bool(Call&)>;

  LongWork(const Found& found, resp::Args args, Step step, TakenBytes held)
      : found_(found), request_(args), step_(std::move(step)), held_(std::move(held)) {}

  /// The same, with a reply of its own so far, and all that there will be in the end.
  bool step(Services& services, Session& session, resp::Reply& reply);

  /// Its reply is not wanted: CLIENT REPLY.
  bool is_silent = false;

 private:
  Found found_;
  resp::OwnedRequest request_;
  Step step_;
  TakenBytes held_;
};

}  // namespace ullage::command
