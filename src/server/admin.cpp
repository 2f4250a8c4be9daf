#include "server/admin.h"

#include <algorithm>
#include <array>
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

Response response(http::status status, std::string text) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(false);
  response.body() = std::move(text);
  response.prepare_payload();
  return response;
}

Response route(const http::request<http::empty_body>& request, bool ready) {
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
  // Probes come by any name, and tell nothing. All else is for those who know where they are: a
  // browser that was led here by a stranger's name says that name.
  const auto host = request.find(http::field::host);
  if (host != request.end() && !is_our_host(host->value()))
    return response(http::status::forbidden, "ask for this server by its address\n");
  return response(http::status::not_found, "there are /healthz and /readyz\n");
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
      : admin_(admin), channel_(std::move(channel)) {}

  void on_ready(std::uint32_t events) override {
    if (is_dead) return;
    if ((events & EPOLLIN) != 0) return read();
    if ((events & EPOLLOUT) != 0) return write();
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) admin_.close(*this);
  }
  [[nodiscard]] int descriptor() const noexcept { return channel_.descriptor(); }

  bool is_dead = false;

 private:
  void read() {
    std::array<char, 2048> bytes;
    const auto [status, count] = channel_.read(bytes);
    if (status == Channel::Status::would_block) return;
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (!answer_.empty()) return;  // it has its answer, and is read to its end
    request_.append(bytes.data(), count);
    bool is_whole = false;
    answer_ = admin_.answer(request_, is_whole);
    if (is_whole) write();
  }
  void write() {
    const auto [status, count] = channel_.write(std::string_view(answer_).substr(sent_));
    if (status == Channel::Status::closed) return admin_.close(*this);
    if (status == Channel::Status::done) sent_ += count;
    if (sent_ < answer_.size())
      return admin_.poller_.change(descriptor(), EPOLLIN | EPOLLOUT, *this);
    // Closed once the client has closed: at once, what it still sends would cost it the answer.
    channel_.finish_writing();
    admin_.poller_.change(descriptor(), EPOLLIN, *this);
  }

  Admin& admin_;
  Channel channel_;
  std::string request_;
  std::string answer_;
  std::size_t sent_ = 0;
};

Admin::Admin(Poller& poller) noexcept : poller_(poller) {}
Admin::~Admin() = default;

void Admin::clean_up() noexcept {
  dead_.clear();
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

std::string Admin::answer(std::string_view request, bool& is_whole) const {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(k_request_max_bytes);
  parser.eager(true);
  boost::beast::error_code failed;
  parser.put(boost::asio::buffer(request.data(), request.size()), failed);
  const bool is_too_long = request.size() > k_request_max_bytes;
  if (failed == http::error::need_more && !is_too_long) return {};
  is_whole = true;
  if (is_too_long || failed == http::error::header_limit) {
    return text_of(
        response(http::status::request_header_fields_too_large,
                 "a request has " + std::to_string(k_request_max_bytes) + " bytes at most\n"),
        false);
  }
  // A body is not read: the connection ends with the answer.
  if (failed && failed != http::error::unexpected_body && !parser.is_header_done())
    return text_of(response(http::status::bad_request, "this is no HTTP request\n"), false);
  if (!parser.is_header_done()) {
    is_whole = false;
    return {};
  }
  return text_of(route(parser.get(), ready_), parser.get().method() == http::verb::head);
}

}  // namespace ullage::server
