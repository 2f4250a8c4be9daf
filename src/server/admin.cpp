#include "server/admin.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <sstream>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/crypto.h>

namespace ullage::server {

namespace {

namespace http = boost::beast::http;
using Response = http::response<http::string_body>;

/// Only names that no name server gives out are ours.
bool is_our_host(std::string_view host) {
  if (host.starts_with('[')) return true;  // an IPv6 address
  const std::string_view name = host.substr(0, host.rfind(':'));
  if (name == "localhost") return true;
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

Response response_of(AdminResponse answer) {
  Response response(static_cast<http::status>(answer.status), 11);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!answer.file_name.empty()) {
    response.set(http::field::content_disposition,
                 "attachment; filename=\"" + answer.file_name + "\"");
  }
  response.keep_alive(false);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

Response response(http::status status, std::string text) {
  return response_of({.status = static_cast<unsigned>(status), .body = std::move(text)});
}

using Request = http::request<http::string_body>;

bool is_for_anybody(std::string_view path) noexcept {
  return path == "/healthz" || path == "/readyz" || path == "/metrics";
}

std::string_view path_of(const Request& request) {
  const std::string_view target = request.target();
  return target.substr(0, target.find('?'));
}

std::string_view field_of(const Request& request, http::field field) {
  const auto found = request.find(field);
  return found == request.end() ? std::string_view() : std::string_view(found->value());
}

/// What is answered without a page; none: the page is to be opened.
std::optional<Response> answered_at_once(const Request& request, bool ready) {
  const std::string_view path = path_of(request);
  const bool is_read = request.method() == http::verb::get || request.method() == http::verb::head;
  if (!is_read && (request.method() != http::verb::post || is_for_anybody(path))) {
    Response refused = response(http::status::method_not_allowed, "GET or HEAD\n");
    refused.set(http::field::allow, "GET, HEAD");
    return refused;
  }
  if (path == "/healthz") return response(http::status::ok, "ok\n");
  if (path == "/readyz") {
    return ready ? response(http::status::ok, "ready\n")
                 : response(http::status::service_unavailable, "stopping\n");
  }
  // Probes and Prometheus come by any name. All else is for those who know where they are: a
  // browser that was led here by a stranger's name says that name.
  if (path == "/metrics") return std::nullopt;
  const std::string_view host = field_of(request, http::field::host);
  if (!host.empty() && !is_our_host(host))
    return response(http::status::forbidden, "ask for this server by its address\n");
  return std::nullopt;
}

std::string text_of(Response message, bool without_body) {
  std::ostringstream text;
  if (without_body) {
    text << message.base();
  } else {
    text << message;
  }
  return text.str();
}

}  // namespace

class Admin::Connection final : public EventHandler {
 public:
  Connection(Admin& admin, Channel channel, Peer peer) noexcept
      : admin_(admin),
        channel_(std::move(channel)),
        peer_(peer),
        last_progress_ms_(admin.clock_.running_ms()) {}
  ~Connection() override {
    if (is_making_a_page()) --admin_.pages_in_making_;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_ready(std::uint32_t events) override {
    if (is_dead) return;
    if ((events & EPOLLIN) != 0) return read();
    if ((events & EPOLLOUT) != 0) return write();
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) admin_.close(*this);
  }
  [[nodiscard]] int descriptor() const noexcept { return channel_.descriptor(); }
  [[nodiscard]] bool is_making_a_page() const noexcept { return page_ != nullptr && !is_made_; }
  [[nodiscard]] std::int64_t wait_ms() const { return page_->wait_ms(); }
  void go_on() {
    if (page_->wait_ms() > 0 || !page_->step()) return;
    answer_ = text_of(response_of(page_->response()), false);
    is_made_ = true;
    --admin_.pages_in_making_;
    last_progress_ms_ = admin_.clock_.running_ms();
    write();
  }
  [[nodiscard]] bool is_idle(std::int64_t now_ms) const noexcept {
    return !is_making_a_page() && now_ms - last_progress_ms_ >= k_idle_ms;
  }

  bool is_dead = false;

 private:
  void read() {
    std::array<char, 2048> bytes;
    const auto [status, count] = channel_.read(bytes);
    if (status == Channel::Status::would_block) return;
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (!answer_.empty()) return;  // it has its answer, and is read to its end
    if (page_) return;
    last_progress_ms_ = admin_.clock_.running_ms();
    request_.append(bytes.data(), count);
    std::optional<Answer> answer = admin_.answer(request_, peer_);
    if (!answer) return;
    page_ = std::move(answer->page);
    if (page_) return;
    answer_ = std::move(answer->text);
    write();
  }
  void write() {
    const auto [status, count] = channel_.write(std::string_view(answer_).substr(sent_));
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (status == Channel::Status::done) {
      sent_ += count;
      last_progress_ms_ = admin_.clock_.running_ms();
    }
    if (sent_ < answer_.size())
      return admin_.poller_.change(descriptor(), EPOLLIN | EPOLLOUT, *this);
    if (is_made_) page_.reset();
    // Closed once the client has closed: at once, what it still sends would cost it the answer.
    channel_.finish_writing();
    admin_.poller_.change(descriptor(), EPOLLIN, *this);
  }

