// A service of somebody else's that shows its heap profile: no cache, and a leak to be found.
//
//   leaky_service [PORT]            prints "listening on PORT"; serves until it is killed
//   GET /                           one request of the service: remembers a session, and forgets it
//                                   nine times of ten
//   GET /debug/pprof/heap           go tool pprof -top http://127.0.0.1:PORT/debug/pprof/heap
//
// Any HTTP server does: all that is ours here are the two lines that take the profile.
#include <ullage/observe/heap_profile.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

struct Session {
  std::string user;
  char state[2000];
};

class Service {
 public:
  http::response<http::string_body> answer(std::string_view target) {
    if (target == "/") return text(handle_request());
    if (target.starts_with("/debug/pprof/heap")) return heap();
    return text("there are / and /debug/pprof/heap\n", http::status::not_found);
  }

 private:
  using Sessions = std::unordered_map<std::uint64_t, std::unique_ptr<Session>>;

  [[gnu::noinline]] void remember_session(std::uint64_t id) {
    sessions_[id] =
        std::make_unique<Session>(Session{.user = "user " + std::to_string(id), .state = {}});
  }
  std::string handle_request() {
    const std::uint64_t id = next_++;
    remember_session(id);
    if (id % 10 != 0) sessions_.erase(id);  // and the tenth is forgotten by nobody
    return std::to_string(sessions_.size()) + " sessions\n";
  }

  static http::response<http::string_body> heap() {
    const auto profile = ullage::observe::heap_profile();
    if (!profile) return text(profile.error().message + "\n", http::status::service_unavailable);
    auto response = text(profile.value().gzipped);
    response.set(http::field::content_type, "application/octet-stream");
    return response;
  }

  static http::response<http::string_body> text(std::string body,
                                                http::status status = http::status::ok) {
    http::response<http::string_body> response(status, 11);
    response.set(http::field::content_type, "text/plain");
    response.body() = std::move(body);
    response.prepare_payload();
    return response;
  }

  Sessions sessions_;
  std::uint64_t next_ = 0;
};

void serve(std::uint16_t port) {
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), port});
  std::printf("listening on %u\n", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  Service service;
  while (true) {
    tcp::socket client = acceptor.accept();
    boost::beast::flat_buffer buffer;
    boost::beast::error_code failed;
    while (!failed) {
      http::request<http::string_body> request;
      http::read(client, buffer, request, failed);
      if (failed) break;
      auto response = service.answer(std::string_view(request.target()));
      response.keep_alive(request.keep_alive());
      http::write(client, response, failed);
      if (!response.keep_alive()) break;
    }
  }
}

}  // namespace

int main(int count, char** words) {
  try {
    serve(count > 1 ? static_cast<std::uint16_t>(std::strtoul(words[1], nullptr, 10)) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "leaky_service: %s\n", error.what());
    return 1;
  }
}
