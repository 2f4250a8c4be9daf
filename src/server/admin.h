// The admin port: HTTP for probes, and for what people ask a running server. On the thread that
// takes clients.
//
//   GET /healthz   200 while the process answers at all
//   GET /readyz    200 while clients are taken, 503 once it is stopping
//   all else       AdminPages
//
// Who asks: /metrics and the probes answer anybody. All else answers clients of this machine, and
// those that show the token (Authorization: Bearer TOKEN); what changes what the server does wants
// the token from everybody. Whoever comes through a proxy comes from elsewhere, and no page of
// another site gets anything out of a browser.
//
// Bounded: a request has k_request_max_bytes. Of more than k_connections_max at a time one goes:
// who has had his answer, else who has said nothing yet, else who is slow to take it; a page in the
// making never does. Who neither sends nor takes anything for k_idle_ms goes too, and who takes
// less than k_rate_least. k_pages_max pages are in the making at a time, each in steps between
// which probes are served. One request a connection.
#pragma once

#include "command/clock.h"
#include "server/admin_page.h"
#include "server/channel.h"
#include "server/event_handler.h"
#include "server/poller.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ullage::server {

class Admin {
 public:
  static constexpr std::size_t k_connections_max = 32;
  static constexpr std::size_t k_request_max_bytes = 8192;

  static constexpr std::size_t k_pages_max = 4;
  static_assert(k_pages_max < k_connections_max, "somebody can always go");
  static constexpr std::int64_t k_idle_ms = 30'000;
  static constexpr std::size_t k_rate_least = 32'768;  ///< bytes a second of an answer

  /// `pages` outlives it.
  Admin(Poller& poller, const command::CommandClock& clock, AdminPages& pages) noexcept;
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  /// What a listener is for.
  enum class Scope : std::uint8_t { all, probes };
  struct Peer {
    Scope scope = Scope::all;
    bool is_local = false;  ///< on this machine
    bool is_unix = false;   ///< over a socket that has no address: nobody's name leads there
  };
  void accept(Channel channel, Peer peer);
  /// Empty: there is none, and nobody has it.
  void set_token(std::string token) { token_ = std::move(token); }
  void set_ready(bool ready) noexcept { ready_ = ready; }
  /// After each round of the poller: ends what was closed in it, and goes on with pages.
  void after_round();
  /// How long the poller may wait at most; -1: for ever.
  [[nodiscard]] int poll_timeout_ms() const noexcept;

 private:
  class Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  void close(Connection& connection) noexcept;
  /// What a request gets: text that is ready to be sent, or a page in the making. None if more of
  /// the request must come.
  struct Answer {
    std::string head{};
    std::string body{};
    std::unique_ptr<AdminPage> page{};
  };
  [[nodiscard]] std::optional<Answer> answer(std::string_view request, Peer peer);
  void make_room() noexcept;
  [[nodiscard]] bool is_token(std::string_view authorization) const;

  Poller& poller_;
  const command::CommandClock& clock_;
  AdminPages& pages_;
  std::size_t pages_in_making_ = 0;
  bool ready_ = true;
  std::string token_;
  Connections connections_;  // the oldest first
  Connections dead_;         // closed, and kept until the round is over
};

}  // namespace ullage::server
