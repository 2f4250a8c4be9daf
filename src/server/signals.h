// SIGTERM, SIGINT and SIGHUP as events.
#pragma once

#include "server/descriptor.h"
#include "server/event_handler.h"
#include "server/poller.h"

#include <csignal>
#include <cstdint>
#include <functional>
#include <utility>

namespace ullage::server {

/// Blocks them for this thread and for those that it starts from now on; undone when it goes. To be
/// made before the first thread, or that one is killed by them.
class BlockedSignals {
 public:
  BlockedSignals() noexcept;
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

/// Tells of them on the thread of a poller. REQUIRES: they are blocked.
class Signals final : public EventHandler {
 public:
  using Received = std::function<void(int signal)>;

  Signals(Poller& poller, Received received);

  void on_ready(std::uint32_t events) override;

 private:
  Descriptor signals_;
  Received received_;
};

}  // namespace ullage::server
