#include "server/metrics_page.h"

#include <ullage/observe/allocator.h>
#include <ullage/observe/container.h>

#include "command/table.h"
#include "observe/pool_metrics.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace ullage::server {

namespace {

using observe::MetricsText;
using Type = MetricsText::Type;

constexpr std::size_t k_classes_told = 50;

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
  const Stats stats = sources_.services.cache.stats();
  outside(out, stats);
  cache(out, stats);
  classes(out, stats);
  governor(out);
  growth(out);
  owners(out);
  clients(out);
  observe::pool_metrics(out, sources_.pools());
  commands(out);
  return std::move(out).finish();
}

void MetricsPage::process(MetricsText& out) const {
  out.family("ullage_build_info", Type::gauge, "The version, as a label.");
  out.sample(std::uint64_t{1}, {{"version", ULLAGE_VERSION}});
  out.family("ullage_uptime_seconds", Type::gauge, "Since the server began to serve.");
  out.sample(static_cast<double>(sources_.services.clock.running_ms() - started_ms_) / 1000);
  gauge(out, "ullage_threads", "Threads of the process.", threads());
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
  counter(out, "ullage_buffers_taken", "Buffers that were taken.", sources_.pool.taken());
  counter(out, "ullage_buffers_reused", "Of these, those whose memory had been another's before.",
          sources_.pool.reused());
  counter(out, "ullage_buffers_refused", "Buffers that there was no room for.",
          sources_.pool.refusals());
  gauge(out, "ullage_held_used_bytes",
        "Of the part for queued commands, watched keys, subscriptions and pages in the making, "
        "what is in use.",
        sources_.services.held.used_bytes());
}

/// What the process holds besides the cache, and what its container is charged with.
void MetricsPage::outside(MetricsText& out, const Stats& stats) const {
  const observe::AllocatorStats allocator = observe::allocator_stats();
  out.family("ullage_allocator_bytes", Type::gauge,
             "What the allocator holds outside of the cache: asked for, in pages that hold "
             "something of it, and resident.");
  for (const auto& [state, bytes] :
       {std::pair<std::string_view, std::uint64_t>{"allocated", allocator.allocated},
        {"active", allocator.active},
        {"resident", allocator.resident},
        {"retained", allocator.retained}})
    out.sample(bytes, {{"allocator", allocator.name}, {"state", state}});
  const std::uint64_t accounted = stats.charged_bytes + sources_.pool.used_bytes() +
                                  std::max(allocator.active, allocator.allocated) +
                                  sources_.budget().program_bytes;
  gauge(out, "ullage_accounted_bytes",
        "What is known to be taken: the cache, buffers in use, the allocator, the program as it "
        "began.",
        accounted);
  const observe::ContainerMemory container = observe::container_memory();
  if (container.version != 0) {
    gauge(out, "ullage_container_charged_bytes",
          "What the container is charged with, other processes and cached files included.",
          container.charged);
    gauge(out, "ullage_container_inactive_file_bytes",
          "Of that, files that the kernel drops before anything else.", container.inactive_files);
    if (container.has_limit()) {
      gauge(out, "ullage_container_limit_bytes", "The least limit of it and those around it.",
            container.limit);
      gauge(out, "ullage_container_headroom_bytes", "What may still be taken below that.",
            container.headroom);
    }
    if (container.is_bounded()) {
      gauge(out, "ullage_container_tightest_limit_bytes",
            "Of the group, it or one around it, that is fullest: the limit, or the size from which "
            "on the kernel slows it down.",
            container.tightest_limit);
      gauge(out, "ullage_container_tightest_used_bytes",
            "What is used of that, droppable files left out.", container.tightest_used);
    }
    counter(out, "ullage_container_limit_hits",
            "How often it was at its limit, and the kernel had to look for memory.",
            container.limit_hits);
    counter(out, "ullage_container_oom_kills", "Processes that the kernel has killed in it.",
            container.oom_kills);
    out.family("ullage_container_pressure_ratio", Type::gauge,
               "Share of the last ten seconds in which somebody in it waited for memory.");
    out.sample(container.pressure_percent / 100);
  }
  // Without a container it is the process that is charged.
  const std::uint64_t charged =
      container.version != 0
          ? container.charged - std::min(container.charged, container.inactive_files)
          : resident_bytes();
  out.family("ullage_unaccounted_bytes", Type::gauge,
             "What the container is charged with, droppable files left out, less what is "
             "accounted for; of the process where there is no container.");
  out.sample(static_cast<double>(charged) - static_cast<double>(accounted));
}

