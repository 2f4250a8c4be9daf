#include "server/diagnoses.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

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

/// So that a line stays a line, and text is text.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    char shown[8];
    std::snprintf(shown, sizeof shown, "\\x%02x", unsigned{byte});
    text += shown;
  }
  return text;
}
/// A name that came from a client.
std::string in_quotes(std::string_view name) {
  constexpr std::size_t k_shown_max = 64;
  return "\"" + escaped(name.substr(0, k_shown_max)) + (name.size() > k_shown_max ? "...\"" : "\"");
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
    case EarlyWarning::Kind::stack:
      return "What " + escaped(one.name) + " allocates";
  }
  return "Somebody";
}
std::string growth_command(const EarlyWarning::Finding& one, bool has_profile) {
  const std::string more = has_profile ? "; ullage profile growth shows what has come"
                                       : "; ullage profile data shows what it holds";
  switch (one.kind) {
    case EarlyWarning::Kind::process:
    case EarlyWarning::Kind::stack:
      return "ullage profile heap --save now.pb.gz, and later: ullage profile heap --diff "
             "now.pb.gz";
    case EarlyWarning::Kind::class_:
      return "UL.CLASS SET PATTERN MAX bounds it" + more;
    case EarlyWarning::Kind::group:
      return "UL.LIMIT KEY MAXFIELDS bounds it, HEXPIRE ends its fields" + more;
    case EarlyWarning::Kind::prefix:
      return "EXPIRE or UL.LIMIT KEY IDLE ends each, UL.CLASS SET PREFIX* MAX bounds all" + more;
    case EarlyWarning::Kind::cache:
      break;
  }
  return more.substr(2);
}

bool never_ends(const EarlyWarning::Finding& one) noexcept {
  return one.fields != 0 && one.endless_fields == one.fields;
}

/// What somebody who grows has come to hold, in a few words; empty if that is not known.
std::string grown_text(const DoctorFacts& facts, const EarlyWarning::Finding& one) {
  constexpr std::size_t k_told_max = 3;
  std::string text;
  std::size_t told = 0;
  for (const GrowthProfile::Part& part : GrowthProfile::parts_of(one, facts.grown)) {
    if (told++ == k_told_max) break;
    if (text.empty()) {
      text = "; within " + time_text(static_cast<double>(facts.grown_ms) / 1000) +
             (one.kind == EarlyWarning::Kind::group ? " came, to it and all like it, " : " came ");
    } else {
      text += ", ";
    }
    text += bytes_text(static_cast<double>(part.bytes));
    if (!part.field.empty()) text += " of field " + in_quotes(part.field);
    text += " in " + in_quotes(part.group);
  }
  return text;
}

void look_at_growth(const DoctorFacts& facts, All& all) {
  constexpr double k_hour_s = 3600;
  for (const EarlyWarning::Finding& one : facts.growth) {
    Diagnosis made;
    made.severity = Severity::warning;
    made.what = owner_text(one) + (never_ends(one) ? " only grows, and has no TTL"
                                                   : " grows, and nothing says that it will stop");
    made.evidence = bytes_text(one.bytes) + ", " +
                    bytes_text(std::max(one.trend.slope_per_s, 0.0) * k_hour_s) +
                    " more each hour, over " + time_text(one.trend.seen_s);
    if (one.trend.at_limit) {
      const double left_s = one.trend.at_limit->expected_s;
      if (left_s < k_hour_s) made.severity = Severity::critical;
      made.evidence += one.kind == EarlyWarning::Kind::process ? "; at the limit in "
                                                               : "; has filled what is free in ";
      made.evidence += time_text(left_s);
      const observe::Forecast& when = *one.trend.at_limit;
      made.evidence +=
          std::isfinite(when.latest_s)
              ? " (" + time_text(when.earliest_s) + " to " + time_text(when.latest_s) + ")"
              : " (" + time_text(when.earliest_s) + " at the earliest)";
    }
    if (one.endless_fields != 0) {
      made.evidence +=
          never_ends(one) ? "; none of its " + std::to_string(one.fields) + " fields ends by itself"
                          : "; " + percent_text(share(one.endless_fields, one.fields)) +
                                " of its fields have no TTL";
    }
    const std::string grown = grown_text(facts, one);
    made.evidence += grown;
    if (!grown.empty()) made.profile = "/debug/pprof/growth";
    made.command = growth_command(one, !grown.empty());
    all.push_back(std::move(made));
  }
}

