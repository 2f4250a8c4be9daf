#include "server/service_manager.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ullage::server {

namespace {

constexpr int k_first_passed = 3;
constexpr int k_passed_max = 64;

std::string taken(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

std::optional<int> number(std::string_view text) noexcept {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  manager.notify_path_ = taken("NOTIFY_SOCKET");
  const auto for_whom = number(taken("LISTEN_PID"));
  const auto count = number(taken("LISTEN_FDS"));
  const std::string all_names = taken("LISTEN_FDNAMES");
  if (for_whom != ::getpid() || !count || *count <= 0 || *count > k_passed_max) return manager;
  std::string_view names = all_names;
  for (int i = 0; i < *count; ++i) {
    const std::size_t end = std::min(names.find(':'), names.size());
    std::string name = end == 0 ? "unknown" : std::string(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
    const int descriptor = k_first_passed + i;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    manager.sockets_.push_back({Descriptor(descriptor), std::move(name)});
  }
  return manager;
}

void ServiceManager::tell(std::string_view state) const noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (notify_path_.empty() || notify_path_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, notify_path_.data(), notify_path_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // in the abstract namespace
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return;
  static_cast<void>(
      ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_path_.size())));
}

}  // namespace ullage::server