void MetricsPage::governor(MetricsText& out) const {
  const GovernorTask& task = sources_.governor;
  gauge(out, "ullage_governor_stage",
        "What the container's use of its limit asks for: 0 nothing, 1 the cache gives memory up, 2 "
        "the allocator too, 3 no new clients either.",
        static_cast<std::uint64_t>(task.order().stage));
  gauge(out, "ullage_governor_blind",
        "1: the container was known, and its memory cannot be read any more: the cache stays as it "
        "is.",
        std::uint64_t{task.order().is_blind});
  gauge(out, "ullage_governor_given_up_bytes", "What the cache may take less for now.",
        task.given_up_bytes());
  out.family("ullage_governor_actions", Type::counter, "What it has done.");
  for (std::size_t i = 0; i < GovernorTask::k_actions; ++i) {
    const auto action = static_cast<GovernorTask::Action>(i);
    out.sample(task.count(action), {{"action", to_string(action)}});
  }
}

void MetricsPage::growth(MetricsText& out) const {
  constexpr std::size_t k_told_max = 16;
  const auto all = sources_.lookout.early_warning().findings();
  gauge(out, "ullage_growth_findings", "Who grows without an end in sight, by trend.", all.size());
  out.family("ullage_growth_owners", Type::gauge, "Whose growth is followed.");
  for (std::size_t i = 0; i < EarlyWarning::k_kinds; ++i) {
    const auto kind = static_cast<EarlyWarning::Kind>(i);
    out.sample(sources_.lookout.early_warning().owners(kind), {{"owner", to_string(kind)}});
  }
  out.family("ullage_growth_at_limit_seconds", Type::gauge,
             "When the first of them will be at their limit, if they go on like this.");
  for (const EarlyWarning::Finding& one : std::span(all).first(std::min(all.size(), k_told_max))) {
    if (one.trend.at_limit)
      out.sample(one.trend.at_limit->expected_s,
                 {{"owner", to_string(one.kind)}, {"name", one.name}});
  }
}

/// As the last walk over the cache has seen it.
void MetricsPage::owners(MetricsText& out) const {
  const observe::CensusResult& seen = sources_.lookout.census().last();
  counter(out, "ullage_cache_walks", "Walks over the whole cache, for the families below.",
          seen.walks);
  if (seen.walks == 0) return;
  out.family("ullage_cache_role_bytes", Type::gauge,
             "What the cache's bytes are for, as of the last walk.");
  for (const auto& [role, bytes] :
       {std::pair<std::string_view, std::uint64_t>{"field", seen.roles.field},
        {"value", seen.roles.value},
        {"header", seen.roles.header},
        {"index", seen.roles.index},
        {"slack", seen.roles.slack}})
    out.sample(bytes, {{"role", role}});
  out.family("ullage_cache_class_bytes", Type::gauge,
             "Of all that the cache takes, by class, as of the last walk: groups of no class, and "
             "what belongs to no group, are \"default\".");
  std::uint64_t of_other_classes = 0;
  std::size_t classes_told = 0;
  for (const auto& [pattern, one] : seen.classes) {
    if (classes_told < k_classes_told) {
      ++classes_told;
      out.sample(one.bytes, {{"class", pattern.empty() ? std::string_view("default") : pattern}});
    } else {
      of_other_classes += one.bytes;
    }
  }
  if (of_other_classes != 0) out.sample(of_other_classes, {{"class", "other"}});
  out.family("ullage_cache_group_bytes", Type::gauge,
             "Of the largest groups, at least, as of the last walk.");
  std::uint64_t of_others = seen.bytes;
  std::uint64_t other_fields = seen.entries;
  // Of those that are too small to matter the names would only come and go.
  const auto is_told = [&](const auto& group) { return group.bytes >= seen.bytes / 1000; };
  const std::size_t told = std::min<std::size_t>(
      static_cast<std::size_t>(std::ranges::count_if(seen.groups, is_told)), sources_.groups_max);
  for (const auto& group : std::span(seen.groups).first(told)) {
    out.sample(group.bytes, {{"group", group.name}});
    of_others -= std::min(of_others, group.bytes);
    other_fields -= std::min(other_fields, group.fields);
  }
  out.family("ullage_cache_group_fields", Type::gauge, "Fields of the same groups.");
  for (const auto& group : std::span(seen.groups).first(told))
    out.sample(group.fields, {{"group", group.name}});
  gauge(out, "ullage_cache_other_groups_bytes", "Of all other groups together.", of_others);
  gauge(out, "ullage_cache_other_groups_fields", "Fields of those.", other_fields);
}

