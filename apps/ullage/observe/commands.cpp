#include "observe/commands.h"

#include <ullage/observe/profile_change.h>

#include "base/escape.h"
#include "base/failure.h"
#include "base/units.h"
#include "observe/profile_view.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace ullage::app {

namespace {

constexpr const char* k_profile_footer =
    R"(What: data, the bytes in the cache by role, fields, groups and class; growth, what has come of them
since the doctor found somebody who grows; heap, the rest of the memory by function; allocs, all that
was ever allocated; cpu, the processor time by function.

Examples:
  ullage profile data
  ullage profile heap --save before.pb.gz
  ullage profile heap --diff before.pb.gz
  ullage profile cpu --seconds 30 --flame cpu.svg
  ullage profile --file before.pb.gz --type inuse_objects --top 50
  ullage profile cpu --lines --save lines.pb.gz   (then: go tool pprof -list=NAME lines.pb.gz))";

constexpr const char* k_trace_footer = R"(Open the file at https://ui.perfetto.dev.

Example:
  ullage trace --seconds 10 -o slow.perfetto-trace)";

constexpr const char* k_stats_footer = R"(Examples:
  ullage stats
  ullage stats --watch 2
  ullage stats --json)";

constexpr std::chrono::seconds k_patience{60};

void add_server(CLI::App& app, std::string& url, std::string& token) {
  app.add_option(
         "--url", url,
         fmt::format("The server's admin port (default: {}), or unix:/PATH of its --debug-socket",
                     k_default_url))
      ->type_name("URL");
  app.add_option("--token", token, "The admin token, if the server is on another machine")
      ->type_name("TEXT")
      ->envname("ULLAGE_ADMIN_TOKEN");
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) throw Failure(fmt::format("cannot read {}", escape_excerpt(path)));
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw Failure(fmt::format("cannot write {}", escape_excerpt(path)));
  fmt::print(stderr, "wrote {} ({})\n", escape_excerpt(path),
             format_bytes(static_cast<double>(bytes.size())));
}

observe::ParsedProfile parsed(const std::string& bytes, const std::string& from,
                              observe::FrameNames names) {
  auto profile = observe::parse_profile(bytes, names);
  if (!profile) throw Failure(fmt::format("{}: {}", escape_excerpt(from), profile.error().message));
  return std::move(profile).value();
}

std::string fetched(const ProfileTexts& texts) {
  if (!texts.file.empty()) return read_file(texts.file);
  const Url url = Url::parse(texts.url);
  std::string page = texts.what;
  std::chrono::seconds patience = k_patience;
  if (texts.what == "cpu") {
    page = fmt::format("profile?seconds={}", texts.seconds);
    patience += std::chrono::seconds(texts.seconds);
    fmt::print(stderr, "sampling for {} s ...\n", texts.seconds);
  }
  return http_get(url, "/debug/pprof/" + page, patience, texts.token);
}

std::size_t type_of(const observe::ParsedProfile& profile, const std::string& name) {
  if (name.empty()) return profile.default_type;
  const auto found =
      std::ranges::find(profile.types, name, &observe::ParsedProfile::ValueType::type);
  if (found != profile.types.end()) return static_cast<std::size_t>(found - profile.types.begin());
  std::string known;
  for (const auto& type : profile.types)
    known += (known.empty() ? "" : ", ") + escape_excerpt(type.type);
  throw Failure(fmt::format("--type: \"{}\" is none of {}", escape_excerpt(name), known),
                k_exit_usage);
}

}  // namespace

