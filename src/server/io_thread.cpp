#include "server/io_thread.h"

#include "command/long_work.h"
#include "resp/reply.h"
#include "server/remote_client.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace ullage::server {

void Connection::on_ready(std::uint32_t events) {
  thread.ready(*this, events);
}

IoThread::IoThread(Shared& shared)
    : shared_(shared),
      mailbox_(poller_),
      counts_(shared.services.command_stats.open(shared.services.table.size())),
      group_calls_(shared.services.group_calls.open()),
      read_buffer_(new char[k_read_bytes]),
      replies_(shared.pool, [this](std::size_t bytes) { return take_block(bytes); }) {}

IoThread::~IoThread() {
  for (const auto& [id, connection] : connections_)
    poller_.remove(connection->channel.descriptor());
}

void IoThread::run() {
  while (!stopping_) {
    const int ready = poller_.wait(poll_timeout_ms());
    const std::int64_t began_ns = RoundTimes::now_ns();
    poller_.dispatch(ready);
    dead_.clear();
    if (!paused_.empty()) end_pause();
    if (!unfinished_.empty()) go_on();
    if (shared_.idle_timeout_s.load(std::memory_order_relaxed) != 0) close_idle();
    if (behind_count_ != 0) close_stalled();
    round_times_.add(RoundTimes::now_ns() - began_ns);
  }
  drain();
  ended_.store(true, std::memory_order_release);
}

int IoThread::poll_timeout_ms() const {
  constexpr int k_idle_check_ms = 1000;
  if (!unfinished_.empty()) return 0;
  int timeout_ms = -1;
  if (shared_.idle_timeout_s.load(std::memory_order_relaxed) != 0 || behind_count_ != 0)
    timeout_ms = k_idle_check_ms;
  if (!paused_.empty()) {
    const std::int64_t left =
        shared_.services.pause.until_ms() - shared_.services.clock.running_ms();
    const auto pause_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, k_idle_check_ms));
    timeout_ms = timeout_ms < 0 ? pause_ms : std::min(timeout_ms, pause_ms);
  }
  return timeout_ms;
}