void look_at_container(const DoctorFacts& facts, All& all) {
  using observe::GovernorStage;
  if (facts.governor.is_blind) {
    all.push_back({.severity = Severity::warning,
                   .what = "The container's memory cannot be read any more, and the cache stays as "
                           "it is",
                   .evidence = "what /proc/self/cgroup names has no files with its limit and use",
                   .command = "cat /proc/self/cgroup; ls /sys/fs/cgroup; --governor no if there is "
                              "nothing to be governed by"});
  }
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

/// Whose entries are unread now; empty if nobody has many.
std::string unread_text(const DoctorFacts& facts) {
  const auto most = std::ranges::max_element(facts.seen.prefixes, {},
                                             &observe::CensusResult::Group::unread_fields);
  if (most == facts.seen.prefixes.end() || most->unread_fields == 0) return {};
  return "; of those that are there now " + std::to_string(most->unread_fields) + " of " +
         in_quotes(most->name) + " are unread, " +
         percent_text(share(most->unread_fields, most->fields)) + " of its fields";
}

/// Pages of which the values leave a part that nothing fits into.
void look_at_sizes(const DoctorFacts& facts, All& all) {
  // A page takes whole entries: most sizes of values leave a few hundredths empty, those of two to
  // four KiB up to a fifth (census_test.cpp walks over them).
  constexpr double k_much_of_its_own = 0.12;
  constexpr double k_much_of_all = 0.10;
  constexpr std::uint64_t k_cache_least = std::uint64_t{4} << 20;
  if (facts.seen.bytes < k_cache_least) return;
  const auto worst =
      std::ranges::max_element(facts.seen.sizes, {}, &observe::CensusResult::Size::slack);
  if (worst == facts.seen.sizes.end() || share(worst->slack, worst->bytes) < k_much_of_its_own ||
      share(worst->slack, facts.seen.bytes) < k_much_of_all)
    return;
  all.push_back(
      {.severity = Severity::note,
       .what =
           "Values of about " + bytes_text(worst->value_bytes) + " leave much of their pages empty",
       .evidence = std::to_string(worst->entries) + " entries in " + bytes_text(worst->bytes) +
                   ", of which " + bytes_text(worst->slack) + " hold nothing (" +
                   percent_text(share(worst->slack, worst->bytes)) + ")",
       .command = "smaller values, or several fields in one key, share a page; ullage "
                  "profile data --type resident shows whose they are"});
}

void look_at_calls(const DoctorFacts& facts, All& all) {
  // So many that a share is certain to some hundredths.
  constexpr std::uint64_t k_samples_least = 200;
  constexpr double k_hot = 0.25;
  // A thread does some hundred thousand calls a second: below this nobody waits for a group.
  constexpr double k_hot_per_s = 20'000;
  constexpr double k_too_hot_per_s = 100'000;
  if (facts.hot.samples < k_samples_least || facts.hot.window_ms <= 0) return;
  const double window_s = static_cast<double>(facts.hot.window_ms) / 1000;
  for (const auto& group : facts.hot.groups) {
    const double part = share(group.samples, facts.hot.samples);
    const double per_s = static_cast<double>(group.samples) *
                         static_cast<double>(command::GroupCalls::k_distance) / window_s;
    if (part < k_hot || per_s < k_hot_per_s) continue;
    all.push_back(
        {.severity = per_s < k_too_hot_per_s ? Severity::note : Severity::warning,
         .what = "Group " + in_quotes(group.name) + " is hot: much of all calls is for it",
         .evidence = percent_text(part) + " of the calls with a key in the last " +
                     time_text(window_s) + ", about " +
                     std::to_string(std::llround(per_s / 1000) * 1000) + " a second, by " +
                     std::to_string(facts.hot.samples) + " samples",
         .command = "CLIENT TRACKING lets clients keep it, several keys that stand for one "
                    "spread its writes; CLIENT LIST shows who is there"});
  }
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
  if (evicted >= k_entries_least && evicted > cache.inserts / 2 &&
      share(cache.evicted_unread, evicted) > 0.8) {
    all.push_back({.severity = Severity::warning,
                   .what = "Most of what is written is evicted before anybody has read it, as by a "
                           "scan",
                   .evidence = percent_text(share(cache.evicted_unread, evicted)) + " of " +
                               std::to_string(evicted) +
                               " entries evicted of late were never read" + unread_text(facts),
                   .command = "do not cache what is read once, or bound it: UL.CLASS SET PREFIX* "
                              "HIGH; SET with EX lets it go by itself"});
  } else if (reads >= k_calls_least && cache.hit_ratio() < 0.5 && evicted > cache.inserts / 2) {
    all.push_back({.severity = Severity::warning,
                   .what = "Most of what is written is evicted, and most reads find nothing",
                   .evidence = "hit ratio " + percent_text(cache.hit_ratio()) + ", " +
                               std::to_string(evicted) + " entries evicted and " +
                               std::to_string(cache.inserts) + " written of late",
                   .command = "more memory (CONFIG SET maxmemory); ullage profile data shows what "
                              "it is spent on"});
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

std::vector<Diagnosis> find_all(const DoctorFacts& facts) {
  All all;
  look_at_growth(facts, all);
  look_at_container(facts, all);
  look_at_groups(facts, all);
  look_at_classes(facts, all);
  look_at_calls(facts, all);
  look_at_sizes(facts, all);
  look_at_cache(facts, all);
  return all;
}

}  // namespace ullage::server
