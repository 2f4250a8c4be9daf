// What the admin port shows besides its probes: pages, made in steps between which others are
// served.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ullage::server {

struct AdminResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// What a browser or curl -OJ calls the file; empty: it is to be looked at.
  std::string file_name{};
};

[[nodiscard]] inline AdminResponse refused(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text) + "\n"};
}

/// A page that takes longer than others should wait.
class AdminPage {
 public:
  virtual ~AdminPage() = default;
  /// Does a bounded piece of the work. Answers whether the page is whole.
  virtual bool step() = 0;
  /// How long there is nothing to do before the next step.
  [[nodiscard]] virtual std::int64_t wait_ms() const { return 0; }
  /// Once, when it is.
  [[nodiscard]] virtual AdminResponse response() = 0;
};

/// Either at once or in steps.
using AdminAnswer = std::variant<AdminResponse, std::unique_ptr<AdminPage>>;

[[nodiscard]] inline AdminResponse refused_without_token() {
  return refused(403,
                 "this changes the server: show the token that --admin-token sets "
                 "(Authorization: Bearer TOKEN)");
}

struct AdminRequest {
  enum class Method : std::uint8_t {
    read,  ///< GET or HEAD
    post,
    remove,  ///< DELETE, of what is under /api alone
  };
  Method method = Method::read;
  /// May change what the process does: it showed the token.
  bool is_authorized = false;
  std::string_view path;
  std::string_view query;   ///< what stands behind the question mark, as it was sent
  std::string_view accept;  ///< the header; empty: anything
  std::string_view body{};
};

class AdminPages {
 public:
  virtual ~AdminPages() = default;
  /// Called on the admin port's thread.
  [[nodiscard]] virtual AdminAnswer open(const AdminRequest& request) = 0;
};

}  // namespace ullage::server
