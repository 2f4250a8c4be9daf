// What a poller wakes.
#pragma once

#include <cstdint>

namespace ullage::server {

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  /// `events`: of epoll. Runs on the thread that polls.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  EventHandler() = default;
  EventHandler(const EventHandler&) = default;
  EventHandler& operator=(const EventHandler&) = default;
};

}  // namespace ullage::server
