// One thread that serves clients: it reads what they send, runs it where it was read, and sends the
// replies of everything that came together in one piece.
//
// A client that does not read its replies may send more for a while, as clients do that write a
// long pipeline before they read. Past a bound it is not read any more until it has taken some, and
// when it takes nothing for a time, or buffers run out and it holds most of them, it is closed.
#pragma once

#include "command/dispatcher.h"
#include "resp/request.h"
#include "resp/request_parser.h"
#include "server/buffer_pool.h"
#include "server/connection.h"
#include "server/connection_memory.h"
#include "server/counters.h"
#include "server/listener.h"
#include "server/mailbox.h"
#include "server/poller.h"
#include "server/reply_buffer.h"
#include "server/round_times.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::server {

class IoThread;

/// What all threads of a server share.
struct Shared {
  command::Dispatcher& dispatcher;
  command::Services& services;
  BufferPool& pool;
  ConnectionPool& connection_pool;
  Counters& counters;
  resp::RequestParser::Limits parser_limits;
  std::size_t output_high_bytes;  ///< of one client: past it, it is not read any more
  std::size_t posted_high_bytes;  ///< of pushes that a thread has not seen yet
  std::int64_t stall_timeout_ms;  ///< a client that takes no byte of its replies for so long goes
  std::vector<IoThread*> threads{};             ///< all, before the first runs
  std::atomic<std::int64_t> idle_timeout_s{0};  ///< 0: clients may be idle for ever
};

class IoThread {
 public:
  explicit IoThread(Shared& shared);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  /// Serves until stop(). Runs on the thread that is to be this one.
  void run();

  // --- from any thread ---

  /// Takes a client over.
  void adopt(Arrival arrival, std::uint64_t id);
  void close_client(std::uint64_t id);
  /// Closes a client whose messages found no room.
  void close_flooded(std::uint64_t id);
  /// Sends bytes to a client between two of its replies; false if more wait than there is room for.
  [[nodiscard]] bool push(std::uint64_t id, std::shared_ptr<const std::string> bytes);
  /// Buffers have run out: closes the client that holds most.
  void ask_to_shed();
  /// A pause has ended before its time.
  void resume();
  /// Whether run() has come to its end.
  [[nodiscard]] bool has_ended() const noexcept { return ended_.load(std::memory_order_acquire); }
  /// Ends run(): clients get the replies that are under way, for `drain_ms` at most.
  void stop(int drain_ms);
  [[nodiscard]] RoundTimes& round_times() noexcept { return round_times_; }
  [[nodiscard]] std::size_t connections() const noexcept {
    return connection_count_.load(std::memory_order_relaxed);
  }

  // --- from a Connection, on this thread ---

  void ready(Connection& connection, std::uint32_t events);

 private:
  static constexpr std::size_t k_read_bytes = 64 * 1024;
  static constexpr std::size_t k_batch_requests = 128;
  static constexpr std::size_t k_batch_args = 16 * 1024;  // a batch that has so many is run
  static constexpr std::size_t k_flush_bytes = ReplyBuffer::k_own_bytes / 2;
  static constexpr std::size_t k_posted_overhead_bytes = 128;
  // A rest up to this size is copied to the thread's own buffer rather than read behind in place.
  static constexpr std::size_t k_copied_rest_bytes = k_read_bytes / 4;

  void open(Arrival arrival, std::uint64_t id);
  void close(Connection& connection);
  /// The same once it has all its replies, so that it can read the last of them.
  void close_in_peace(Connection& connection);
  void read(Connection& connection);
  void read_what_is_left(Connection& connection);
  /// Runs the requests in `bytes`, whose first belong to what came before; keeps what is left over.
  void process(Connection& connection, std::string_view bytes);
  /// Takes requests from `parsed` on into the batch, and moves it behind them.
  resp::RequestParser::Status parse(Connection& connection, std::string_view bytes,
                                    std::size_t& parsed);
  enum class Ran : std::uint8_t { all, waits, closed };
  /// Runs the batch; `next` becomes the request to go on with.
  Ran run_batch(Connection& connection, std::size_t& next);
  /// Sends what has gathered; keeps what does not go out. False if the connection is closed.
  bool flush(Connection& connection);
  bool send(Connection& connection, ReplyBuffer& replies);
  bool keep_output(Connection& connection, ReplyBuffer& replies, std::size_t sent);
  void send_rest(Connection& connection);
  /// Lets the poller watch for what the connection waits for now.
  void watch_as_needed(Connection& connection);
  [[nodiscard]] bool is_behind(const Connection& connection) const noexcept;
  bool keep_input(Connection& connection, std::string_view rest);
  /// What it sent waits in its input: runs it, as far as it is whole.
  void process_kept(Connection& connection);
  void append_output(Connection& connection, std::string_view bytes);
  void end_pause();
  /// A round for each client whose command is unfinished.
  void go_on();
  void finish(Connection& connection);
  template <class Predicate>
  std::size_t close_if(Predicate predicate);
  void close_idle();
  void close_stalled();
  [[nodiscard]] int poll_timeout_ms() const;
  [[nodiscard]] Connection* find(std::uint64_t id) noexcept;
  /// A block, at the price of the clients that hold most; empty if even that does not help.
  Block take_block(std::size_t bytes);
  [[nodiscard]] Connection* largest_holder();
  void drain();

  Shared& shared_;
  Poller poller_;
  Mailbox mailbox_;
  command::CommandCounts& counts_;
  command::GroupCalls& group_calls_;
  RoundTimes round_times_;
  std::unordered_map<std::uint64_t, ConnectionPtr> connections_;
  std::vector<ConnectionPtr> dead_;
  std::atomic<std::size_t> connection_count_{0};
  std::unique_ptr<char[]> read_buffer_;
  ReplyBuffer replies_;
  const Connection* served_ = nullptr;  // whose turn it is: never closed for its buffers
  resp::RequestBatch batch_;
  std::array<std::size_t, k_batch_requests> request_ends_{};
  std::size_t behind_count_ = 0;           // connections with output that does not go out
  std::vector<std::uint64_t> unfinished_;  // clients whose command goes on in the next round
  std::vector<std::uint64_t> paused_;  // clients whose next command waits for the end of a pause
  std::atomic<std::size_t> posted_bytes_{0};  // to clients, by push()
  std::atomic<bool> ended_{false};
  bool stopping_ = false;
  int drain_ms_ = 0;
};

}  // namespace ullage::server
