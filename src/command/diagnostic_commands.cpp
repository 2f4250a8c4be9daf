// SLOWLOG, LATENCY, DEBUG: where the time goes.
#include "command/call.h"
#include "command/families.h"
#include "command/latency_monitor.h"
#include "command/real.h"
#include "command/slow_log.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace ullage::command {

namespace {

/// A tenant sees what his own user did.
std::vector<SlowLog::Entry> visible_entries(Call& call) {
  std::vector<SlowLog::Entry> entries = call.services.slow_log.entries();
  const User& user = *call.session.user;
  if (user.is_tenant())
    std::erase_if(entries, [&](const auto& entry) { return entry.user != user.name(); });
  return entries;
}

void slowlog_get(Call& call) {
  if (call.args.size() > 3) return call.wrong_number_of_arguments();
  std::int64_t most = 10;
  if (call.args.size() == 3) {
    const auto given =
        call.integer_in(2, -1, INT64_MAX, "ERR count should be greater than or equal to -1");
    if (!given) return;
    most = *given;
  }
  std::vector<SlowLog::Entry> entries = visible_entries(call);
  if (most >= 0 && static_cast<std::uint64_t>(most) < entries.size())
    entries.resize(static_cast<std::size_t>(most));
  call.reply.array(entries.size());
  for (const SlowLog::Entry& entry : entries) {
    call.reply.array(6);
    call.reply.integer(static_cast<std::int64_t>(entry.id));
    call.reply.integer(entry.at_ms / 1000);
    call.reply.integer(entry.took_us);
    call.reply.array(entry.args.size());
    for (const std::string& arg : entry.args)
      call.reply.bulk(arg);
    call.reply.bulk(entry.client);
    call.reply.bulk(entry.client_name);
  }
}

void slowlog_len(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(visible_entries(call).size()));
}

void slowlog_reset(Call& call) {
  call.services.slow_log.clear();
  call.reply.ok();
}

void latency_latest(Call& call) {
  const std::vector<LatencyMonitor::Event> events = call.services.latency.events();
  call.reply.array(events.size());
  for (const LatencyMonitor::Event& event : events) {
    call.reply.array(4);
    call.reply.bulk(event.name);
    call.reply.integer(event.samples.back().at_s);
    call.reply.integer(event.samples.back().took_ms);
    call.reply.integer(event.worst_ms);
  }
}

void latency_history(Call& call) {
  const std::vector<LatencyMonitor::Sample> samples = call.services.latency.history(call.args[2]);
  call.reply.array(samples.size());
  for (const LatencyMonitor::Sample& sample : samples) {
    call.reply.array(2);
    call.reply.integer(sample.at_s);
    call.reply.integer(sample.took_ms);
  }
}

void latency_reset(Call& call) {
  LatencyMonitor& latency = call.services.latency;
  if (call.args.size() == 2) return call.reply.integer(static_cast<std::int64_t>(latency.clear()));
  std::int64_t gone = 0;
  for (std::size_t i = 2; i < call.args.size(); ++i)
    gone += latency.forget(call.args[i]) ? 1 : 0;
  call.reply.integer(gone);
}

void latency_doctor(Call& call) {
  const LatencyMonitor& latency = call.services.latency;
  const std::int64_t threshold_ms = latency.threshold_ms();
  std::string text;
  if (threshold_ms <= 0) {
    text =
        "The latency monitor is off. CONFIG SET latency-monitor-threshold 100 makes it keep what "
        "takes 100 ms or more; SLOWLOG GET has the commands that took long.\n";
  } else {
    const std::vector<LatencyMonitor::Event> events = latency.events();
    if (events.empty())
      text = "Nothing has taken " + std::to_string(threshold_ms) + " ms or more.\n";
    for (const LatencyMonitor::Event& event : events) {
      std::int64_t sum_ms = 0;
      for (const LatencyMonitor::Sample& sample : event.samples)
        sum_ms += sample.took_ms;
      const auto seconds = static_cast<std::int64_t>(event.samples.size());
      text += event.name + ": in " + std::to_string(seconds) + " different seconds, " +
              std::to_string(sum_ms / seconds) + " ms on average, " +
              std::to_string(event.worst_ms) + " ms at worst, the last " +
              std::to_string(call.now_ms() / 1000 - event.samples.back().at_s) + " s ago.\n";
    }
    if (!events.empty()) text += "SLOWLOG GET has the commands themselves.\n";
  }
  call.reply.verbatim("txt", text);
}