Connection* IoThread::find(std::uint64_t id) noexcept {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

// --- from any thread ---

void IoThread::adopt(Arrival arrival, std::uint64_t id) {
  // A task can be copied, an arrival cannot.
  auto shared = std::make_shared<Arrival>(std::move(arrival));
  mailbox_.post([this, shared, id] { open(std::move(*shared), id); });
}

void IoThread::close_client(std::uint64_t id) {
  mailbox_.post([this, id] {
    if (Connection* connection = find(id)) close(*connection);
  });
}

bool IoThread::push(std::uint64_t id, std::shared_ptr<const std::string> bytes) {
  // What waits in the mailbox lies outside the pool, and has a bound of its own.
  const std::size_t size = bytes->size() + k_posted_overhead_bytes;
  if (posted_bytes_.fetch_add(size, std::memory_order_relaxed) > shared_.posted_high_bytes) {
    posted_bytes_.fetch_sub(size, std::memory_order_relaxed);
    return false;
  }
  mailbox_.post([this, id, size, bytes = std::move(bytes)] {
    posted_bytes_.fetch_sub(size, std::memory_order_relaxed);
    if (Connection* connection = find(id)) append_output(*connection, *bytes);
  });
  return true;
}

void IoThread::close_flooded(std::uint64_t id) {
  shared_.counters.closed_no_buffer.fetch_add(1, std::memory_order_relaxed);
  close_client(id);
}

void IoThread::resume() {
  mailbox_.post([] {});  // looked at after every round
}

void IoThread::stop(int drain_ms) {
  mailbox_.post([this, drain_ms] {
    stopping_ = true;
    drain_ms_ = drain_ms;
  });
}

void IoThread::open(Arrival arrival, std::uint64_t id) {
  ConnectionPtr connection =
      make_connection(shared_.connection_pool, *this, id, std::move(arrival.channel));
  connection->interest = EPOLLIN;
  if (stopping_ || !poller_.add(connection->channel.descriptor(), EPOLLIN, *connection)) {
    shared_.counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  connection->session.can_wait = true;
  connection->session.counts = &counts_;
  connection->session.group_calls = &group_calls_;
  connection->session.client = std::make_shared<RemoteClient>(*this, id, std::move(arrival.address),
                                                              std::move(arrival.local_address),
                                                              shared_.services.clock.running_ms());
  shared_.services.clients.add(connection->session.client);
  connections_.emplace(id, std::move(connection));
  connection_count_.store(connections_.size(), std::memory_order_relaxed);
}

void IoThread::close(Connection& connection) {
  if (connection.dead) return;
  connection.dead = true;
  if (!connection.output.empty()) --behind_count_;
  poller_.remove(connection.channel.descriptor());
  connection.input.reset();
  connection.output.clear();
  connection.long_reply.reset();
  connection.session.unfinished.reset();
  shared_.services.clients.remove(connection.id);
  const auto found = connections_.find(connection.id);
  dead_.push_back(std::move(found->second));
  connections_.erase(found);
  connection_count_.store(connections_.size(), std::memory_order_relaxed);
  shared_.counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
}

void IoThread::close_in_peace(Connection& connection) {
  connection.channel.finish_writing();
  connection.channel.discard_input();
  close(connection);
}

template <class Predicate>
std::size_t IoThread::close_if(Predicate predicate) {
  std::vector<Connection*> found;
  for (const auto& [id, connection] : connections_) {
    if (predicate(*connection)) found.push_back(connection.get());
  }
  for (Connection* connection : found)
    close(*connection);
  dead_.clear();
  return found.size();
}

void IoThread::close_idle() {
  const std::int64_t since_ms = shared_.services.clock.running_ms() -
                                shared_.idle_timeout_s.load(std::memory_order_relaxed) * 1000;
  close_if([&](const Connection& connection) {
    return !connection.session.unfinished &&
           connection.session.client->active_ms.load(std::memory_order_relaxed) < since_ms;
  });
}

void IoThread::close_stalled() {
  const std::int64_t since_ms = shared_.services.clock.running_ms() - shared_.stall_timeout_ms;
  const std::size_t closed = close_if([&](const Connection& connection) {
    return !connection.output.empty() && connection.output_moved_ms < since_ms;
  });
  shared_.counters.closed_stalled.fetch_add(closed, std::memory_order_relaxed);
}

void IoThread::end_pause() {
  if (shared_.services.clock.running_ms() < shared_.services.pause.until_ms()) return;
  std::vector<std::uint64_t> paused;
  paused.swap(paused_);
  for (const std::uint64_t id : paused) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    connection->session.paused = false;
    process_kept(*connection);
    if (!connection->dead) watch_as_needed(*connection);
    read_what_is_left(*connection);
  }
  dead_.clear();
}

void IoThread::go_on() {
  std::vector<std::uint64_t> clients;
  clients.swap(unfinished_);
  for (const std::uint64_t id : clients) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    served_ = connection;
    resp::Reply reply(*connection->long_reply, connection->session.protocol);
    if (connection->session.unfinished->step(shared_.services, connection->session, reply)) {
      finish(*connection);
    } else {
      unfinished_.push_back(id);
    }
  }
  dead_.clear();
}

// Its whole reply goes out, and then what the client has asked since.
void IoThread::finish(Connection& connection) {
  const std::unique_ptr<ReplyBuffer> reply = std::move(connection.long_reply);
  const auto work = std::move(connection.session.unfinished);
  if (!work->is_silent) {
    if (!send(connection, *reply)) return;
  }
  if (connection.session.closing && connection.output.empty()) return close_in_peace(connection);
  process_kept(connection);
  if (!connection.dead) watch_as_needed(connection);
  read_what_is_left(connection);
}

