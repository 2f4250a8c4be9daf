#include "observe/http_get.h"

#include "base/escape.h"
#include "base/failure.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/core.h>
#include <sys/un.h>

namespace ullage::app {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::asio::ip::tcp;

constexpr std::uint64_t k_answer_max_bytes = std::uint64_t{256} << 20;

/// One operation after the other on a loop of its own, so that each has a limit in time.
class Exchange {
 public:
  Exchange(const Url& url, std::chrono::seconds patience)
      : url_(url), patience_(patience), stream_(context_) {}

  std::string get(const std::string& target, const std::string& token) {
    beast::error_code failed;
    stream_.expires_after(std::chrono::seconds(10));
    if (!url_.socket.empty()) {
      const boost::asio::local::stream_protocol::endpoint there(url_.socket);
      stream_.async_connect(there, [&](beast::error_code error) { failed = error; });
    } else {
      const auto addresses = resolved();
      stream_.async_connect(addresses,
                            [&](beast::error_code error, const auto&) { failed = error; });
    }
    wait();
    stop_at(failed, "reach");

    http::request<http::empty_body> request(http::verb::get, target, 11);
    request.set(http::field::host, authority());
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    request.keep_alive(false);
    stream_.expires_after(patience_);
    http::async_write(stream_, request,
                      [&](beast::error_code error, std::size_t) { failed = error; });
    wait();
    stop_at(failed, "write to");
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(k_answer_max_bytes);
    stream_.expires_after(patience_);
    http::async_read(stream_, buffer, parser,
                     [&](beast::error_code error, std::size_t) { failed = error; });
    wait();
    stop_at(failed, "read from");
    auto response = parser.release();
    if (response.result() == http::status::ok) return std::move(response.body());
    std::string words = response.body();
    while (words.ends_with('\n'))
      words.pop_back();
    throw Failure(fmt::format("{} answers {}: {}", where(), response.result_int(),
                              escape_excerpt(words, 400)));
  }

 private:
  /// Generic, so that it holds a Unix socket as well.
  using Stream = beast::basic_stream<boost::asio::generic::stream_protocol>;

  std::vector<boost::asio::generic::stream_protocol::endpoint> resolved() {
    beast::error_code failed;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(url_.host, url_.port, failed);
    stop_at(failed, "find");
    std::vector<boost::asio::generic::stream_protocol::endpoint> addresses;
    for (const auto& one : found)
      addresses.emplace_back(one.endpoint());
    return addresses;
  }
  [[nodiscard]] std::string authority() const {
    if (!url_.socket.empty()) return "localhost";
    const bool is_ipv6 = url_.host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + url_.host + "]" : url_.host) + ":" + url_.port;
  }
  [[nodiscard]] std::string where() const {
    return escape_excerpt(url_.socket.empty() ? authority() : url_.socket);
  }
  void wait() {
    context_.restart();
    context_.run();
  }
  void stop_at(const beast::error_code& failed, const char* what) const {
    if (!failed) return;
    if (failed == beast::error::timeout)
      throw Failure(fmt::format("cannot {} {}: it says nothing", what, where()));
    throw Failure(fmt::format("cannot {} {}: {} (is a server there? --url names another)", what,
                              where(), failed.message()));
  }

  const Url& url_;
  std::chrono::seconds patience_;
  boost::asio::io_context context_;
  Stream stream_;
};

}  // namespace

Url Url::parse(const std::string& text) {
  const auto refuse = [&] {
    return Failure(
        fmt::format("--url: \"{}\" is not http://HOST:PORT or unix:/PATH", escape_excerpt(text)),
        k_exit_usage);
  };
  constexpr std::string_view k_scheme = "http://";
  constexpr std::string_view k_unix = "unix:";
  std::string_view rest = text;
  if (rest.starts_with(k_unix)) {
    Url url;
    url.socket = rest.substr(k_unix.size());
    if (url.socket.empty() || url.socket.size() >= sizeof(sockaddr_un::sun_path)) throw refuse();
    return url;
  }
  if (rest.starts_with(k_scheme)) rest.remove_prefix(k_scheme.size());
  if (rest.find("://") != std::string_view::npos) throw refuse();
  Url url;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  url.path = rest.substr(slash);
  while (url.path.ends_with('/'))
    url.path.pop_back();
  rest = rest.substr(0, slash);
  const bool is_bracketed = rest.starts_with('[');
  const std::size_t host_end = is_bracketed ? rest.find(']') : rest.find(':');
  if (is_bracketed && host_end == std::string_view::npos) throw refuse();
  url.host = is_bracketed ? rest.substr(1, host_end - 1) : rest.substr(0, host_end);
  const std::size_t colon = rest.find(':', is_bracketed ? host_end : 0);
  url.port = colon == std::string_view::npos ? "7380" : std::string(rest.substr(colon + 1));
  const bool is_number = url.port.find_first_not_of("0123456789") == std::string::npos;
  if (url.host.empty() || url.port.empty() || !is_number || url.port.size() > 5) throw refuse();
  for (const char c : text) {
    if (c <= ' ' || c > '~') throw refuse();
  }
  return url;
}

std::string http_get(const Url& url, const std::string& target, std::chrono::seconds patience,
                     const std::string& token) {
  return Exchange(url, patience).get(url.path + target, token);
}

}  // namespace ullage::app
