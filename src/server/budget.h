// How the memory limit of the process is divided.
//
//   limit = baseline + connections + buffers + held + threads + arena
//
// The arena is what holds the cache; nothing outside it grows past its part, so the whole stays
// under the limit.
#pragma once

#include <ullage/limits.h>
#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ullage::server {

struct Budget {
  std::size_t limit_bytes = 0;
  std::size_t program_bytes = 0;      ///< the program itself, as measured at its start
  std::size_t baseline_bytes = 0;     ///< the same, with room
  std::size_t threads_bytes = 0;      ///< stacks and buffers of the threads, values and arguments
  std::size_t connections_bytes = 0;  ///< what an idle client takes, for each that may come
  std::size_t buffers_bytes = 0;      ///< what clients send and do not read
  std::size_t held_bytes = 0;         ///< queued commands, watched keys, subscriptions
  std::size_t tracking_bytes = 0;     ///< which client has read what
  std::size_t posted_bytes = 0;       ///< messages on their way from one thread to another
  std::size_t arena_bytes = 0;        ///< the cache
  std::size_t args_max = 0;           ///< of one request
  std::uint64_t max_clients = 0;
  std::size_t client_bytes = 0;  ///< what an idle client takes

  /// In one line, for the log.
  [[nodiscard]] std::string text() const;
};

/// What an idle connection takes outside of all buffers.
inline constexpr std::size_t k_connection_bytes = 1536;
/// And one under TLS, besides (OpenSSL 3.0: 13.4 KiB).
inline constexpr std::size_t k_tls_connection_bytes = 16 * k_kib;

struct BudgetQuestion {
  std::size_t limit_bytes = 0;
  std::size_t resident_bytes = 0;  ///< of the program before it serves anybody
  unsigned threads = 1;
  std::uint64_t max_clients = 0;  ///< 0: as many as there is reasonable room for
  std::size_t value_max_bytes = 0;
  bool uses_tls = false;  ///< then all clients may use it
};
/// How many threads serve clients where nobody has said it: one for each core, and no more than the
/// limit has room for, since each takes some of it whether there is much to do or not.
[[nodiscard]] constexpr unsigned io_threads_for(unsigned cores, std::size_t limit_bytes) noexcept {
  constexpr std::size_t k_bytes_a_thread = 32 * k_mib;
  const std::size_t room = limit_bytes / k_bytes_a_thread;
  const unsigned most = room < cores ? static_cast<unsigned>(room) : cores;
  return most == 0 ? 1 : most;
}

/// An error names what is too small.
Result<Budget> divide_limit(const BudgetQuestion& question);

/// Resident bytes of this process.
std::size_t resident_bytes() noexcept;
/// Of this process; 0 if that cannot be read.
std::uint64_t threads() noexcept;
/// The same before anything is stored, without what a sanitizer takes for itself.
std::size_t program_bytes() noexcept;

}  // namespace ullage::server
