// Where clients come in.
#pragma once

#include <ullage/result.h>

#include "server/channel.h"
#include "server/descriptor.h"
#include "server/event_handler.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ullage::server {

/// A client that has just come.
struct Arrival {
  Channel channel;
  std::string address;  ///< "127.0.0.1:50000", "[::1]:50000", or the path of a Unix socket
  std::string local_address;
  bool is_local = false;  ///< comes from this machine
  bool is_unix = false;   ///< over a Unix socket
};

class Listener final : public EventHandler {
 public:
  using Accept = std::function<void(Arrival)>;

  /// Errors say what to do. `address`: an IPv4 or IPv6 address, or a host's name.
  static Result<std::vector<Listener>> open_tcp(const std::string& address, std::uint16_t port,
                                                const Accept& accept);
  static Result<Listener> open_unix(const std::string& path, const Accept& accept);
  /// One that listens already.
  static Result<Listener> adopt(Descriptor socket, const Accept& accept);

  void on_ready(std::uint32_t events) override;

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Listener(Descriptor socket, std::string name, Accept accept);

  Descriptor socket_;
  std::string name_;
  Accept accept_;
  // Given up when no descriptor is left, so that a client can still be taken and turned away.
  Descriptor reserve_;
};

}  // namespace ullage::server
