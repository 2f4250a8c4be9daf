// Which descriptors are ready: epoll, level-triggered.
//
// Level-triggered, because then a request costs what it must, one read and one write, and yet an
// idle client holds no buffer: it is read only once it is known to have sent something, into the
// thread's own. With Boost.Asio it is one or the other (docs/internals/server.md).
#pragma once

#include "server/descriptor.h"
#include "server/event_handler.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <sys/epoll.h>

namespace ullage::server {

/// One thread's. Not thread-safe.
class Poller {
 public:
  /// Throws std::system_error if the kernel gives none.
  Poller();

  /// False with errno set if the kernel refuses. `handler` outlives its descriptor here.
  [[nodiscard]] bool add(int descriptor, std::uint32_t events, EventHandler& handler) noexcept;
  void change(int descriptor, std::uint32_t events, EventHandler& handler) noexcept;
  void remove(int descriptor) noexcept;

  /// Waits for events, at most `timeout_ms` (-1: for ever), and calls their handlers. A handler
  /// may be called once more after its descriptor was removed, within the same round: whoever
  /// removes one keeps it until the round is over.
  void run_once(int timeout_ms) { dispatch(wait(timeout_ms)); }

  /// The two halves of it: how many events there are, and their handlers.
  [[nodiscard]] int wait(int timeout_ms) noexcept;
  void dispatch(int count);

 private:
  static constexpr std::size_t k_events_a_wait = 256;

  Descriptor epoll_;
  std::array<epoll_event, k_events_a_wait> events_{};
};

}  // namespace ullage::server
