// TLS for clients: one context, which can be made anew while the server runs.
#pragma once

#include <ullage/result.h>

#include <memory>
#include <mutex>
#include <string>

#include <openssl/types.h>

namespace ullage::server {

struct Settings;

/// Tells the other side that nothing was cut off; whether it can be told does not matter.
void end_session(SSL& session) noexcept;

struct TlsSessionEnd {
  void operator()(SSL* session) const noexcept;
};
using TlsSession = std::unique_ptr<SSL, TlsSessionEnd>;

/// Thread-safe.
class Tls {
 public:
  /// Reads the certificate, its key and the authorities that clients are checked against. An error
  /// says which file is wrong and what to do, and leaves what was there before.
  Result<void> load(const Settings& settings);

  /// The server's side of a session over a connected socket; null if there is no memory for it.
  /// REQUIRES: load() has succeeded once.
  [[nodiscard]] TlsSession open(int socket) const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;  // guarded by mutex_; sessions keep the one they began with
};

}  // namespace ullage::server