void MetricsPage::commands(MetricsText& out) const {
  const command::Services& services = sources_.services;
  out.family("ullage_command_calls", Type::counter, "Calls of each command that was called.");
  services.table.for_each([&](const command::Row& row) {
    const std::uint64_t calls = services.command_stats.calls(services.table.index_of(row));
    if (calls != 0) out.sample(calls, {{"command", services.table.name_of(row)}});
  });
  const RoundTimes::Sum rounds = sources_.round_times();
  std::array<std::uint64_t, RoundTimes::k_bounds_s.size() + 1> counts{};
  std::partial_sum(rounds.counts.begin(), rounds.counts.end(), counts.begin());
  out.family("ullage_round_seconds", Type::histogram,
             "How long rounds of the I/O threads took: what a client waited for others, at most. "
             "Measured in steps of the kernel's coarse clock.");
  out.histogram(RoundTimes::k_bounds_s, counts, static_cast<double>(rounds.sum_ns) / 1e9);
}

/// Of the classes that hold most, and of all others together: there may be thousands.
void MetricsPage::classes(MetricsText& out, const Stats& stats) {
  std::vector<ClassInfo> all = sources_.services.cache.classes();
  std::ranges::sort(all, [](const ClassInfo& a, const ClassInfo& b) {
    return a.own_bytes != b.own_bytes ? a.own_bytes > b.own_bytes : a.pattern < b.pattern;
  });
  ClassInfo rest;
  rest.pattern = "other";
  ClassInfo sum;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (ClassInfo* to : {&sum, i < k_classes_told ? nullptr : &rest}) {
      if (to == nullptr) continue;
      to->own_bytes += all[i].own_bytes;
      to->entries += all[i].entries;
      to->hits += all[i].hits;
      to->misses += all[i].misses;
      to->evicted += all[i].evicted;
      to->expired += all[i].expired;
      to->limited += all[i].limited;
    }
  }
  const bool has_rest = all.size() > k_classes_told;
  if (has_rest) all.resize(k_classes_told);
  if (has_rest) all.push_back(rest);
  // Groups of no class are what is left; what pages lose to rounding is nobody's.
  ClassInfo none;
  none.pattern = "default";
  const auto left = [](std::uint64_t whole, std::uint64_t part) {
    return whole > part ? whole - part : 0;
  };
  none.own_bytes = left(stats.payload_bytes + stats.entries * k_class_entry_bytes, sum.own_bytes);
  none.entries = left(stats.entries, sum.entries);
  // A counter does not go down, although the two were read one after the other.
  none.hits = other_hits_ = std::max(other_hits_, left(stats.hits, sum.hits));
  none.misses = other_misses_ = std::max(other_misses_, left(stats.misses, sum.misses));
  all.push_back(none);
  const auto family = [&](const char* name, Type type, const char* help, auto member) {
    out.family(name, type, help);
    for (const ClassInfo& one : all)
      out.sample(one.*member, {{"class", one.pattern}});
  };
  family("ullage_class_bytes", Type::gauge, "Charged for the groups of each class.",
         &ClassInfo::own_bytes);
  family("ullage_class_entries", Type::gauge, "Their fields.", &ClassInfo::entries);
  family("ullage_class_hits", Type::counter, "Reads that found their entry.", &ClassInfo::hits);
  family("ullage_class_misses", Type::counter, "Reads that did not.", &ClassInfo::misses);
  all.pop_back();
  if (all.empty()) return;
  out.family(
      "ullage_class_idle_seconds", Type::gauge,
      "How long their entries were not used, in the mean and at least, as of the last walk.");
  for (const ClassInfo& one : all) {
    const auto& seen = sources_.lookout.census().last().classes;
    if (const auto found = seen.find(one.pattern); found != seen.end())
      out.sample(found->second.mean_idle_ms() / 1000, {{"class", one.pattern}});
  }
  family("ullage_class_evicted", Type::counter, "Entries that made room for others.",
         &ClassInfo::evicted);
  family("ullage_class_expired", Type::counter, "Entries whose time had come.",
         &ClassInfo::expired);
  family("ullage_class_limited", Type::counter,
         "Entries that went for the class's max or their group's limits.", &ClassInfo::limited);
  if (has_rest) all.pop_back();
  const auto limit = [&](const char* name, const char* help, auto of) {
    out.family(name, Type::gauge, help);
    for (const ClassInfo& one : all) {
      if (const std::uint64_t bytes = of(one); bytes != 0)
        out.sample(bytes, {{"class", one.pattern}});
    }
  };
  family("ullage_class_bytes_with_children", Type::gauge,
         "What min, high and max are about: the class with those that lie in it.",
         &ClassInfo::bytes);
  limit("ullage_class_min_bytes", "What it keeps.",
        [](const ClassInfo& one) { return one.min_now; });
  limit("ullage_class_high_bytes", "Over it, it pays first.",
        [](const ClassInfo& one) { return one.limits.high; });
  limit("ullage_class_max_bytes", "What it may hold.",
        [](const ClassInfo& one) { return one.limits.max; });
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
