// The admin port: HTTP for probes. On the thread that takes clients.
//
//   GET /healthz   200 while the process answers at all
//   GET /readyz    200 while clients are taken, 503 once it is stopping
//
// Bounded: a request has k_request_max_bytes, and of more than k_connections_max at a time the
// oldest goes, so slow ones cannot keep a probe out. One request a connection.
#pragma once

#include "server/channel.h"
#include "server/event_handler.h"
#include "server/poller.h"

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>

namespace ullage::server {

class Admin {
 public:
  static constexpr std::size_t k_connections_max = 32;
  static constexpr std::size_t k_request_max_bytes = 8192;

  explicit Admin(Poller& poller) noexcept;
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  void accept(Channel channel);
  void set_ready(bool ready) noexcept { ready_ = ready; }
  /// After each round of the poller: ends what was closed in it.
  void clean_up() noexcept;

 private:
  class Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  void close(Connection& connection) noexcept;
  [[nodiscard]] std::string answer(std::string_view request, bool& is_whole) const;

  Poller& poller_;
  bool ready_ = true;
  Connections connections_;  // the oldest first
  Connections dead_;         // closed, and kept until the round is over
};

}  // namespace ullage::server
