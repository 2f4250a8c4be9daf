#include "common/servers.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::bench {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "benchmark: %s\n", why.c_str());
  std::exit(1);
}

int new_socket() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) give_up("no socket");
  return socket;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

std::uint16_t free_port() {
  const int probe = new_socket();
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    give_up("no free port");
  ::close(probe);
  return ntohs(address.sin_port);
}

namespace {

int try_connect(std::uint16_t port) {
  const int socket = new_socket();
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  ::close(socket);
  return -1;
}

}  // namespace

namespace {
/// Whatever is called ULLAGE_… around the benchmark would be a setting to the server.
void forget_settings() {
  std::vector<std::string> names;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view variable(*one);
    if (variable.starts_with("ULLAGE_")) names.emplace_back(variable.substr(0, variable.find('=')));
  }
  for (const std::string& name : names)
    ::unsetenv(name.c_str());
}
}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> command) : port_(free_port()) {
  for (std::string& word : command) {
    if (word == "{port}") word = std::to_string(port_);
  }
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (std::string& word : command)
    words.push_back(word.data());
  words.push_back(nullptr);
  start(
      [&] {
        forget_settings();
        ::execvp(words[0], words.data());
      },
      command[0]);
}

ServerProcess::ServerProcess(void (*serve)(std::uint16_t port)) : port_(free_port()) {
  start([&] { serve(port_); }, "a server of the benchmark's own");
}

void ServerProcess::start(const std::function<void()>& child, const std::string& name) {
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0) {
      ::dup2(nowhere, STDOUT_FILENO);
      ::dup2(nowhere, STDERR_FILENO);
    }
    child();
    ::_exit(127);
  }
  for (int i = 0; i < 3000; ++i) {
    if (const int socket = try_connect(port_); socket >= 0) {
      ::close(socket);
      return;
    }
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) give_up(name + " ended at once");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  give_up(name + " does not answer");
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

double ServerProcess::cpu_seconds() const {
  double nanoseconds = 0;
  const std::string tasks = "/proc/" + std::to_string(pid_) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream file(task.path() / "schedstat");
    double ran = 0;
    if (file >> ran) nanoseconds += ran;
  }
  return nanoseconds * 1e-9;
}

std::size_t ServerProcess::status_bytes(const char* name) const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (file >> word) {
    if (word != std::string(name) + ":") continue;
    std::size_t kib = 0;
    file >> kib;
    return kib * 1024;
  }
  return 0;
}

std::unique_ptr<ServerProcess> start_ullage(std::vector<std::string> options,
                                            std::uint16_t admin_port) {
  std::vector<std::string> command = {ULLAGE_PROGRAM, "serve",        "--port",
                                      "{port}",       "--admin-port", std::to_string(admin_port)};
  command.insert(command.end(), options.begin(), options.end());
  return std::make_unique<ServerProcess>(std::move(command));
}

std::unique_ptr<ServerProcess> start_redis(std::vector<std::string> options) {
  if (std::system("command -v redis-server >/dev/null 2>&1") != 0) {
    std::fprintf(stderr, "benchmark: no redis-server here\n");
    return nullptr;
  }
  std::vector<std::string> command = {"redis-server", "--port",      "{port}", "--bind",
                                      "127.0.0.1",    "--save",      "",       "--appendonly",
                                      "no",           "--daemonize", "no"};
  command.insert(command.end(), options.begin(), options.end());
  return std::make_unique<ServerProcess>(std::move(command));
}

void append_request(std::string& out, std::initializer_list<std::string_view> args) {
  out += '*';
  out += std::to_string(args.size());
  out += "\r\n";
  for (const std::string_view arg : args) {
    out += '$';
    out += std::to_string(arg.size());
    out += "\r\n";
    out += arg;
    out += "\r\n";
  }
}

Connection::Connection(const ServerProcess& server) : socket_(try_connect(server.port())) {
  if (socket_ < 0) give_up("cannot connect");
}
Connection::~Connection() {
  if (socket_ >= 0) ::close(socket_);
}
Connection::Connection(Connection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

void Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) give_up("the server has gone");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Connection::skip(std::size_t bytes) {
  char buffer[1 << 16];
  while (bytes != 0) {
    const ssize_t got = ::recv(socket_, buffer, std::min(bytes, sizeof buffer), 0);
    if (got <= 0) give_up("the server has gone");
    bytes -= static_cast<std::size_t>(got);
  }
}

std::string Connection::reply() {
  std::string line;
  char c = 0;
  while (!line.ends_with("\r\n")) {
    if (::recv(socket_, &c, 1, 0) != 1) give_up("the server has gone");
    line += c;
  }
  if (line[0] == '$' && line[1] != '-') {
    const auto bytes = static_cast<std::size_t>(std::atol(line.c_str() + 1)) + 2;
    for (std::size_t i = 0; i < bytes; ++i) {
      if (::recv(socket_, &c, 1, 0) != 1) give_up("the server has gone");
      line += c;
    }
  }
  return line;
}

}  // namespace ullage::bench
