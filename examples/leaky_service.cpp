// A service of somebody else's that shows its heap profile: no cache, and a leak to be found.
//
//   leaky_service [PORT]            prints "listening on PORT"; serves until it is killed
//   GET /                           one request of the service: remembers a session, and forgets it
//                                   nine times of ten
//   GET /debug/pprof/heap           go tool pprof -top http://127.0.0.1:PORT/debug/pprof/heap
//   GET /debug/pprof/profile        the same of its processor time, of one second
//   GET /debug/trace                one second for https://ui.perfetto.dev: its requests, and
//                                   allocations in them
//
// Any HTTP server does: all that is ours here are the lines that take the profiles, and the span
// that each request tells.
#include <ullage/observe/cpu_profile.h>
#include <ullage/observe/heap_profile.h>
#include <ullage/observe/trace.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

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
    if (target.starts_with("/debug/pprof/profile")) return processor();
    if (target.starts_with("/debug/trace")) return trace();
    return text("there are /, /debug/pprof/heap, /debug/pprof/profile and /debug/trace\n",
                http::status::not_found);
  }

 private:
  using Sessions = std::unordered_map<std::uint64_t, std::unique_ptr<Session>>;

  using Response = http::response<http::string_body>;

  [[gnu::noinline]] void remember_session(std::uint64_t id) {
    sessions_[id] =
        std::make_unique<Session>(Session{.user = "user " + std::to_string(id), .state = {}});
  }
  std::string handle_request() {
    const std::lock_guard one_at_a_time(mutex_);
    ullage::TraceSpan span(hook_, "request");
    const std::uint64_t id = next_++;
    remember_session(id);
    if (id % 10 != 0) sessions_.erase(id);  // and the tenth is forgotten by nobody
    return std::to_string(sessions_.size()) + " sessions\n";
  }

  static Response heap() {
    const auto profile = ullage::observe::heap_profile();
    if (!profile) return text(profile.error().message + "\n", http::status::service_unavailable);
    return binary(profile.value().gzipped);
  }

  // Both wait in the thread of whoever asks, while the others go on.
  static Response processor() {
    auto profiler = ullage::observe::CpuProfiler::begin();
    if (!profiler) return text(profiler.error().message + "\n", http::status::service_unavailable);
    std::this_thread::sleep_for(k_for_so_long);
    profiler.value().stop(k_for_so_long.count());
    while (!profiler.value().step()) {
    }
    return binary(profiler.value().finish().gzipped);
  }
  Response trace() {
    const std::lock_guard one_at_a_time(trace_mutex_);
    ullage::observe::TraceRecorder recorder(
        {.duration_ns = k_for_so_long.count(), .process_name = "leaky service"});
    hook_.set(&recorder);
    ullage::observe::set_allocation_trace(&recorder);
    std::this_thread::sleep_for(k_for_so_long);
    ullage::observe::set_allocation_trace(nullptr);
    hook_.set(nullptr);
    return binary(recorder.finish());
  }

  static Response binary(std::string body) {
    Response response = text(std::move(body));
    response.set(http::field::content_type, "application/octet-stream");
    return response;
  }
  static Response text(std::string body, http::status status = http::status::ok) {
    Response response(status, 11);
    response.set(http::field::content_type, "text/plain");
    response.body() = std::move(body);
    response.prepare_payload();
    return response;
  }

  static constexpr std::chrono::nanoseconds k_for_so_long = std::chrono::seconds(1);

  std::mutex mutex_;  // of the two below it
  Sessions sessions_;
  std::uint64_t next_ = 0;
  std::mutex trace_mutex_;
  ullage::TraceHook hook_;
};

void talk(tcp::socket client, Service& service) {
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

void serve(std::uint16_t port) {
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), port});
  std::printf("listening on %u\n", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  Service service;
  while (true) {
    std::thread(talk, acceptor.accept(), std::ref(service)).detach();
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
