// What a connection is to the commands. No sockets here.
#pragma once

#include "resp/reply.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace ullage::command {

/// Set by whoever changes a watched key, from any thread.
using WatchFlag = std::shared_ptr<std::atomic<bool>>;

struct Session {
  std::uint64_t id = 0;
  unsigned database = 0;
  resp::Protocol protocol = resp::Protocol::resp2;
  bool executing = false;  ///< inside a transaction: its keys are held already
  bool closing = false;    ///< the connection ends once its replies are sent
};

}  // namespace ullage::command