void add_profile(CLI::App& app, ProfileTexts& texts) {
  app.footer(k_profile_footer);
  app.add_option("WHAT", texts.what, "data, growth, heap, allocs or cpu");
  add_server(app, texts.url, texts.token);
  app.add_option("--file", texts.file, "Read a saved profile instead")->type_name("FILE");
  app.add_option("--top", texts.top, "Rows of the table (default: 20)")->type_name("N");
  app.add_option("--type", texts.type, "What to count, as inuse_space or entries")
      ->type_name("NAME");
  app.add_option("--diff", texts.diff, "Show what came since that saved profile")
      ->type_name("FILE");
  app.add_option("--flame", texts.flame, "Write a flame graph")->type_name("OUT.svg");
  app.add_option("--save", texts.save, "Keep the profile, for --diff, --file or go tool pprof")
      ->type_name("FILE");
  app.add_option("--seconds", texts.seconds, "For how long cpu samples (default: 10)")
      ->type_name("N");
  app.add_flag("--lines", texts.lines,
               "Put lines of source in, from the debug data of the programs on this machine");
  app.add_option("--binary", texts.addr2line.binary,
                 "Where the server's program lies here, for --lines")
      ->type_name("FILE");
  app.add_option("--addr2line", texts.addr2line.program,
                 "What reads debug data for --lines (default: addr2line)")
      ->type_name("PROGRAM");
}

namespace {
std::string with_lines(const std::string& bytes, const std::string& from, const Addr2line& tool) {
  auto done = observe::add_lines(
      bytes, [&](const observe::CodeFile& file, std::span<const std::uint64_t> offsets) {
        fmt::print(stderr, "lines of {} ...\n", escape_excerpt(file.path));
        return source_lines(tool, file, offsets);
      });
  if (!done) throw Failure(fmt::format("{}: {}", escape_excerpt(from), done.error().message));
  return std::move(done).value();
}
}  // namespace

int profile_command(const ProfileTexts& texts) {
  constexpr const char* k_kinds[] = {"data", "growth", "heap", "allocs", "cpu"};
  const bool is_known = std::ranges::find(k_kinds, texts.what) != std::end(k_kinds);
  if (texts.file.empty() && !is_known) {
    throw Failure(texts.what.empty()
                      ? "what: data, growth, heap, allocs or cpu (see ullage profile --help)"
                      : fmt::format("\"{}\" is none of data, growth, heap, allocs, cpu",
                                    escape_excerpt(texts.what)),
                  k_exit_usage);
  }
  if (!texts.file.empty() && !texts.what.empty())
    throw Failure("either a server's profile or that of --file", k_exit_usage);
  const std::string& from = texts.file.empty() ? texts.url : texts.file;
  const auto names = texts.lines ? observe::FrameNames::lines : observe::FrameNames::functions;
  std::string bytes = fetched(texts);
  if (texts.lines) bytes = with_lines(bytes, from, texts.addr2line);
  observe::ParsedProfile profile = parsed(bytes, from, names);
  if (!texts.save.empty()) write_file(texts.save, bytes);
  if (!texts.diff.empty()) {
    std::string base = read_file(texts.diff);
    if (texts.lines) base = with_lines(base, texts.diff, texts.addr2line);
    auto change = observe::difference(std::move(profile), parsed(base, texts.diff, names));
    if (!change) throw Failure(change.error().message);
    profile = std::move(*change);
  }
  const std::size_t type = type_of(profile, texts.type);
  if (!texts.flame.empty()) {
    write_file(texts.flame,
               flame_graph(profile, type,
                           fmt::format("{}: {}", texts.file.empty() ? texts.what : texts.file,
                                       profile.types[type].type)));
  }
  fmt::print("{}", profile_table(profile, type, texts.top));
  return 0;
}

void add_trace(CLI::App& app, TraceTexts& texts) {
  app.footer(k_trace_footer);
  add_server(app, texts.url, texts.token);
  app.add_option("--seconds", texts.seconds, "For how long (default: 5)")->type_name("N");
  app.add_option("-o,--out", texts.out, "Where to (default: ullage.perfetto-trace)")
      ->type_name("FILE");
}

int trace_command(const TraceTexts& texts) {
  const Url url = Url::parse(texts.url);
  fmt::print(stderr, "tracing for {} s ...\n", texts.seconds);
  const std::string trace = http_get(url, fmt::format("/debug/trace?seconds={}", texts.seconds),
                                     k_patience + std::chrono::seconds(texts.seconds), texts.token);
  write_file(texts.out, trace);
  fmt::print("open it at https://ui.perfetto.dev\n");
  return 0;
}

