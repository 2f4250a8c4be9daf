#include "server/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace ullage::server {

namespace {

Channel::Moved moved(ssize_t result) noexcept {
  if (result > 0) return {Channel::Status::done, static_cast<std::size_t>(result)};
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return {Channel::Status::would_block, 0};
  return {Channel::Status::closed, 0};
}

int bounded(std::size_t bytes) noexcept {
  return static_cast<int>(std::min<std::size_t>(bytes, INT_MAX));
}

}  // namespace

Channel::Moved Channel::read(std::span<char> into) noexcept {
  if (session_ == nullptr) return moved(::recv(socket_.get(), into.data(), into.size(), 0));
  read_wants_to_write_ = false;
  ::ERR_clear_error();
  const int result = ::SSL_read(session_.get(), into.data(), bounded(into.size()));
  if (result <= 0)
    read_wants_to_write_ = ::SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_WRITE;
  return secure_result(result);
}

Channel::Moved Channel::write(std::string_view bytes) noexcept {
  if (session_ == nullptr)
    return moved(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ::ERR_clear_error();
  return secure_result(::SSL_write(session_.get(), bytes.data(), bounded(bytes.size())));
}

Channel::Moved Channel::secure_result(int result) noexcept {
  if (result > 0) return {Status::done, static_cast<std::size_t>(result)};
  const int error = ::SSL_get_error(session_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    return {Status::would_block, 0};
  handshake_failed_ = ::SSL_is_init_finished(session_.get()) == 0;
  ::ERR_clear_error();
  return {Status::closed, 0};
}

void Channel::finish_writing() noexcept {
  if (session_ != nullptr) end_session(*session_);
  ::shutdown(socket_.get(), SHUT_WR);
}

void Channel::discard_input() noexcept {
  constexpr int k_reads_max = 64;
  std::array<char, 16 * 1024> bytes;
  for (int i = 0; i < k_reads_max; ++i) {
    if (::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) <= 0) return;
  }
}

bool Channel::has_more() const noexcept {
  return session_ != nullptr && ::SSL_pending(session_.get()) > 0;
}

}  // namespace ullage::server
