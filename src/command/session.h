// What a connection is to the commands. No sockets here.
#pragma once

#include <atomic>
#include <memory>

namespace ullage::command {

/// Set by whoever changes a watched key, from any thread.
using WatchFlag = std::shared_ptr<std::atomic<bool>>;

struct Session {
  unsigned database = 0;
  bool executing = false;  ///< inside a transaction: its keys are held already
};

}  // namespace ullage::command
