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

/// What is answered without a page; none: the page is to be opened.
std::optional<Response> answered_at_once(const http::request<http::empty_body>& request,
                                         bool ready) {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    Response refused = response(http::status::method_not_allowed, "GET or HEAD\n");
    refused.set(http::field::allow, "GET, HEAD");
    return refused;
  }
  const std::string_view target = request.target();
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/healthz") return response(http::status::ok, "ok\n");
  if (path == "/readyz") {
    return ready ? response(http::status::ok, "ready\n")
                 : response(http::status::service_unavailable, "stopping\n");
  }
  // Probes and Prometheus come by any name. All else is for those who know where they are: a
  // browser that was led here by a stranger's name says that name.
  if (path == "/metrics") return std::nullopt;
  const auto host = request.find(http::field::host);
  if (host != request.end() && !is_our_host(host->value()))
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
  Connection(Admin& admin, Channel channel) noexcept
      : admin_(admin), channel_(std::move(channel)), last_progress_ms_(admin.clock_.running_ms()) {}
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
  void go_on() {
    if (!page_->step()) return;
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
    std::optional<Answer> answer = admin_.answer(request_);
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
  if (pages_in_making_ != 0) return 0;
  return connections_.empty() ? -1 : k_look_for_idle_ms;
}

void Admin::accept(Channel channel) {
  if (connections_.size() == k_connections_max) close(*connections_.front());
  auto connection = std::make_unique<Connection>(*this, std::move(channel));
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

std::optional<Admin::Answer> Admin::answer(std::string_view request) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(k_request_max_bytes);
  parser.eager(true);
  boost::beast::error_code failed;
  parser.put(boost::asio::buffer(request.data(), request.size()), failed);
  const bool is_too_long = request.size() > k_request_max_bytes;
  if (failed == http::error::need_more && !is_too_long) return std::nullopt;
  if (is_too_long || failed == http::error::header_limit) {
    return Answer{.text = text_of(response(http::status::request_header_fields_too_large,
                                           "a request has " + std::to_string(k_request_max_bytes) +
                                               " bytes at most\n"),
                                  false)};
  }
  // A body is not read: the connection ends with the answer.
  if (failed && failed != http::error::unexpected_body && !parser.is_header_done()) {
    return Answer{
        .text = text_of(response(http::status::bad_request, "this is no HTTP request\n"), false)};
  }
  if (!parser.is_header_done()) return std::nullopt;
  const bool is_head = parser.get().method() == http::verb::head;
  if (auto at_once = answered_at_once(parser.get(), ready_))
    return Answer{.text = text_of(std::move(*at_once), is_head)};

  const std::string_view target = parser.get().target();
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = target.substr(std::min(target.size(), path.size() + 1));
  const auto accept = parser.get().find(http::field::accept);
  AdminAnswer opened = pages_.open(
      {path, query, accept != parser.get().end() ? std::string_view(accept->value()) : ""});
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
