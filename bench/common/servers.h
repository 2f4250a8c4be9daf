// Servers under measurement, each a process of its own, and clients that cost little themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::bench {

/// A started server on a free port of the loopback interface; ends with its object.
class ServerProcess {
 public:
  /// "{port}" in the words becomes the port. Ends this process with a message if it does not start.
  explicit ServerProcess(std::vector<std::string> command);
  /// A server of the benchmark's own, in a process of its own.
  explicit ServerProcess(void (*serve)(std::uint16_t port));
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int pid() const noexcept { return pid_; }
  /// What all its threads have run so far.
  [[nodiscard]] double cpu_seconds() const;
  /// A line of /proc/PID/status, as "VmHWM".
  [[nodiscard]] std::size_t status_bytes(const char* name) const;

 private:
  /// In the child: never returns.
  void start(const std::function<void()>& child, const std::string& name);

  int pid_ = -1;
  std::uint16_t port_ = 0;
};

/// Ours, of the same build, with one I/O thread unless told.
std::unique_ptr<ServerProcess> start_ullage(std::vector<std::string> options,
                                            std::uint16_t admin_port = 0);
/// A port of the loopback interface that nobody listens on now.
std::uint16_t free_port();
/// Redis without persistence; null, with a note, if it is not installed.
std::unique_ptr<ServerProcess> start_redis(std::vector<std::string> options = {});

/// A request as it goes over the wire.
void append_request(std::string& out, std::initializer_list<std::string_view> args);

/// One blocking connection. Ends this process with a message when the server goes.
class Connection {
 public:
  explicit Connection(const ServerProcess& server);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view bytes);
  /// Reads exactly so many bytes, and forgets them.
  void skip(std::size_t bytes);
  /// Reads one reply that is not nested, as it is on the wire.
  std::string reply();
  [[nodiscard]] int descriptor() const noexcept { return socket_; }

 private:
  int socket_ = -1;
};

}  // namespace ullage::bench
