// A stream of bytes to one client: a socket, plain or (later) under TLS.
#pragma once

#include "server/descriptor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace ullage::server {

class Channel {
 public:
  explicit Channel(Descriptor socket) noexcept : socket_(std::move(socket)) {}

  enum class Status : std::uint8_t {
    done,         ///< `bytes` were moved
    would_block,  ///< nothing now; wait until the socket is ready
    closed,       ///< the other side is gone, or broke the rules of the channel
  };
  struct Moved {
    Status status = Status::closed;
    std::size_t bytes = 0;
  };

  /// Neither waits.
  Moved read(std::span<char> into) noexcept;
  Moved write(std::string_view bytes) noexcept;

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

 private:
  Descriptor socket_;
};

}  // namespace ullage::server
