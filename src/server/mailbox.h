// Work that one thread hands to another, which polls.
#pragma once

#include "server/descriptor.h"
#include "server/event_handler.h"
#include "server/poller.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace ullage::server {

class Mailbox final : public EventHandler {
 public:
  using Task = std::function<void()>;

  /// Tasks run on the thread of `poller`. Throws std::system_error if the kernel has no event.
  explicit Mailbox(Poller& poller);

  /// From any thread; in the order of the calls of each.
  void post(Task task);

  void on_ready(std::uint32_t events) override;

 private:
  Descriptor event_;
  std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_
};

}  // namespace ullage::server
