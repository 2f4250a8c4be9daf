#include "server/server_pages.h"

#include "server/classes_api.h"
#include "server/doctor.h"
#include "server/memory_page.h"

#include <optional>
#include <string>
#include <string_view>

namespace ullage::server {

namespace {
AdminResponse index() {
  return {.content_type = "text/html; charset=utf-8", .body = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ullage</title></head><body>
<h1>ullage</h1>
<ul>
<li><a href="/debug/doctor">What is wrong, or will be</a></li>
<li><a href="/debug/memory">Where the memory is</a>, <a href="/debug/memstats">as JSON</a></li>
<li><a href="/debug/pprof/">Profiles</a>: whose bytes they are, who allocates, who uses the
processor</li>
<li><a href="/debug/trace?seconds=5">A trace</a> of five seconds, for
<a href="https://ui.perfetto.dev">Perfetto</a></li>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
<li><a href="/api/v1/classes">Classes</a>: what they hold and may hold</li>
<li><a href="/healthz">Whether it lives</a>, <a href="/readyz">whether it serves</a></li>
</ul></body></html>
)"};
}
}  // namespace

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
  if (path == "/api/v1/classes") return classes_api(services_, request);
  if (path == "/debug/doctor") return doctor_page(metrics_.sources(), request);
  if (path == "/debug/memstats") return memstats_page(metrics_.sources());
  if (path == "/debug/trace") return traces_.open(request);
  if (path == "/debug/memory") return memory_page(metrics_.sources());
  if (path == "/" || path == "/debug" || path == "/debug/") return index();
  std::optional<AdminAnswer> page;
  if (path == "/debug/pprof") page = profiles_.open("", request);
  if (path.starts_with(k_profiles)) page = profiles_.open(path.substr(k_profiles.size()), request);
  if (page) return std::move(*page);
  return AdminResponse{
      .status = 404,
      .body =
          "there are /healthz, /readyz, /metrics, /debug/doctor, /debug/memory, /debug/memstats, "
          "/debug/trace, /debug/pprof/ and /api/v1/classes\n"};
}

}  // namespace ullage::server
