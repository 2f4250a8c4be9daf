#include "server/doctor.h"

#include "server/query.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

namespace ullage::server {

namespace {

constexpr std::uint64_t k_many_fields = 10'000;
/// Below this there is too little to judge by.
constexpr std::uint64_t k_entries_least = 1000;
constexpr std::uint64_t k_calls_least = 10'000;

std::string bytes_text(double bytes) {
  constexpr std::array<const char*, 5> k_units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < k_units.size(); ++unit)
    bytes /= 1024;
  char text[48];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, k_units[unit]);
  return text;
}
std::string bytes_text(std::uint64_t bytes) {
  return bytes_text(static_cast<double>(bytes));
}

std::string time_text(double seconds) {
  constexpr std::array<std::pair<double, const char*>, 3> k_units{
      {{86'400, "days"}, {3600, "hours"}, {60, "minutes"}}};
  char text[48];
  for (const auto& [length, name] : k_units) {
    if (seconds < 2 * length) continue;
    std::snprintf(text, sizeof text, "%.0f %s", seconds / length, name);
    return text;
  }
  std::snprintf(text, sizeof text, "%.0f seconds", seconds);
  return text;
}

std::string percent_text(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
  return text;
}

double share(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// A name that came from a client, in quotes: a line stays a line.
std::string in_quotes(std::string_view name) {
  constexpr std::size_t k_shown_max = 64;
  std::string text = "\"";
  for (const char c : name.substr(0, k_shown_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", unsigned{byte});
    text += escaped;
  }
  return text + (name.size() > k_shown_max ? "...\"" : "\"");
}

using All = std::vector<Diagnosis>;

/// Who grows, as a sentence begins.
std::string owner_text(const EarlyWarning::Finding& one) {
  switch (one.kind) {
    case EarlyWarning::Kind::process:
      return "The process outside of the cache";
    case EarlyWarning::Kind::cache:
      return "The cache";
    case EarlyWarning::Kind::class_:
      return "Class " + in_quotes(one.name);
    case EarlyWarning::Kind::prefix:
      return "What begins with " + in_quotes(one.name);
    case EarlyWarning::Kind::group:
      return "Group " + in_quotes(one.name);
  }
  return "Somebody";
}
std::string growth_command(EarlyWarning::Kind kind) {
  switch (kind) {
    case EarlyWarning::Kind::process:
      return "ullage profile heap --save now.pb.gz, and later: ullage profile heap --diff "
             "now.pb.gz";
    case EarlyWarning::Kind::class_:
      return "UL.CLASS SET PATTERN MAX bounds it; ullage profile data shows its keys";
    case EarlyWarning::Kind::group:
      return "UL.LIMIT bounds it; ullage profile data shows its fields";
    case EarlyWarning::Kind::cache:
    case EarlyWarning::Kind::prefix:
      break;
  }
  return "ullage profile data --save now.pb.gz, and later: ullage profile data --diff now.pb.gz";
}

void look_at_growth(const DoctorFacts& facts, All& all) {
  constexpr double k_hour_s = 3600;
  for (const EarlyWarning::Finding& one : facts.growth) {
    Diagnosis made;
    made.severity = Severity::warning;
    made.what = owner_text(one) + " grows, and nothing says that it will stop";
    made.evidence = bytes_text(one.bytes) + ", " +
                    bytes_text(std::max(one.trend.slope_per_s, 0.0) * k_hour_s) +
                    " more each hour, over " + time_text(one.trend.seen_s);
    if (one.trend.at_limit) {
      const double left_s = one.trend.at_limit->expected_s;
      if (left_s < k_hour_s) made.severity = Severity::critical;
      made.evidence += one.kind == EarlyWarning::Kind::process ? "; at the limit in "
                                                               : "; has filled what is free in ";
      made.evidence += time_text(left_s);
    }
    made.command = growth_command(one.kind);
    all.push_back(std::move(made));
  }
}

void look_at_container(const DoctorFacts& facts, All& all) {
  using observe::GovernorStage;
  if (facts.governor.stage != GovernorStage::calm || facts.given_up_bytes != 0) {
    const bool is_tight = facts.governor.stage >= GovernorStage::purge;
    all.push_back({.severity = is_tight ? Severity::critical : Severity::warning,
                   .what = "The container is short of memory, and the cache has given up some",
                   .evidence = percent_text(facts.governor.use_percent / 100) +
                               " of its limit are used; given up for now: " +
                               bytes_text(facts.given_up_bytes),
                   .command = "a higher limit of the container, or a smaller --memory-limit; "
                              "ps in the container shows who else is in it"});
  } else if (facts.container.has_limit() && facts.limit_bytes > facts.container.limit / 10 * 9) {
    all.push_back({.severity = Severity::warning,
                   .what = "The memory limit leaves the container next to nothing",
                   .evidence = "memory-limit " + bytes_text(facts.limit_bytes) +
                               ", the container's limit " + bytes_text(facts.container.limit),
                   .command = "--memory-limit auto takes three quarters of it"});
  }
  if (facts.container.oom_kills != 0) {
    all.push_back({.severity = Severity::warning,
                   .what = "The kernel has killed processes in this container",
                   .evidence = std::to_string(facts.container.oom_kills) + " since it was made",
                   .command = "dmesg | grep -A20 oom-kill"});
  }
}

void look_at_groups(const DoctorFacts& facts, All& all) {
  constexpr std::size_t k_told_max = 3;
  std::size_t told = 0;
  for (const auto& group : facts.seen.groups) {
    if (group.fields < k_many_fields || told == k_told_max) continue;
    ++told;
    all.push_back({.severity = Severity::warning,
                   .what = "Group " + in_quotes(group.name) + " has a great many fields",
                   .evidence = std::to_string(group.fields) + " fields, " +
                               bytes_text(group.bytes) + " at least",
                   .command = "UL.LIMIT KEY MAXFIELDS 1000 bounds it; --preset config-cache all"});
  }
  const std::uint64_t overhead = facts.seen.roles.header + facts.seen.roles.index;
  if (facts.cache.groups >= k_entries_least && facts.cache.entries < facts.cache.groups * 3 / 2 &&
      share(overhead, facts.seen.bytes) > 0.4) {
    all.push_back({.severity = Severity::note,
                   .what = "Most groups have one field, and headers take much of the memory",
                   .evidence = std::to_string(facts.cache.entries) + " entries in " +
                               std::to_string(facts.cache.groups) + " groups; headers and index " +
                               percent_text(share(overhead, facts.seen.bytes)),
                   .command = "fields of one group share a header: HSET user:1 theme, not SET "
                              "user:1:theme"});
  }
}

/// What the keys of no class have, as a class would have it.
ClassInfo rest_of(const DoctorFacts& facts) {
  ClassInfo rest;
  rest.own_bytes = facts.cache.payload_bytes + facts.cache.entries * k_class_entry_bytes;
  rest.hits = facts.cache.hits;
  rest.misses = facts.cache.misses;
  rest.evicted = facts.cache.removed(RemovalCause::evicted);
  const auto take = [](std::uint64_t& from, std::uint64_t n) { from -= std::min(from, n); };
  for (const ClassInfo& one : facts.classes) {
    take(rest.own_bytes, one.own_bytes);
    take(rest.hits, one.hits);
    take(rest.misses, one.misses);
    take(rest.evicted, one.evicted);
  }
  return rest;
}
double reads_a_byte(const ClassInfo& one) {
  return static_cast<double>(one.hits + one.misses) /
         static_cast<double>(std::max<std::uint64_t>(one.own_bytes, 1));
}
std::string class_text(const ClassInfo& one) {
  return one.pattern.empty() ? "what is in no class" : "class " + in_quotes(one.pattern);
}

void look_at_classes(const DoctorFacts& facts, All& all) {
  if (facts.classes.empty()) return;
  std::vector<ClassInfo> owners = facts.classes;
  owners.push_back(rest_of(facts));
  for (const ClassInfo& one : facts.classes) {
    if (one.min_now < one.limits.min) {
      all.push_back({.severity = Severity::warning,
                     .what = "Class " + in_quotes(one.pattern) +
                             " is promised more than the cache can protect",
                     .evidence = "min " + bytes_text(one.limits.min) + ", of which " +
                                 bytes_text(one.min_now) + " are kept",
                     .command = "a larger memory limit, or a smaller min: UL.CLASS SET"});
    }
  }
  // Who misses much and is evicted, beside one who holds more and is hardly read.
  const ClassInfo* starved = nullptr;
  for (const ClassInfo& one : owners) {
    const std::uint64_t reads = one.hits + one.misses;
    const bool misses = reads >= k_calls_least && one.misses > reads / 2;
    if (misses && one.evicted >= k_entries_least &&
        (starved == nullptr || one.misses > starved->misses))
      starved = &one;
  }
  if (starved == nullptr) return;
  constexpr double k_hardly = 10;
  const auto idle = std::ranges::max_element(owners, {}, [&](const ClassInfo& one) {
    const bool is_idle = &one != starved && reads_a_byte(one) * k_hardly < reads_a_byte(*starved);
    return is_idle ? one.own_bytes : 0;
  });
  if (&*idle == starved || reads_a_byte(*idle) * k_hardly >= reads_a_byte(*starved) ||
      idle->own_bytes < starved->own_bytes)
    return;
  std::string what = class_text(*starved) + " starves beside " + class_text(*idle);
  what[0] = static_cast<char>(what[0] == 'c' ? 'C' : 'W');
  all.push_back({.severity = Severity::warning,
                 .what = std::move(what),
                 .evidence = percent_text(share(starved->misses, starved->hits + starved->misses)) +
                             " of its reads miss in " + bytes_text(starved->own_bytes) +
                             "; the other holds " + bytes_text(idle->own_bytes) + " and is read " +
                             std::to_string(static_cast<std::uint64_t>(
                                 reads_a_byte(*starved) / std::max(reads_a_byte(*idle), 1e-12))) +
                             " times less for each byte",
                 .command = "UL.CLASS SET PATTERN MIN for the one, HIGH or MAX for the other"});
}

void look_at_cache(const DoctorFacts& facts, All& all) {
  const Stats& cache = facts.cache;
  const bool is_full = cache.headroom_bytes < cache.memory_limit / 10;
  if (is_full && share(facts.seen.roles.slack, facts.seen.bytes) > 0.25) {
    all.push_back({.severity = Severity::warning,
                   .what = "Much of a full cache holds nothing",
                   .evidence = percent_text(share(facts.seen.roles.slack, facts.seen.bytes)) +
                               " is room inside of pages",
                   .command = "ullage profile data --type resident: which sizes waste it"});
  }
  const std::uint64_t reads = cache.hits + cache.misses;
  const std::uint64_t evicted = cache.removed(RemovalCause::evicted);
  if (reads >= k_calls_least && cache.hit_ratio() < 0.5 && evicted > cache.inserts / 2) {
    all.push_back({.severity = Severity::warning,
                   .what = "Most of what is written is evicted, and most reads find nothing",
                   .evidence = "hit ratio " + percent_text(cache.hit_ratio()) + ", " +
                               std::to_string(evicted) + " of " + std::to_string(cache.inserts) +
                               " entries evicted",
                   .command = "more memory (CONFIG SET maxmemory), or a scan that writes what "
                              "nobody reads: ullage profile data"});
  }
  const std::uint64_t held = facts.allocator.resident;
  const std::uint64_t free_bytes = held - std::min(held, facts.allocator.allocated);
  constexpr std::uint64_t k_free_least = std::uint64_t{16} << 20;
  if (free_bytes > k_free_least && share(free_bytes, held) > 0.4) {
    all.push_back({.severity = Severity::note,
                   .what = "The allocator holds much that nobody uses",
                   .evidence = bytes_text(free_bytes) + " of " + bytes_text(held),
                   .command = "curl http://HOST:7380/debug/pprof/heap?gc=1 gives it back"});
  }
  if (share(facts.resident_bytes, facts.limit_bytes) > 0.98) {
    all.push_back(
        {.severity = Severity::critical,
         .what = "The process is at its memory limit",
         .evidence = bytes_text(facts.resident_bytes) + " of " + bytes_text(facts.limit_bytes),
         .command = "http://HOST:7380/debug/memory shows which line is too large"});
  }
}

}  // namespace

std::string_view to_string(Severity severity) noexcept {
  constexpr std::array<std::string_view, 3> k_names{"critical", "warning", "note"};
  return k_names[static_cast<std::size_t>(severity)];
}

DoctorFacts doctor_facts(const MetricsPage::Sources& sources) {
  return {.cache = sources.services.cache.stats(),
          .seen = sources.census.last(),
          .classes = sources.services.cache.classes(),
          .growth = sources.early_warning.findings(),
          .governor = sources.governor.order(),
          .given_up_bytes = sources.governor.given_up_bytes(),
          .container = observe::container_memory(),
          .allocator = observe::allocator_stats(),
          .resident_bytes = resident_bytes(),
          .limit_bytes = sources.budget().limit_bytes};
}

std::vector<Diagnosis> diagnose(const DoctorFacts& facts) {
  All all;
  look_at_growth(facts, all);
  look_at_container(facts, all);
  look_at_groups(facts, all);
  look_at_classes(facts, all);
  look_at_cache(facts, all);
  // Of one severity in the order in which they were found, which is that of what they cost.
  All sorted;
  for (const Severity severity : {Severity::critical, Severity::warning, Severity::note}) {
    for (Diagnosis& one : all) {
      if (one.severity == severity) sorted.push_back(std::move(one));
    }
  }
  return sorted;
}

std::string doctor_text(std::span<const Diagnosis> all) {
  if (all.empty()) return "Nothing is wrong that can be seen from here.\n";
  std::string text;
  for (const Diagnosis& one : all) {
    text.append(to_string(one.severity)).append(": ").append(one.what).append(".\n");
    text.append("  seen by: ").append(one.evidence).append("\n");
    text.append("  next:    ").append(one.command).append("\n");
  }
  return text;
}

std::string doctor_json(std::span<const Diagnosis> all) {
  auto shown = nlohmann::ordered_json::array();
  for (const Diagnosis& one : all) {
    shown.push_back({{"severity", to_string(one.severity)},
                     {"what", one.what},
                     {"evidence", one.evidence},
                     {"command", one.command}});
  }
  return nlohmann::ordered_json{{"findings", shown}}.dump(2) + "\n";
}

AdminResponse doctor_page(const MetricsPage::Sources& sources, const AdminRequest& request) {
  const auto query = Query::parse(request.query);
  if (!query || query->unknown({"format"}))
    return refused(400, "there is one parameter, format, which is text or json");
  const std::string_view format = query->text("format").value_or("text");
  if (format != "text" && format != "json") return refused(400, "format is text or json");
  const auto all = diagnose(doctor_facts(sources));
  if (format == "json") return {.content_type = "application/json", .body = doctor_json(all)};
  return {.body = doctor_text(all)};
}

}  // namespace ullage::server
