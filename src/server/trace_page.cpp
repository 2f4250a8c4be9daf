#include "server/trace_page.h"

#include <ullage/observe/trace.h>

#include "server/query.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace ullage::server {

namespace {

constexpr std::size_t k_events_most = 65536;
constexpr std::size_t k_events_least = 512;
constexpr std::int64_t k_counters_ms = 100;

class TracePage final : public AdminPage {
 public:
  TracePage(command::Services& services, const observe::TraceOptions& options,
            command::TakenBytes held, bool& is_busy)
      : services_(services),
        held_(std::move(held)),
        is_busy_(is_busy),
        recorder_(std::make_unique<observe::TraceRecorder>(options)),
        end_ms_(services.clock.running_ms() + options.duration_ns / 1'000'000) {
    is_busy_ = true;
    services_.cache.set_trace(recorder_.get());
    services_.trace.set(recorder_.get());
    observe::set_allocation_trace(recorder_.get());
    note_counters();
  }
  ~TracePage() override { stop(); }
  TracePage(const TracePage&) = delete;
  TracePage& operator=(const TracePage&) = delete;

  bool step() override {
    if (is_stopped_) return recorder_->step();
    note_counters();
    if (services_.clock.running_ms() >= end_ms_) stop();
    return false;
  }
  std::int64_t wait_ms() const override {
    if (is_stopped_) return 0;
    return std::max<std::int64_t>(std::min(next_ms_, end_ms_) - services_.clock.running_ms(), 0);
  }
  AdminResponse response() override {
    AdminResponse made{.content_type = "application/octet-stream",
                       .body = recorder_->finish(),
                       .file_name = "ullage.perfetto-trace"};
    recorder_.reset();
    held_.keep(made.body.size());
    return made;
  }

 private:
  // The next one may begin while the client still takes this one.
  void stop() noexcept {
    if (std::exchange(is_stopped_, true)) return;
    services_.cache.set_trace(nullptr);
    services_.trace.set(nullptr);
    observe::set_allocation_trace(nullptr);
    is_busy_ = false;
  }
  void note_counters() {
    next_ms_ = services_.clock.running_ms() + k_counters_ms;
    const Stats stats = services_.cache.stats();
    recorder_->counter("cache charged bytes", stats.charged_bytes);
    recorder_->counter("cache headroom bytes", stats.headroom_bytes);
    recorder_->counter("cache entries", stats.entries);
    recorder_->counter("held for clients bytes", services_.held.used_bytes());
  }

  command::Services& services_;
  command::TakenBytes held_;
  bool& is_busy_;
  std::unique_ptr<observe::TraceRecorder> recorder_;
  std::int64_t end_ms_;
  std::int64_t next_ms_ = 0;
  bool is_stopped_ = false;
};

}  // namespace

AdminAnswer TracePages::open(const AdminRequest& request) {
  if (request.method == AdminRequest::Method::post) return refused(405, "GET or HEAD");
  const auto query = Query::parse(request.query);
  if (!query) return refused(400, "the query cannot be read");
  if (query->unknown({"seconds"}))
    return refused(400, "there is no such parameter; there is seconds");
  const auto seconds =
      query->number("seconds", {.least = 1, .most = k_seconds_max, .otherwise = k_seconds_default});
  if (!seconds)
    return refused(400, "seconds is a number from 1 to " + std::to_string(k_seconds_max));
  if (is_busy_) return refused(503, "a trace is being made already: try again");
  observe::TraceOptions options;
  options.duration_ns = static_cast<std::int64_t>(*seconds) * 1'000'000'000;
  // As many events as what may be held allows; half of what is left stays for clients.
  const std::size_t most = (services_.held.limit_bytes() - services_.held.used_bytes()) / 2;
  command::TakenBytes held(services_.held);
  options.events_max = k_events_most;
  while (observe::TraceRecorder::held_bytes(options.events_max) > most ||
         !held.take(observe::TraceRecorder::held_bytes(options.events_max))) {
    options.events_max /= 2;
    if (options.events_max < k_events_least)
      return refused(503, "there is no memory for a trace now: clients hold what there is");
  }
  return std::make_unique<TracePage>(services_, options, std::move(held), is_busy_);
}

}  // namespace ullage::server
