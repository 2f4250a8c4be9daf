#include "server/tls.h"

#include "server/settings.h"

#include <string>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

namespace ullage::server {

namespace {

/// The library's own words for what went wrong last.
std::string reason() {
  const unsigned long code = ::ERR_peek_last_error();
  const char* text = code == 0 ? nullptr : ::ERR_reason_error_string(code);
  ::ERR_clear_error();
  return text == nullptr ? "unknown reason" : text;
}

Error problem(const std::string& what) {
  return {Errc::invalid_argument, what + ": " + reason()};
}

int verify_mode(TlsClients clients) noexcept {
  switch (clients) {
    case TlsClients::no:
      return SSL_VERIFY_NONE;
    case TlsClients::optional:
      return SSL_VERIFY_PEER;
    case TlsClients::yes:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_NONE;
}

}  // namespace

void end_session(SSL& session) noexcept {
  const bool is_told = (::SSL_get_shutdown(&session) & SSL_SENT_SHUTDOWN) != 0;
  if (::SSL_is_init_finished(&session) == 1 && !is_told) ::SSL_shutdown(&session);
  ::ERR_clear_error();
}

void TlsSessionEnd::operator()(SSL* session) const noexcept {
  end_session(*session);
  ::SSL_free(session);
}

bool Tls::is_about(const Settings& before, const Settings& after) noexcept {
  return before.tls_cert_file != after.tls_cert_file || before.tls_key_file != after.tls_key_file ||
         before.tls_ca_cert_file != after.tls_ca_cert_file ||
         before.tls_auth_clients != after.tls_auth_clients;
}

Result<void> Tls::load(const Settings& settings) {
  auto context = prepare(settings);
  if (!context) return context.error();
  use(std::move(*context));
  return {};
}

Result<Tls::Context> Tls::prepare(const Settings& settings) {
  if (settings.tls_cert_file.empty() || settings.tls_key_file.empty()) {
    return Error{Errc::invalid_argument,
                 "TLS needs a certificate and its key: give --tls-cert-file and "
                 "--tls-key-file"};
  }
  if (settings.tls_auth_clients != TlsClients::no && settings.tls_ca_cert_file.empty()) {
    return Error{Errc::invalid_argument,
                 "--tls-auth-clients needs to know whose certificates to trust: give "
                 "--tls-ca-cert-file"};
  }
  ::ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free);
  if (context == nullptr) return problem("TLS cannot be used");
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Partial writes from buffers that move, as our channels do; and an idle client holds no buffer.
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
  // Tickets keep sessions on the client's side; nothing of them is kept here.
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  constexpr unsigned char k_session_name[] = "ullage";
  ::SSL_CTX_set_session_id_context(context.get(), k_session_name, sizeof k_session_name - 1);

  if (::SSL_CTX_use_certificate_chain_file(context.get(), settings.tls_cert_file.c_str()) != 1)
    return problem("cannot use the certificate " + settings.tls_cert_file + " (--tls-cert-file)");
  if (::SSL_CTX_use_PrivateKey_file(context.get(), settings.tls_key_file.c_str(),
                                    SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(::ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
      return problem("the key " + settings.tls_key_file + " is not the one of the certificate " +
                     settings.tls_cert_file);
    }
    return problem("cannot use the key " + settings.tls_key_file + " (--tls-key-file)");
  }
  if (!settings.tls_ca_cert_file.empty()) {
    const char* const authorities = settings.tls_ca_cert_file.c_str();
    if (::SSL_CTX_load_verify_file(context.get(), authorities) != 1) {
      return problem("cannot use the authorities " + settings.tls_ca_cert_file +
                     " (--tls-ca-cert-file)");
    }
    ::SSL_CTX_set_client_CA_list(context.get(), ::SSL_load_client_CA_file(authorities));
  }
  ::SSL_CTX_set_verify(context.get(), verify_mode(settings.tls_auth_clients), nullptr);
  return context;
}

TlsSession Tls::open(int socket) const {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  TlsSession session(::SSL_new(context.get()));
  if (session == nullptr || ::SSL_set_fd(session.get(), socket) != 1) return nullptr;
  ::SSL_set_accept_state(session.get());
  return session;
}

}  // namespace ullage::server
