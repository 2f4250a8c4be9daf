// What the server keeps for one client. Belongs to one thread.
#pragma once

#include "command/session.h"
#include "resp/request_parser.h"
#include "server/buffer_pool.h"
#include "server/channel.h"
#include "server/event_handler.h"
#include "server/pending_output.h"
#include "server/reply_buffer.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace ullage::server {

class IoThread;

/// An idle connection holds no buffer: what it has sent lies in the thread's, what it gets is sent
/// before anything else is read. Only the rest of either stays with it, in blocks of the pool.
struct Connection final : EventHandler {
  Connection(IoThread& thread_in, std::uint64_t id_in, Channel channel_in) noexcept
      : thread(thread_in), id(id_in), channel(std::move(channel_in)) {}

  void on_ready(std::uint32_t events) override;

  /// Bytes of the pool that it holds.
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    return input.size() + output.held_bytes() + (long_reply ? long_reply->held_bytes() : 0);
  }

  IoThread& thread;
  const std::uint64_t id;
  Channel channel;
  command::Session session;
  resp::RequestParser parser;
  Block input;  // the start of a request, or requests that wait until the output is sent
  std::size_t input_bytes = 0;
  PendingOutput output;
  std::unique_ptr<ReplyBuffer> long_reply;  // of session.unfinished
  std::int64_t output_moved_ms = 0;         // when the client last read some of it
  bool waits_for_output = false;  // whole requests are in `input` until `output` is smaller
  std::uint32_t interest = 0;     // what the poller watches for
  bool dead = false;              // closed, and kept until the round is over
};

}  // namespace ullage::server