void add_doctor(CLI::App& app, DoctorTexts& texts) {
  app.footer(
      R"(Exit code: 0 nothing is wrong, and there may be notes; 3 there is a warning or worse; 1 the server
cannot be asked.

Examples:
  ullage doctor --url http://cache-1:7380 --token TOKEN
  ullage doctor --json > then.json      # and later, or elsewhere:
  ullage doctor --file then.json)");
  add_server(app, texts.url, texts.token);
  app.add_option("--file", texts.file, "Read what --json has written instead")
      ->type_name("FILE")
      ->excludes("--url");
  app.add_flag("--json", texts.json, "For tools");
}

int doctor_command(const DoctorTexts& texts) {
  const std::string said =
      texts.file.empty()
          ? http_get(Url::parse(texts.url), "/debug/doctor?format=json", k_patience, texts.token)
          : read_file(texts.file);
  const auto page = nlohmann::json::parse(said, nullptr, false);
  const auto is_finding = [](const nlohmann::json& one) {
    return one.is_object() &&
           std::ranges::all_of(one, [](const nlohmann::json& part) { return part.is_string(); });
  };
  if (!page.is_object() || !page.contains("findings") || !page["findings"].is_array() ||
      !std::ranges::all_of(page["findings"], is_finding)) {
    throw Failure(texts.file.empty()
                      ? "the server's answer is none of a doctor's"
                      : escape_excerpt(texts.file) + ": this is nothing that --json has written");
  }
  const auto& findings = page["findings"];
  const auto text = [](const nlohmann::json& one, const char* name) {
    // It is escaped where it was made; what a terminal would obey is none of a doctor's.
    std::string words = one.value(name, std::string());
    std::ranges::replace_if(words, [](char c) { return c < ' ' || c > '~'; }, '?');
    return words;
  };
  if (texts.json) {
    fmt::print("{}", said);
  } else if (findings.empty()) {
    fmt::print("Nothing is wrong that can be seen from here.\n");
  } else {
    for (const auto& one : findings) {
      fmt::print("{}: {}.\n  seen by: {}\n  next:    {}\n", text(one, "severity"),
                 text(one, "what"), text(one, "evidence"), text(one, "command"));
      if (one.contains("profile")) fmt::print("  profile: {}\n", text(one, "profile"));
    }
  }
  // Notes are worth reading, and nothing is wrong.
  const bool is_wrong = std::ranges::any_of(
      findings, [&](const nlohmann::json& one) { return text(one, "severity") != "note"; });
  return is_wrong ? k_exit_findings : 0;
}

void add_stats(CLI::App& app, StatsTexts& texts) {
  app.footer(k_stats_footer);
  add_server(app, texts.url, texts.token);
  CLI::Option* const json = app.add_flag("--json", texts.json, "As the server says it");
  app.add_option("--watch", texts.watch, "Again every so many seconds, until it is stopped")
      ->type_name("N")
      ->excludes(json);
}

