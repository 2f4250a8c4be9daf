#include "server/server_pages.h"

#include <ullage/observe/data_profile.h>

#include "command/names.h"
#include "server/query.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace ullage::server {

namespace {

constexpr std::string_view k_index = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ullage: profiles</title></head><body>
<h1>Profiles</h1>
<p>Read them with <code>go tool pprof http://HOST:PORT/debug/pprof/data</code>.</p>
<table>
<tr><td><a href="data">data</a></td><td>Who owns the cache's bytes: role, fields, groups, class.
<code>?slabs=N</code> looks at N slabs that stand for all.</td></tr>
<tr><td><a href="cmdline">cmdline</a></td><td>How the process was started.</td></tr>
</table></body></html>
)";

AdminResponse refused(unsigned status, std::string text) {
  return {.status = status, .body = std::move(text) + "\n"};
}

/// How the process was started, words separated by zero bytes, as Go has it.
AdminResponse cmdline() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  while (text.ends_with('\0'))
    text.pop_back();
  return {.body = std::move(text)};
}

std::string_view shown_group(std::string_view stored) {
  return command::decode_group(stored).key;
}
std::string_view shown_field(std::string_view stored) {
  return command::is_string_value(stored) ? "(string)" : command::decode_field(stored);
}

class DataPage final : public AdminPage {
 public:
  DataPage(Cache& cache, observe::DataProfileOptions options, command::TakenBytes held)
      : held_(std::move(held)), profiler_(cache, std::move(options)) {}

  bool step() override {
    // So many entries that a probe waits for some milliseconds at most.
    constexpr std::uint64_t k_slabs_a_step = 4;
    const auto done = profiler_.step(k_slabs_a_step);
    return !done || *done;  // nothing can go wrong here: no callback of update() comes this way
  }
  AdminResponse response() override {
    observe::DataProfile made = profiler_.finish();
    return {.content_type = "application/octet-stream",
            .body = std::move(made.gzipped),
            .file_name = "data.pb.gz"};
  }

 private:
  command::TakenBytes held_;
  observe::DataProfiler profiler_;
};

}  // namespace

AdminAnswer ServerPages::open(const AdminRequest& request) {
  const std::string_view path = request.path;
  if (path == "/metrics") {
    using Format = observe::MetricsText::Format;
    const bool is_open =
        request.accept.find("application/openmetrics-text") != std::string_view::npos;
    const Format format = is_open ? Format::openmetrics : Format::prometheus;
    return AdminResponse{.content_type = std::string(observe::MetricsText::content_type(format)),
                         .body = metrics_.text(format)};
  }
  if (path == "/debug/pprof" || path == "/debug/pprof/") {
    return AdminResponse{.content_type = "text/html; charset=utf-8", .body = std::string(k_index)};
  }
  if (path == "/debug/pprof/cmdline") return cmdline();
  if (path == "/debug/pprof/data") return data(request.query);
  return refused(404, "there are /healthz, /readyz, /metrics and /debug/pprof/");
}

AdminAnswer ServerPages::data(std::string_view text) {
  const auto query = Query::parse(text);
  if (!query) return refused(400, "the query cannot be read");
  if (const auto unknown = query->unknown({"slabs", "debug"}))
    return refused(400, "there is no such parameter; there is slabs");
  constexpr std::uint64_t k_any = ~std::uint64_t{0};
  const auto slabs = query->number("slabs", {.least = 1, .most = k_any, .otherwise = 0});
  if (!slabs) return refused(400, "slabs must be a number from 1");

  observe::DataProfileOptions options;
  options.cache_name = "ullage";
  options.slabs_max = *slabs;
  options.seed = static_cast<std::uint64_t>(clock_.running_ms());
  options.group_name = shown_group;
  options.field_name = shown_field;
  options.unix_ns = clock_.now_ms() * 1'000'000;
  // As exact as what may be held allows; half of what is left stays for clients.
  const std::size_t most = (held_.limit_bytes() - held_.used_bytes()) / 2;
  command::TakenBytes held(held_);
  while (observe::data_profile_bytes(options) > most ||
         !held.take(observe::data_profile_bytes(options))) {
    if (options.patterns_max <= observe::DataProfileOptions::k_patterns_least)
      return refused(503, "there is no memory for a profile now: clients hold what there is");
    options.patterns_max /= 2;
  }
  return std::make_unique<DataPage>(cache_, std::move(options), std::move(held));
}

}  // namespace ullage::server
