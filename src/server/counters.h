// What a server counts about its clients. Statistics: none orders anything.
#pragma once

#include <atomic>
#include <cstdint>

namespace ullage::server {

struct Counters {
  std::atomic<std::uint64_t> connections_received{0};
  std::atomic<std::uint64_t> connections_rejected{0};  ///< too many already, or not allowed in
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> closed_protocol_error{0};  ///< for sending what is no request
  std::atomic<std::uint64_t> closed_no_buffer{0};       ///< for holding most when buffers ran out
  std::atomic<std::uint64_t> closed_stalled{0};         ///< for taking nothing of their replies
  std::atomic<std::uint64_t> closed_handshake{0};       ///< for not speaking TLS as they should
  std::atomic<std::uint64_t> input_bytes{0};
  std::atomic<std::uint64_t> output_bytes{0};
};

}  // namespace ullage::server