// Replies that are under way still go out; nothing is read any more.
void IoThread::drain() {
  using Time = std::chrono::steady_clock;
  const auto end = Time::now() + std::chrono::milliseconds(drain_ms_);
  close_if([](Connection& connection) {
    const bool is_done = connection.output.empty() && !connection.session.unfinished;
    if (is_done) connection.channel.discard_input();
    return is_done;
  });
  for (const auto& [id, connection] : connections_)
    connection->session.closing = true;
  while (!connections_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Time::now());
    if (left.count() <= 0) break;
    poller_.run_once(unfinished_.empty() ? static_cast<int>(left.count()) : 0);
    dead_.clear();
    if (!unfinished_.empty()) go_on();
  }
}

void IoThread::ready(Connection& connection, std::uint32_t events) {
  if (connection.dead) return;
  served_ = &connection;
  const bool reads_on = (events & EPOLLOUT) != 0 && connection.channel.read_wants_to_write();
  if ((events & EPOLLOUT) != 0 && !connection.output.empty()) {
    send_rest(connection);
    if (connection.dead) return;
  }
  if (((events & EPOLLIN) != 0 || reads_on) && (connection.interest & EPOLLIN) != 0)
    read(connection);
  if (!connection.dead) read_what_is_left(connection);
  if (connection.dead || (events & EPOLLIN) != 0) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) close(connection);
}

// What TLS has taken from the socket already, epoll does not know of.
void IoThread::read_what_is_left(Connection& connection) {
  while (!connection.dead && connection.channel.has_more() && (connection.interest & EPOLLIN) != 0)
    read(connection);
}

void IoThread::read(Connection& connection) {
  std::span<char> into(read_buffer_.get(), k_read_bytes);
  const std::size_t kept = connection.input_bytes;
  const bool in_place = kept > k_copied_rest_bytes;
  if (in_place) {
    // Room doubles as data arrives: what is only announced takes nothing.
    if (kept == connection.input.size() && !shared_.pool.extend(connection.input)) {
      Block larger = take_block(2 * kept);
      if (larger.empty()) return close(connection);
      std::memcpy(larger.data(), connection.input.data(), kept);
      connection.input = std::move(larger);
    }
    into = {connection.input.data(), connection.input.size()};
  }
  const auto [status, bytes] = connection.channel.read(into.subspan(kept));
  if (status == Channel::Status::would_block) return watch_as_needed(connection);
  if (status == Channel::Status::closed) {
    if (connection.channel.handshake_failed())
      shared_.counters.closed_handshake.fetch_add(1, std::memory_order_relaxed);
    return close(connection);
  }
  shared_.counters.input_bytes.fetch_add(bytes, std::memory_order_relaxed);
  connection.session.client->active_ms.store(shared_.services.clock.running_ms(),
                                             std::memory_order_relaxed);
  if (!in_place && kept != 0) {
    std::memcpy(into.data(), connection.input.data(), kept);
    connection.input.reset();
    connection.input_bytes = 0;
  }
  process(connection, {into.data(), kept + bytes});
}

resp::RequestParser::Status IoThread::parse(Connection& connection, std::string_view bytes,
                                            std::size_t& parsed) {
  resp::RequestParser::Limits limits = shared_.parser_limits;
  limits.stranger =
      !connection.session.user && shared_.services.acl.find("default")->needs_password();
  batch_.clear();
  auto status = resp::RequestParser::Status::parsed;
  while (batch_.size() < k_batch_requests && batch_.args() < k_batch_args &&
         parsed < bytes.size()) {
    const auto outcome = connection.parser.next(bytes.substr(parsed), limits, batch_);
    status = outcome.status;
    if (status != resp::RequestParser::Status::parsed) break;
    parsed += outcome.consumed;
    if (!batch_.empty()) request_ends_[batch_.size() - 1] = parsed;
  }
  return status;
}