namespace {

/// The numbers of /metrics that are of one kind, summed up over their labels.
std::uint64_t metric(const std::string& text, const std::string& name) {
  double sum = 0;
  std::size_t at = 0;
  while ((at = text.find(name, at)) != std::string::npos) {
    const std::size_t behind = at + name.size();
    const bool is_it = (at == 0 || text[at - 1] == '\n') && behind < text.size() &&
                       (text[behind] == ' ' || text[behind] == '{');
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (is_it) sum += std::strtod(text.c_str() + text.rfind(' ', end), nullptr);
    at = end;
  }
  return static_cast<std::uint64_t>(sum);
}

struct Counts {
  std::uint64_t commands = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t removals = 0;
};

Counts counts_of(const std::string& metrics) {
  return {.commands = metric(metrics, "ullage_commands_total"),
          .hits = metric(metrics, "ullage_cache_hits_total"),
          .misses = metric(metrics, "ullage_cache_misses_total"),
          .removals = metric(metrics, "ullage_cache_removals_total")};
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void print_stats(const std::string& metrics, const std::string& memstats) {
  const auto bytes = [](std::uint64_t n) { return format_bytes(static_cast<double>(n)); };
  const auto number = [&](const char* name) { return metric(metrics, name); };
  const std::uint64_t charged = number("ullage_cache_charged_bytes");
  const std::uint64_t limit = number("ullage_cache_limit_bytes");
  fmt::print("process    {} resident of {}, {} at its peak\n",
             bytes(number("ullage_resident_bytes")), bytes(number("ullage_limit_bytes")),
             bytes(number("ullage_resident_peak_bytes")));
  fmt::print("cache      {} of {} ({}), {} entries in {} groups\n", bytes(charged), bytes(limit),
             format_percent(share(charged, limit)), format_count(number("ullage_cache_entries")),
             format_count(number("ullage_cache_groups")));
  const Counts counts = counts_of(metrics);
  fmt::print("reads      {} hits, {} misses ({})\n", format_count(counts.hits),
             format_count(counts.misses),
             format_percent(share(counts.hits, counts.hits + counts.misses)));
  fmt::print("removed    {} entries; clients {}, commands {}\n", format_count(counts.removals),
             format_count(number("ullage_clients")), format_count(counts.commands));
  const auto page = nlohmann::json::parse(memstats, nullptr, false);
  if (page.is_discarded() || !page.contains("accounts")) return;
  for (const char* const account : {"resident", "cache"}) {
    if (!page["accounts"].contains(account)) continue;
    std::string line;
    for (const auto& [name, size] : page["accounts"][account]["lines"].items()) {
      if (!size.is_number_integer()) continue;
      const auto value = size.get<std::int64_t>();
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", escape_excerpt(name),
                          format_value(value, "bytes"));
    }
    fmt::print("{:<10} {}\n", account == std::string_view("cache") ? "roles" : "memory", line);
  }
}

}  // namespace

int stats_command(const StatsTexts& texts) {
  const Url url = Url::parse(texts.url);
  constexpr std::uint64_t k_seconds_max = 86'400;
  const std::uint64_t seconds = texts.watch.empty() ? 0 : parse_count("--watch", texts.watch);
  if (!texts.watch.empty() && (seconds == 0 || seconds > k_seconds_max))
    throw Failure("--watch: a number of seconds from 1 to 86400", k_exit_usage);
  const auto get = [&](const char* path) { return http_get(url, path, k_patience, texts.token); };
  if (texts.json) {
    fmt::print("{}", get("/debug/memstats"));
    return 0;
  }
  std::string metrics = get("/metrics");
  print_stats(metrics, get("/debug/memstats"));
  if (texts.watch.empty()) return 0;
  fmt::print("\n{:>10} {:>10} {:>8} {:>12} {:>12} {:>12}\n", "commands/s", "reads/s", "hits",
             "removed/s", "charged", "resident");
  while (true) {
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    const Counts before = counts_of(metrics);
    metrics = get("/metrics");
    const Counts now = counts_of(metrics);
    // A server that has been started anew counts from zero.
    const auto since = [](std::uint64_t then, std::uint64_t value) {
      return value >= then ? value - then : value;
    };
    const std::uint64_t hits = since(before.hits, now.hits);
    const std::uint64_t reads = hits + since(before.misses, now.misses);
    fmt::print("{:>10} {:>10} {:>8} {:>12} {:>12} {:>12}\n",
               format_count(since(before.commands, now.commands) / seconds),
               format_count(reads / seconds), format_percent(share(hits, reads)),
               format_count(since(before.removals, now.removals) / seconds),
               format_bytes(static_cast<double>(metric(metrics, "ullage_cache_charged_bytes"))),
               format_bytes(static_cast<double>(metric(metrics, "ullage_resident_bytes"))));
  }
}

}  // namespace ullage::app
