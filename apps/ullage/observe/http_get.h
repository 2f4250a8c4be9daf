// What a server of ours answers over HTTP.
#pragma once

#include <chrono>
#include <string>

namespace ullage::app {

inline constexpr const char* k_default_url = "http://127.0.0.1:7380";

/// "http://HOST[:PORT][/PATH]", or without the scheme; "unix:/PATH" of a socket. Throws Failure if
/// it is something else.
struct Url {
  std::string host;
  std::string port;
  std::string path;    ///< empty, or begins with a slash and ends without one
  std::string socket;  ///< of the file system; empty: over TCP

  static Url parse(const std::string& text);
};

/// The body of a 200. Throws Failure with what went wrong and what to do: nobody listens, the
/// server's own words with its status, an answer of more than 256 MiB, nothing for so long.
std::string http_get(const Url& url, const std::string& target, std::chrono::seconds patience,
                     const std::string& token = {});

}  // namespace ullage::app