// All of the batch, unless the client has to wait: for the end of a pause, or until it has taken
// some of its replies.
IoThread::Ran IoThread::run_batch(Connection& connection, std::size_t& next) {
  command::Session& session = connection.session;
  resp::Reply reply(replies_, session.protocol);
  next = 0;
  while (next < batch_.size()) {
    next = shared_.dispatcher.run(session, batch_, next, reply, k_flush_bytes);
    if ((next == batch_.size() && !session.unfinished) || session.closing) break;
    if (session.paused) {
      paused_.push_back(connection.id);
      return Ran::waits;
    }
    if (!flush(connection)) return Ran::closed;
    if (session.unfinished) {
      connection.long_reply = std::make_unique<ReplyBuffer>(
          shared_.pool, [this](std::size_t bytes) { return take_block(bytes); }, 0);
      unfinished_.push_back(connection.id);
      return Ran::waits;
    }
    if (is_behind(connection)) {
      connection.waits_for_output = true;
      return Ran::waits;
    }
  }
  return Ran::all;
}

void IoThread::process(Connection& connection, std::string_view bytes) {
  command::Session& session = connection.session;
  std::size_t done = 0;
  auto status = resp::RequestParser::Status::parsed;
  while (status == resp::RequestParser::Status::parsed && done < bytes.size() && !session.closing) {
    const std::size_t start = done;
    status = parse(connection, bytes, done);
    std::size_t next = 0;
    const Ran ran = run_batch(connection, next);
    if (ran == Ran::closed) return;
    if (ran == Ran::waits) {  // with what it has sent since; the parser is ahead of it
      connection.parser.restart();
      done = next == 0 ? start : request_ends_[next - 1];
      status = resp::RequestParser::Status::incomplete;
    }
  }
  if (status == resp::RequestParser::Status::malformed && !session.closing) {
    resp::Reply reply(replies_, session.protocol);
    reply.error("ERR " + connection.parser.error());
    session.closing = true;
    shared_.counters.closed_protocol_error.fetch_add(1, std::memory_order_relaxed);
  }
  if (!session.closing && !keep_input(connection, bytes.substr(done))) return close(connection);
  if (replies_.size() != 0 && !flush(connection)) return;
  if (session.closing && connection.output.empty()) return close_in_peace(connection);
  watch_as_needed(connection);
}

bool IoThread::keep_input(Connection& connection, std::string_view rest) {
  if (rest.empty()) {
    connection.input.reset();
    connection.input_bytes = 0;
    return true;
  }
  if (rest.data() == connection.input.data()) {  // read in place, and nothing of it is done
    connection.input_bytes = rest.size();
    return true;
  }
  Block block = take_block(rest.size());
  if (block.empty()) return false;
  std::memcpy(block.data(), rest.data(), rest.size());
  connection.input = std::move(block);
  connection.input_bytes = rest.size();
  return true;
}

bool IoThread::flush(Connection& connection) {
  return send(connection, replies_);
}

bool IoThread::send(Connection& connection, ReplyBuffer& replies) {
  std::size_t sent = 0;
  while (connection.output.empty() && sent < replies.size()) {
    const auto [status, bytes] = connection.channel.write(replies.view().substr(sent));
    if (status == Channel::Status::closed) {
      replies.clear();
      close(connection);
      return false;
    }
    if (status == Channel::Status::would_block) break;
    sent += bytes;
  }
  shared_.counters.output_bytes.fetch_add(sent, std::memory_order_relaxed);
  const bool kept = sent == replies.size() || keep_output(connection, replies, sent);
  replies.clear();
  if (!kept) close(connection);
  return kept;
}

