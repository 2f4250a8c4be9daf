#include "server/channel.h"

#include <cerrno>

#include <sys/socket.h>

namespace ullage::server {

namespace {
Channel::Moved moved(ssize_t result) noexcept {
  if (result > 0) return {Channel::Status::done, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return {Channel::Status::would_block, 0};
  return {Channel::Status::closed, 0};
}
}  // namespace

Channel::Moved Channel::read(std::span<char> into) noexcept {
  return moved(::recv(socket_.get(), into.data(), into.size(), 0));
}

Channel::Moved Channel::write(std::string_view bytes) noexcept {
  return moved(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

}  // namespace ullage::server
