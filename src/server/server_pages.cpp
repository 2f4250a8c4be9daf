#include "server/server_pages.h"

#include <optional>
#include <string>
#include <string_view>

namespace ullage::server {

AdminAnswer ServerPages::open(const AdminRequest& request) {
  constexpr std::string_view k_profiles = "/debug/pprof/";
  const std::string_view path = request.path;
  if (path == "/metrics") {
    using Format = observe::MetricsText::Format;
    const bool is_open =
        request.accept.find("application/openmetrics-text") != std::string_view::npos;
    const Format format = is_open ? Format::openmetrics : Format::prometheus;
    return AdminResponse{.content_type = std::string(observe::MetricsText::content_type(format)),
                         .body = metrics_.text(format)};
  }
  std::optional<AdminAnswer> page;
  if (path == "/debug/pprof") page = profiles_.open("", request);
  if (path.starts_with(k_profiles)) page = profiles_.open(path.substr(k_profiles.size()), request);
  if (page) return std::move(*page);
  return AdminResponse{.status = 404,
                       .body = "there are /healthz, /readyz, /metrics and /debug/pprof/\n"};
}

}  // namespace ullage::server