bool IoThread::keep_output(Connection& connection, ReplyBuffer& replies, std::size_t sent) {
  const bool was_empty = connection.output.empty();
  if (was_empty && replies.is_mostly_from(sent)) {
    // No copy: the block of the replies is mostly this already.
    const std::size_t end = replies.size();
    connection.output.adopt(replies.release(), sent, end);
  } else if (!connection.output.append(replies.view().substr(sent), shared_.pool,
                                       [this](std::size_t bytes) { return take_block(bytes); })) {
    return false;
  }
  if (was_empty) {
    ++behind_count_;
    connection.output_moved_ms = shared_.services.clock.running_ms();
  }
  watch_as_needed(connection);
  return true;
}

bool IoThread::is_behind(const Connection& connection) const noexcept {
  return connection.output.size() > shared_.output_high_bytes;
}

void IoThread::watch_as_needed(Connection& connection) {
  std::uint32_t events = 0;
  if (!connection.output.empty() || connection.channel.read_wants_to_write()) events |= EPOLLOUT;
  const bool reads = !connection.waits_for_output && !connection.session.paused &&
                     !connection.session.unfinished && !connection.session.closing &&
                     !is_behind(connection);
  if (reads) events |= EPOLLIN;
  if (connection.interest == events) return;
  connection.interest = events;
  poller_.change(connection.channel.descriptor(), events, connection);
}

void IoThread::send_rest(Connection& connection) {
  const auto [status, bytes] = connection.channel.write(connection.output.view());
  if (status == Channel::Status::would_block) return;
  if (status == Channel::Status::closed) return close(connection);
  shared_.counters.output_bytes.fetch_add(bytes, std::memory_order_relaxed);
  connection.output_moved_ms = shared_.services.clock.running_ms();
  connection.output.consume(bytes);
  if (connection.output.empty()) {
    --behind_count_;
    if (connection.session.closing) return close_in_peace(connection);
  }
  if (connection.waits_for_output && connection.output.size() <= shared_.output_high_bytes / 2) {
    connection.waits_for_output = false;
    process_kept(connection);
  }
  if (!connection.dead) watch_as_needed(connection);
}

void IoThread::process_kept(Connection& connection) {
  served_ = &connection;
  const Block input = std::move(connection.input);
  const std::size_t waiting = std::exchange(connection.input_bytes, 0);
  if (waiting != 0) process(connection, {input.data(), waiting});
}

// What nobody asked for has less room than replies: who falls behind is closed.
void IoThread::append_output(Connection& connection, std::string_view bytes) {
  served_ = &connection;
  if (is_behind(connection)) {
    shared_.counters.closed_no_buffer.fetch_add(1, std::memory_order_relaxed);
    return close(connection);
  }
  replies_.append(bytes);
  flush(connection);
}

Connection* IoThread::largest_holder() {
  Connection* largest = nullptr;
  for (const auto& [id, connection] : connections_) {
    if (connection.get() == served_) continue;
    if (largest == nullptr || connection->held_bytes() > largest->held_bytes())
      largest = connection.get();
  }
  return largest;
}

Block IoThread::take_block(std::size_t bytes) {
  for (;;) {
    Block block = shared_.pool.take(bytes);
    if (!block.empty()) return block;
    shared_.counters.closed_no_buffer.fetch_add(1, std::memory_order_relaxed);
    Connection* largest = largest_holder();
    if (largest == nullptr || largest->held_bytes() < bytes) {
      // Those that hold most may be others' clients: who comes next finds room.
      for (IoThread* thread : shared_.threads) {
        if (thread != this) thread->ask_to_shed();
      }
      return {};
    }
    close(*largest);
  }
}

void IoThread::ask_to_shed() {
  mailbox_.post([this] {
    served_ = nullptr;
    Connection* largest = largest_holder();
    if (largest == nullptr || largest->held_bytes() < BufferPool::k_small_bytes ||
        !shared_.pool.is_scarce())
      return;
    shared_.counters.closed_no_buffer.fetch_add(1, std::memory_order_relaxed);
    close(*largest);
  });
}

}  // namespace ullage::server
