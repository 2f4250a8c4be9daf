#include "server/listener.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace ullage::server {

namespace {

constexpr int k_backlog = 511;
constexpr int k_accepts_a_round = 64;

Error system_error(const std::string& what) {
  return {Errc::system, what + ": " + std::generic_category().message(errno)};
}

Descriptor open_reserve() {
  return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool is_loopback(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_UNIX) return true;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::string address_text(const sockaddr_storage& address, socklen_t length) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "unknown";
  const std::string name = host;
  return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port;
}

}  // namespace

Listener::Listener(Descriptor socket, std::string name, Accept accept)
    : socket_(std::move(socket)),
      name_(std::move(name)),
      accept_(std::move(accept)),
      reserve_(open_reserve()) {}

Result<std::vector<Listener>> Listener::open_tcp(const std::string& address, std::uint16_t port,
                                                 const Accept& accept) {
  const std::string name = address + ":" + std::to_string(port);
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(address == "*" ? nullptr : address.c_str(),
                                   std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0)
    return Error{Errc::system, "cannot listen on " + name + ": " + ::gai_strerror(failed) +
                                   "; give --bind an address of this machine"};
  std::vector<Listener> listeners;
  std::optional<Error> problem;
  for (const addrinfo* one = found; one != nullptr && !problem; one = one->ai_next) {
    Descriptor socket(
        ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol));
    if (!socket.is_open()) {
      if (errno == EAFNOSUPPORT && found->ai_next != nullptr) continue;
      problem = system_error("cannot listen on " + name);
      break;
    }
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (one->ai_family == AF_INET6)
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(socket.get(), one->ai_addr, one->ai_addrlen) != 0 ||
        ::listen(socket.get(), k_backlog) != 0) {
      const int why = errno;
      problem = system_error("cannot listen on " + name);
      if (why == EADDRNOTAVAIL) problem->message += "; give --bind an address of this machine";
      if (why == EADDRINUSE)
        problem->message += "; another server has the port: give --port another";
      break;
    }
    listeners.push_back(Listener(std::move(socket), name, accept));
  }
  ::freeaddrinfo(found);
  if (problem) return *problem;
  return listeners;
}

Result<Listener> Listener::open_unix(const std::string& path, const Accept& accept) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{Errc::invalid_argument,
                 "the path of the Unix socket '" + path + "' is longer than " +
                     std::to_string(sizeof address.sun_path - 1) + " bytes"};
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_error("cannot listen on " + path);
  // One that a killed server left behind is nobody's; one that answers is somebody's.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return Error{Errc::system, "cannot listen on " + path + ": another server has it"};
  if (errno == ECONNREFUSED) ::unlink(path.c_str());
  socket = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open() ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), k_backlog) != 0)
    return system_error("cannot listen on " + path);
  return Listener(std::move(socket), path, accept);
}

Result<Listener> Listener::adopt(Descriptor socket, const Accept& accept) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return Error{Errc::invalid_argument,
                 "the service manager has passed what is no listening stream socket"};
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  std::string name = "unix";
  if (address.ss_family != AF_UNIX) {
    name = address_text(address, length);
  } else if (const auto& path = reinterpret_cast<const sockaddr_un&>(address).sun_path;
             path[0] != '\0') {
    name = path;
  }
  return Listener(std::move(socket), std::move(name), accept);
}

void Listener::on_ready(std::uint32_t /*events*/) {
  for (int i = 0; i < k_accepts_a_round; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    Descriptor socket(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      if ((errno != EMFILE && errno != ENFILE) || !reserve_.is_open()) return;
      reserve_.reset();
      Descriptor turned_away(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      constexpr std::string_view k_why = "-ERR the server has no file descriptor left\r\n";
      static_cast<void>(
          ::send(turned_away.get(), k_why.data(), k_why.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      turned_away.reset();
      reserve_ = open_reserve();
      continue;
    }
    const int on = 1;
    if (peer.ss_family != AF_UNIX)
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string address = peer.ss_family == AF_UNIX ? name_ : address_text(peer, length);
    accept_({.channel = Channel(std::move(socket)),
             .address = std::move(address),
             .local_address = name_,
             .is_local = is_loopback(peer),
             .is_unix = peer.ss_family == AF_UNIX});
  }
}

}  // namespace ullage::server