void debug_sleep(Call& call) {
  const auto seconds = parse_real(call.args[2]);
  constexpr long double k_seconds_max = 3600;
  if (!seconds || *seconds < 0 || *seconds > k_seconds_max)
    return call.error("ERR value is not a valid float");
  std::this_thread::sleep_for(std::chrono::duration<double>(static_cast<double>(*seconds)));
  call.reply.ok();
}

void debug_object(Call& call) {
  const Key key = call.key(2);
  const auto info = call.cache().group_info(key.group());
  if (!info) return call.error(k_no_such_key);
  call.reply.simple("Value encoding:" + std::string(call.is_string(key) ? "raw" : "page") +
                    " fields:" + std::to_string(info->fields) +
                    " payload:" + std::to_string(info->payload_bytes) +
                    " resident:" + std::to_string(info->resident_bytes));
}

constexpr std::string_view k_debug_off =
    "ERR DEBUG command not allowed. Start the server with --enable-debug yes to allow it.";
template <Run run>
void if_enabled(Call& call) {
  if (!call.services.limits.debug_enabled) return call.error(k_debug_off);
  run(call);
}

constexpr Row sub(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, Run run) {
  return make_row(Family::server, name, arity, flags, k_no_keys, syntax, summary, since,
                  "O(N) for N entries", run);
}
constexpr Row container(std::string_view name, std::string_view summary, std::string_view since,
                        std::span<const Row> subcommands) {
  Row row = sub(name, -2, 0, "subcommand", summary, since, nullptr);
  row.subcommands = subcommands;
  return row;
}

constexpr Row k_slowlog_rows[] = {
    sub("GET", -2, k_admin | k_tenants, "[count]", "Commands that took long, the latest first.",
        "2.2.12", slowlog_get),
    sub("LEN", 2, k_admin | k_tenants, "", "How many are kept.", "2.2.12", slowlog_len),
    sub("RESET", 2, k_admin, "", "Forgets them.", "2.2.12", slowlog_reset),
};
constexpr Row k_latency_rows[] = {
    sub("LATEST", 2, k_admin, "", "Each event: when it was last, how long it took, the worst.",
        "2.8.13", latency_latest),
    sub("HISTORY", 3, k_admin, "event", "When an event was, and how long it took.", "2.8.13",
        latency_history),
    sub("RESET", -2, k_admin, "[event [event ...]]", "Forgets events, or all.", "2.8.13",
        latency_reset),
    sub("DOCTOR", 2, k_admin, "", "The same in words.", "2.8.13", latency_doctor),
};
constexpr Row object_row() {
  Row row =
      sub("OBJECT", 3, k_admin, "key", "What a key takes.", "1.0.0", if_enabled<debug_object>);
  row.keys = {2, 2, 1};
  row.flags |= k_readonly;
  return row;
}
constexpr Row k_debug_rows[] = {
    sub("SLEEP", 3, k_admin, "seconds", "Keeps one thread of the server busy.", "1.0.0",
        if_enabled<debug_sleep>),
    object_row(),
};

constexpr Row k_rows[] = {
    container("SLOWLOG", "Commands that took long.", "2.2.12", k_slowlog_rows),
    container("LATENCY", "When commands took longer than a threshold.", "2.8.13", k_latency_rows),
    container("DEBUG", "For tests; off unless --enable-debug.", "1.0.0", k_debug_rows),
};

}  // namespace

std::span<const Row> diagnostic_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