  Admin& admin_;
  Channel channel_;
  const Peer peer_;
  std::string request_;
  std::string answer_;
  std::size_t sent_ = 0;
  std::unique_ptr<AdminPage> page_;  // stays until its answer is sent: it holds the bytes for both
  bool is_made_ = false;
  std::int64_t last_progress_ms_;
};

Admin::Admin(Poller& poller, const command::CommandClock& clock, AdminPages& pages) noexcept
    : poller_(poller), clock_(clock), pages_(pages) {}
Admin::~Admin() = default;

void Admin::after_round() {
  const std::int64_t now_ms = clock_.running_ms();
  for (auto one = connections_.begin(); one != connections_.end();) {
    Connection& connection = **one++;  // it may be closed
    if (connection.is_making_a_page()) {
      connection.go_on();
    } else if (connection.is_idle(now_ms)) {
      close(connection);
    }
  }
  dead_.clear();
}

int Admin::poll_timeout_ms() const noexcept {
  constexpr int k_look_for_idle_ms = 1000;
  if (connections_.empty()) return -1;
  std::int64_t wait_ms = k_look_for_idle_ms;
  for (const auto& connection : connections_) {
    if (connection->is_making_a_page()) wait_ms = std::min(wait_ms, connection->wait_ms());
  }
  return static_cast<int>(std::max<std::int64_t>(wait_ms, 0));
}

void Admin::accept(Channel channel, Peer peer) {
  if (connections_.size() == k_connections_max) close(*connections_.front());
  auto connection = std::make_unique<Connection>(*this, std::move(channel), peer);
  if (!poller_.add(connection->descriptor(), EPOLLIN, *connection)) return;
  connections_.push_back(std::move(connection));
}

void Admin::close(Connection& connection) noexcept {
  if (connection.is_dead) return;
  connection.is_dead = true;
  poller_.remove(connection.descriptor());
  const auto at = std::find_if(connections_.begin(), connections_.end(),
                               [&](const auto& one) { return one.get() == &connection; });
  dead_.splice(dead_.end(), connections_, at);
}

bool Admin::is_token(std::string_view authorization) const {
  constexpr std::string_view k_bearer = "Bearer ";
  if (token_.empty() || !authorization.starts_with(k_bearer)) return false;
  const std::string_view shown = authorization.substr(k_bearer.size());
  // In a time that does not tell how much of it is right; its length is no secret.
  return shown.size() == token_.size() &&
         ::CRYPTO_memcmp(shown.data(), token_.data(), token_.size()) == 0;
}

std::optional<Admin::Answer> Admin::answer(std::string_view request, Peer peer) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(k_request_max_bytes);
  parser.body_limit(k_request_max_bytes);
  parser.eager(true);
  boost::beast::error_code failed;
  parser.put(boost::asio::buffer(request.data(), request.size()), failed);
  const bool is_too_long =
      request.size() > k_request_max_bytes || failed == http::error::body_limit;
  const auto at_once = [](http::status status, std::string text) {
    return Answer{.text = text_of(response(status, std::move(text)), false)};
  };
  if (failed == http::error::need_more && !is_too_long) return std::nullopt;
  if (is_too_long || failed == http::error::header_limit) {
    return at_once(http::status::request_header_fields_too_large,
                   "a request has " + std::to_string(k_request_max_bytes) + " bytes at most\n");
  }
  if (failed) return at_once(http::status::bad_request, "this is no HTTP request\n");
  if (!parser.is_done()) return std::nullopt;
  const Request& message = parser.get();
  const bool is_head = message.method() == http::verb::head;
  const std::string_view path = path_of(message);
  if (peer.scope != Scope::all && is_for_anybody(path) != (peer.scope == Scope::probes)) {
    return at_once(http::status::not_found, "that is served on another port: see --debug-port\n");
  }
  if (auto response = answered_at_once(message, ready_))
    return Answer{.text = text_of(std::move(*response), is_head)};

  const bool is_authorized = is_token(field_of(message, http::field::authorization));
  if (!is_for_anybody(path) && !peer.is_local && !is_authorized) {
    return at_once(http::status::unauthorized,
                   "from another machine the token is needed that --admin-token sets: "
                   "Authorization: Bearer TOKEN\n");
  }
  const std::string_view target = message.target();
  const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
  AdminAnswer opened = pages_.open({.is_post = message.method() == http::verb::post,
                                    .is_authorized = is_authorized,
                                    .path = path,
                                    .query = query,
                                    .accept = field_of(message, http::field::accept),
                                    .body = message.body()});
  if (auto* ready = std::get_if<AdminResponse>(&opened))
    return Answer{.text = text_of(response_of(std::move(*ready)), is_head)};
  if (pages_in_making_ >= k_pages_max) {
    return Answer{.text = text_of(response(http::status::service_unavailable,
                                           "other pages are in the making: try again\n"),
                                  is_head)};
  }
  if (is_head) {
    Response head = response_of({.content_type = "application/octet-stream", .body = {}});
    head.erase(http::field::content_length);  // nobody knows before it is made
    return Answer{.text = text_of(std::move(head), true)};
  }
  ++pages_in_making_;
  return Answer{.page = std::move(std::get<std::unique_ptr<AdminPage>>(opened))};
}

}  // namespace ullage::server
