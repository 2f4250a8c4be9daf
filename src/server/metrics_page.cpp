#include "server/metrics_page.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <sys/resource.h>

namespace ullage::server {

namespace {

using observe::MetricsText;
using Type = MetricsText::Type;

std::uint64_t number(const std::atomic<std::uint64_t>& value) noexcept {
  return value.load(std::memory_order_relaxed);
}

void gauge(MetricsText& out, std::string_view name, std::string_view help, std::uint64_t value) {
  out.family(name, Type::gauge, help);
  out.sample(value);
}
void counter(MetricsText& out, std::string_view name, std::string_view help, std::uint64_t value) {
  out.family(name, Type::counter, help);
  out.sample(value);
}

double seconds(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

MetricsPage::MetricsPage(Sources sources)
    : sources_(std::move(sources)), started_ms_(sources_.services.clock.running_ms()) {}

std::string MetricsPage::text(MetricsText::Format format) {
  MetricsText out(format);
  process(out);
  memory(out);
  cache(out, sources_.services.cache.stats());
  clients(out);
  return std::move(out).finish();
}

void MetricsPage::process(MetricsText& out) const {
  out.family("ullage_build_info", Type::gauge, "The version, as a label.");
  out.sample(std::uint64_t{1}, {{"version", ULLAGE_VERSION}});
  out.family("ullage_uptime_seconds", Type::gauge, "Since the server began to serve.");
  out.sample(static_cast<double>(sources_.services.clock.running_ms() - started_ms_) / 1000);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  out.family("ullage_cpu_seconds", Type::counter, "Processor time of the process.");
  out.sample(seconds(usage.ru_utime), {{"mode", "user"}});
  out.sample(seconds(usage.ru_stime), {{"mode", "system"}});
  gauge(out, "ullage_resident_bytes", "Resident memory of the process.", resident_bytes());
  gauge(out, "ullage_resident_peak_bytes", "The most it ever was.",
        static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
}

void MetricsPage::memory(MetricsText& out) const {
  const Budget budget = sources_.budget();
  gauge(out, "ullage_limit_bytes", "memory_limit: of the whole process.", budget.limit_bytes);
  out.family("ullage_budget_bytes", Type::gauge, "How the limit is divided.");
  const std::array<std::pair<std::string_view, std::size_t>, 8> parts{
      {{"program", budget.baseline_bytes},
       {"threads", budget.threads_bytes},
       {"connections", budget.connections_bytes},
       {"buffers", budget.buffers_bytes},
       {"held", budget.held_bytes},
       {"tracking", budget.tracking_bytes},
       {"messages", budget.posted_bytes},
       {"cache", budget.arena_bytes}}};
  for (const auto& [part, bytes] : parts)
    out.sample(std::uint64_t{bytes}, {{"part", part}});
  gauge(out, "ullage_buffers_used_bytes", "Of the part for buffers, what is in use.",
        sources_.pool.used_bytes());
  gauge(out, "ullage_buffers_peak_bytes", "The most it ever was.", sources_.pool.peak_bytes());
  gauge(out, "ullage_held_used_bytes",
        "Of the part for queued commands, watched keys, subscriptions and pages in the making, "
        "what is in use.",
        sources_.services.held.used_bytes());
}

void MetricsPage::cache(MetricsText& out, const Stats& stats) {
  gauge(out, "ullage_cache_limit_bytes", "What the cache may take.", stats.memory_limit);
  gauge(out, "ullage_cache_charged_bytes", "What it takes: tables and slabs.", stats.charged_bytes);
  gauge(out, "ullage_cache_headroom_bytes", "What it may still take.", stats.headroom_bytes);
  gauge(out, "ullage_cache_page_bytes", "Of what it takes, pages in use.", stats.live_page_bytes);
  gauge(out, "ullage_cache_payload_bytes", "Of pages, names of fields and values.",
        stats.payload_bytes);
  gauge(out, "ullage_cache_entries", "Fields of all groups.", stats.entries);
  gauge(out, "ullage_cache_groups", "Groups.", stats.groups);
  counter(out, "ullage_cache_hits", "Reads that found their entry.", stats.hits);
  counter(out, "ullage_cache_misses", "Reads that did not.", stats.misses);
  counter(out, "ullage_cache_inserts", "Entries that were new.", stats.inserts);
  out.family("ullage_cache_removals", Type::counter, "Entries that went, by cause.");
  // Of a large group that was dropped all fields are counted at once, and those that had expired
  // are counted over to that cause as its pages are freed. A counter does not go down.
  for (std::size_t i = 0; i < k_removal_causes; ++i) {
    removals_[i] = std::max(removals_[i], stats.removals[i]);
    out.sample(removals_[i], {{"cause", to_string(static_cast<RemovalCause>(i))}});
  }
  counter(out, "ullage_cache_removal_events_lost", "Events that nobody had room for.",
          stats.removal_events_lost);
  counter(out, "ullage_cache_read_retries", "Reads that met a writer and looked again.",
          stats.read_retries);
  counter(out, "ullage_cache_read_locks", "Reads that took a lock in the end.", stats.read_locks);
  counter(out, "ullage_cache_slabs_emptied", "Slabs whose pages were moved together elsewhere.",
          stats.slabs_emptied);
  counter(out, "ullage_cache_pages_moved", "Pages that were moved for it.", stats.pages_moved);
  out.family("ullage_cache_work_max", Type::gauge, "The most work that one call did.");
  out.sample(stats.work_max.entries_moved, {{"work", "entries_moved"}});
  out.sample(stats.work_max.pages_freed, {{"work", "pages_freed"}});
  out.sample(stats.work_max.candidates_ranked, {{"work", "candidates_ranked"}});
  out.sample(stats.work_max.reclaim_steps, {{"work", "reclaim_steps"}});
}

void MetricsPage::clients(MetricsText& out) const {
  const Counters& counters = sources_.counters;
  gauge(out, "ullage_clients", "Clients that are connected.", number(counters.connections_open));
  gauge(out, "ullage_clients_max", "How many may be.", sources_.budget().max_clients);
  counter(out, "ullage_connections", "Connections that were taken.",
          number(counters.connections_received));
  counter(out, "ullage_connections_rejected", "Connections that were not.",
          number(counters.connections_rejected));
  out.family("ullage_connections_closed", Type::counter, "Connections that we ended, by cause.");
  out.sample(number(counters.closed_protocol_error), {{"cause", "protocol"}});
  out.sample(number(counters.closed_no_buffer), {{"cause", "buffers"}});
  out.sample(number(counters.closed_stalled), {{"cause", "stalled"}});
  out.sample(number(counters.closed_handshake), {{"cause", "handshake"}});
  out.family("ullage_network_bytes", Type::counter, "Bytes of clients.");
  out.sample(number(counters.input_bytes), {{"direction", "in"}});
  out.sample(number(counters.output_bytes), {{"direction", "out"}});
  const command::Counters& commands = sources_.services.counters;
  counter(out, "ullage_commands", "Commands that ran.", number(commands.commands));
  counter(out, "ullage_command_errors", "Replies that were errors.", number(commands.errors));
  counter(out, "ullage_long_command_rounds", "Steps of commands that let others run in between.",
          number(commands.long_rounds));
}

}  // namespace ullage::server
