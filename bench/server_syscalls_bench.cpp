// System calls for an operation: our server, Redis, and a server on Boost.Asio that does nothing
// but answer, which shows what its reactor costs. Counted by strace.
#include "common/arguments.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/server_load.h"
#include "common/servers.h"
#include "common/text.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>
#ifdef ULLAGE_HAS_BOOST
#include <boost/asio.hpp>
#endif

namespace ullage::bench {
namespace {

constexpr std::size_t k_connections = 50;

bool is_traced(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (file >> word) {
    int tracer = 0;
    if (word == "TracerPid:" && file >> tracer) return tracer != 0;
  }
  return false;
}

/// How many calls a server makes while `work` runs; none if it cannot be traced here.
std::optional<double> calls_during(int pid, const std::function<void()>& work) {
  const std::string path = "/tmp/ullage-bench-strace-" + std::to_string(::getpid());
  const std::string id = std::to_string(pid);
  const int tracer = ::fork();
  if (tracer == 0) {
    ::execlp("strace", "strace", "-q", "-f", "-c", "-o", path.c_str(), "-p", id.c_str(), nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 300 && !is_traced(pid); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const bool traced = is_traced(pid);
  if (traced) work();
  ::kill(tracer, SIGINT);
  int status = 0;
  ::waitpid(tracer, &status, 0);
  std::optional<double> calls;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.ends_with(" total")) continue;
    // % time, seconds, usecs a call, calls
    std::istringstream words(line);
    double skipped = 0;
    double count = 0;
    if (words >> skipped >> skipped >> skipped >> count) calls = count;
  }
  std::remove(path.c_str());
  return traced ? calls : std::nullopt;
}

/// The median of a few runs: the timers of either server fall into some of them.
class Counted {
 public:
  void add(std::optional<double> calls, std::size_t operations) {
    if (calls) samples_.push_back(*calls / static_cast<double>(operations));
  }
  [[nodiscard]] bool has_any() const { return !samples_.empty(); }
  [[nodiscard]] double value() const { return median_of(samples_).value; }
  [[nodiscard]] std::string shown() const {
    return has_any() ? text("%.4f", value()) : "not traced";
  }

 private:
  std::vector<double> samples_;
};

#ifdef ULLAGE_HAS_BOOST
/// Answers every request of a pipeline of one with a value. `waits`: it asks for readiness and
/// reads into a buffer that all share, as a server must whose idle connections hold none; else it
/// gives each connection's own buffer to async_read_some(), as is usual.
template <bool waits>
class AsioSession : public std::enable_shared_from_this<AsioSession<waits>> {
 public:
  explicit AsioSession(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
    if (waits) socket_.non_blocking(true);
  }
  void read() {
    auto self = this->shared_from_this();
    if constexpr (waits) {
      socket_.async_wait(boost::asio::ip::tcp::socket::wait_read, [self](auto error) {
        if (!error) self->answer();
      });
    } else {
      socket_.async_read_some(boost::asio::buffer(buffer_),
                              [self](auto error, std::size_t /*bytes*/) {
                                if (!error) self->write();
                              });
    }
  }

 private:
  void answer() {
    boost::system::error_code error;
    socket_.read_some(boost::asio::buffer(buffer_), error);
    if (!error) socket_.write_some(boost::asio::buffer(reply_), error);
    if (!error) read();
  }
  void write() {
    auto self = this->shared_from_this();
    boost::asio::async_write(socket_, boost::asio::buffer(reply_),
                             [self](auto error, std::size_t /*bytes*/) {
                               if (!error) self->read();
                             });
  }

  boost::asio::ip::tcp::socket socket_;
  std::array<char, 4096> buffer_{};
  std::string reply_ = "$32\r\n" + std::string(k_value_bytes, 'v') + "\r\n";
};

template <bool waits>
void accept_next(boost::asio::ip::tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](auto error, boost::asio::ip::tcp::socket socket) {
    if (!error) std::make_shared<AsioSession<waits>>(std::move(socket))->read();
    accept_next<waits>(acceptor);
  });
}

/// Serves on the port until it is killed.
template <bool waits>
[[noreturn]] void serve_by_asio(std::uint16_t port) {
  boost::asio::io_context context(1);
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), port});
  accept_next<waits>(acceptor);
  context.run();
  ::_exit(0);
}
#endif

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("server_syscalls", arguments);
  if (std::system("command -v strace >/dev/null 2>&1") != 0) {
    Report::note("no strace here: nothing is measured");
    return report.finish();
  }
  const auto ours = start_ullage({"--io-threads", "1"});
  const auto redis = start_redis();
  Load our_load(*ours, k_connections);
  Load redis_load(*redis, k_connections);
  constexpr std::uint64_t k_entries = 6400;
  constexpr std::uint64_t k_fields = 10;
  for (const std::size_t pipeline : {std::size_t{1}, std::size_t{64}}) {
    Batches batches(k_entries, k_fields, pipeline);
    std::uint64_t next = 0;
    const auto load = [&] {
      next = (next + pipeline) % k_entries;
      return batches.load(next);
    };
    const std::size_t loads = k_entries / pipeline / k_connections + 1;
    our_load.run(loads, load);
    next = 0;
    redis_load.run(loads, load);
    const std::size_t rounds = arguments.scaled<std::size_t>(pipeline == 1 ? 400 : 40, 5);
    const std::size_t operations = rounds * k_connections * pipeline;
    const auto get = [&] { return batches.hget(); };
    Counted our_calls;
    Counted redis_calls;
    for (int round = 0; round < arguments.scaled(5, 1); ++round) {
      our_calls.add(calls_during(ours->pid(), [&] { our_load.run(rounds, get); }), operations);
      redis_calls.add(calls_during(redis->pid(), [&] { redis_load.run(rounds, get); }), operations);
    }
    const bool comparable = our_calls.has_any() && redis_calls.has_any();
    report.add(
        {.figure = text("system calls an operation at pipeline %zu, HGET", pipeline),
         .bar = "<= Redis's",
         .result = our_calls.shown() + " over " + redis_calls.shown(),
         .met = comparable ? std::optional(our_calls.value() <= redis_calls.value()) : std::nullopt,
         .peer = "Redis 7.0",
         .workload = text("%zu connections", k_connections)});
#ifdef ULLAGE_HAS_BOOST
    if (pipeline != 1) continue;
    for (const bool waits : {false, true}) {
      const ServerProcess asio(waits ? serve_by_asio<true> : serve_by_asio<false>);
      Load asio_load(asio, k_connections);
      Counted asio_calls;
      asio_calls.add(calls_during(asio.pid(), [&] { asio_load.run(rounds, get); }), operations);
      report.add({.figure = text("the same of a bare server on Boost.Asio, %s",
                                 waits ? "by async_wait(), no buffer held"
                                       : "by async_read_some(), a buffer each"),
                  .bar = "",
                  .result = asio_calls.shown(),
                  .met = {},
                  .peer = "",
                  .workload = text("%zu connections; it answers without looking", k_connections)});
    }
#endif
  }
  return report.finish();
}
