// TLS for clients: one context, which can be made anew while the server runs.
#pragma once

#include <ullage/result.h>

#include <memory>
#include <mutex>
#include <utility>

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
  using Context = std::shared_ptr<SSL_CTX>;

  /// Reads the certificate, its key and the authorities that clients are checked against. An error
  /// says which file is wrong and what to do.
  static Result<Context> prepare(const Settings& settings);
  /// Whether these differ in what prepare() looks at.
  static bool is_about(const Settings& before, const Settings& after) noexcept;
  /// Sessions that are opened from now on use it.
  void use(Context context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }
  /// Both; an error leaves what was there before.
  Result<void> load(const Settings& settings);

  /// The server's side of a session over a connected socket; null if there is no memory for it.
  /// REQUIRES: load() has succeeded once.
  [[nodiscard]] TlsSession open(int socket) const;

 private:
  mutable std::mutex mutex_;
  Context context_;  // guarded by mutex_; sessions keep the one they began with
};

}  // namespace ullage::server
