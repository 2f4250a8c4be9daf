#include "server/admin.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <sstream>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/crypto.h>

namespace ullage::server {

namespace {

namespace http = boost::beast::http;

/// Only names that no name server gives out are ours.
bool is_our_host(std::string_view host) {
  if (host.starts_with('[')) return true;  // an IPv6 address
  const std::string_view name = host.substr(0, host.rfind(':'));
  if (name == "localhost") return true;
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// The lines in front of a body of so many bytes; none: nobody knows how many.
std::string head_of(const AdminResponse& answer, std::optional<std::size_t> body_bytes) {
  http::response<http::empty_body> response(static_cast<http::status>(answer.status), 11);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (!answer.file_name.empty()) {
    response.set(http::field::content_disposition,
                 "attachment; filename=\"" + answer.file_name + "\"");
  }
  if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(false);
  if (body_bytes) response.content_length(*body_bytes);
  std::ostringstream text;
  text << response.base();
  return text.str();
}

AdminResponse response(http::status status, std::string text) {
  return {.status = static_cast<unsigned>(status), .body = std::move(text)};
}

using Request = http::request<http::string_body>;

bool is_for_anybody(std::string_view path) noexcept {
  return path == "/healthz" || path == "/readyz" || path == "/metrics";
}

std::string_view path_of(const Request& request) {
  const std::string_view target = request.target();
  return target.substr(0, target.find('?'));
}

AdminRequest::Method method_of(const Request& request) {
  using Method = AdminRequest::Method;
  if (request.method() == http::verb::post) return Method::post;
  return request.method() == http::verb::delete_ ? Method::remove : Method::read;
}

template <class Name>
std::string_view field_of(const Request& request, Name field) {
  const auto found = request.find(field);
  return found == request.end() ? std::string_view() : std::string_view(found->value());
}

/// What is answered without a page; none: the page is to be opened.
std::optional<AdminResponse> answered_at_once(const Request& request, bool ready) {
  const std::string_view path = path_of(request);
  const bool is_read = request.method() == http::verb::get || request.method() == http::verb::head;
  const bool is_change = (request.method() == http::verb::post && !is_for_anybody(path)) ||
                         (request.method() == http::verb::delete_ && path.starts_with("/api/"));
  if (!is_read && !is_change) return response(http::status::method_not_allowed, "GET or HEAD\n");
  if (path == "/healthz") return response(http::status::ok, "ok\n");
  if (path != "/readyz") return std::nullopt;
  return ready ? response(http::status::ok, "ready\n")
               : response(http::status::service_unavailable, "stopping\n");
}

/// Probes and Prometheus come by any name. All else is for those who know where they are: a browser
/// that was led here by a stranger's name says that name, or whose page it shows.
bool is_led_here(const Request& request) {
  const std::string_view host = field_of(request, http::field::host);
  if (!host.empty() && !is_our_host(host)) return true;
  const std::string_view site = field_of(request, "Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  const std::string_view origin = field_of(request, http::field::origin);
  constexpr std::string_view k_http = "http://";
  return !origin.empty() && !(origin.starts_with(k_http) && origin.substr(k_http.size()) == host);
}

/// A proxy says that somebody else asks, who may be anywhere.
bool is_passed_on(const Request& request) {
  return request.find("X-Forwarded-For") != request.end() ||
         request.find(http::field::forwarded) != request.end() ||
         request.find("X-Real-IP") != request.end();
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
    AdminResponse response = page_->response();
    is_made_ = true;
    --admin_.pages_in_making_;
    answer({.head = head_of(response, response.body.size()), .body = std::move(response.body)});
  }
  [[nodiscard]] bool is_idle(std::int64_t now_ms) const noexcept {
    if (is_making_a_page()) return false;
    return now_ms - last_progress_ms_ >= k_idle_ms || (is_answered() && now_ms >= send_until_ms_);
  }
  [[nodiscard]] bool is_answered() const noexcept { return !head_.empty(); }
  [[nodiscard]] bool is_done() const noexcept {
    return is_answered() && sent_ == head_.size() + body_.size();
  }

  bool is_dead = false;

 private:
  void read() {
    std::array<char, 2048> bytes;
    const auto [status, count] = channel_.read(bytes);
    if (status == Channel::Status::would_block) return;
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (is_answered()) return;  // it is read to its end
    if (page_) return;
    last_progress_ms_ = admin_.clock_.running_ms();
    request_.append(bytes.data(), count);
    std::optional<Answer> answered = admin_.answer(request_, peer_);
    if (!answered) return;
    page_ = std::move(answered->page);
    if (!page_) answer(std::move(*answered));
  }
  void answer(Answer answer) {
    head_ = std::move(answer.head);
    body_ = std::move(answer.body);
    last_progress_ms_ = admin_.clock_.running_ms();
    const auto seconds = static_cast<std::int64_t>(body_.size() / k_rate_least);
    send_until_ms_ = last_progress_ms_ + 2 * k_idle_ms + seconds * 1000;
    write();
  }
  void write() {
    const std::string_view rest = sent_ < head_.size()
                                      ? std::string_view(head_).substr(sent_)
                                      : std::string_view(body_).substr(sent_ - head_.size());
    const auto [status, count] = channel_.write(rest);
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (status == Channel::Status::done) {
      sent_ += count;
      last_progress_ms_ = admin_.clock_.running_ms();
      if (sent_ == head_.size() && !body_.empty()) return write();
    }
    if (!is_done()) return admin_.poller_.change(descriptor(), EPOLLIN | EPOLLOUT, *this);
    if (is_made_) page_.reset();
    std::string().swap(body_);
    sent_ = head_.size();
    // Closed once the client has closed: at once, what it still sends would cost it the answer.
    channel_.finish_writing();
    admin_.poller_.change(descriptor(), EPOLLIN, *this);
  }

  Admin& admin_;
  Channel channel_;
  const Peer peer_;
  std::string request_;
  std::string head_;  // of the answer
  std::string body_;
  std::size_t sent_ = 0;
  std::unique_ptr<AdminPage> page_;  // stays until its answer is sent: it holds the bytes for both
  bool is_made_ = false;
  std::int64_t last_progress_ms_;
  std::int64_t send_until_ms_ = 0;
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

// The oldest of those that lose least by it.
void Admin::make_room() noexcept {
  const auto value = [](const std::unique_ptr<Connection>& one) {
    if (one->is_making_a_page()) return 3;
    if (one->is_done()) return 0;
    return one->is_answered() ? 2 : 1;
  };
  close(**std::ranges::min_element(connections_, {}, value));
}

void Admin::accept(Channel channel, Peer peer) {
  if (connections_.size() == k_connections_max) make_room();
  auto made = std::make_unique<Connection>(*this, std::move(channel), peer);
  Connection& connection = *made;
  if (!poller_.add(connection.descriptor(), EPOLLIN, connection)) return;
  connections_.push_back(std::move(made));
  connection.on_ready(EPOLLIN);  // of many who come at once, each that has asked is answered
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
  const auto at_once = [](AdminResponse response, bool is_head) {
    Answer answer{.head = head_of(response, response.body.size())};
    if (!is_head) answer.body = std::move(response.body);
    return answer;
  };
  if (failed == http::error::need_more && !is_too_long) return std::nullopt;
  if (is_too_long || failed == http::error::header_limit) {
    return at_once(
        response(http::status::request_header_fields_too_large,
                 "a request has " + std::to_string(k_request_max_bytes) + " bytes at most\n"),
        false);
  }
  if (failed)
    return at_once(response(http::status::bad_request, "this is no HTTP request\n"), false);
  if (!parser.is_done()) return std::nullopt;
  const Request& message = parser.get();
  const bool is_head = message.method() == http::verb::head;
  const std::string_view path = path_of(message);
  const bool is_guarded = !is_for_anybody(path);
  if (is_guarded && peer.scope == Scope::probes) {
    return at_once(
        response(http::status::not_found, "that is served on another port: see --debug-port\n"),
        is_head);
  }
  if (auto done = answered_at_once(message, ready_)) return at_once(std::move(*done), is_head);

  const bool is_authorized = is_token(field_of(message, http::field::authorization));
  if (is_guarded && !is_authorized) {
    if (!peer.is_unix && is_led_here(message)) {
      return at_once(response(http::status::forbidden,
                              "ask for this server by its address, or show the token that "
                              "--admin-token sets\n"),
                     is_head);
    }
    if (!peer.is_local || is_passed_on(message)) {
      return at_once(response(http::status::unauthorized,
                              "from another machine the token is needed that --admin-token sets: "
                              "Authorization: Bearer TOKEN\n"),
                     is_head);
    }
  }
  const std::string_view target = message.target();
  const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
  AdminAnswer opened = pages_.open({.method = method_of(message),
                                    .is_authorized = is_authorized,
                                    .path = path,
                                    .query = query,
                                    .accept = field_of(message, http::field::accept),
                                    .body = message.body()});
  if (auto* ready = std::get_if<AdminResponse>(&opened)) return at_once(std::move(*ready), is_head);
  if (pages_in_making_ >= k_pages_max) {
    return at_once(
        response(http::status::service_unavailable, "other pages are in the making: try again\n"),
        is_head);
  }
  if (is_head) {
    return Answer{
        .head = head_of({.content_type = "application/octet-stream", .body = {}}, std::nullopt)};
  }
  ++pages_in_making_;
  return Answer{.page = std::move(std::get<std::unique_ptr<AdminPage>>(opened))};
}

}  // namespace ullage::server
