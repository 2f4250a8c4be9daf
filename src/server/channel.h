// A stream of bytes to one client: a socket, plain or under TLS.
#pragma once

#include "server/descriptor.h"
#include "server/tls.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace ullage::server {

class Channel {
 public:
  explicit Channel(Descriptor socket) noexcept : socket_(std::move(socket)) {}

  /// From now on under TLS. `session` is over this socket; it shakes hands with the first reads.
  void secure(TlsSession session) noexcept { session_ = std::move(session); }

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

  /// Nothing more will be written: the other side reads all there is, and then the end.
  void finish_writing() noexcept;
  /// Takes what has come and nobody will read: a socket that is closed with some of it unread is
  /// reset, and the other side may lose what was written to it last. Bounded.
  void discard_input() noexcept;

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] bool is_secure() const noexcept { return session_ != nullptr; }
  /// Whether there is more to read of which the socket will not tell.
  [[nodiscard]] bool has_more() const noexcept;
  /// Whether the last read waits until the socket can be written.
  [[nodiscard]] bool read_wants_to_write() const noexcept { return read_wants_to_write_; }
  /// Whether the channel was closed because the other side does not speak TLS as it should.
  [[nodiscard]] bool handshake_failed() const noexcept { return handshake_failed_; }

 private:
  Moved secure_result(int result) noexcept;

  Descriptor socket_;
  TlsSession session_;  // ends before its socket is closed
  bool read_wants_to_write_ = false;
  bool handshake_failed_ = false;
};

}  // namespace ullage::server
