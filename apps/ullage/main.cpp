// The program `ullage`: flags and dispatch, nothing else.
#include <ullage/limits.h>

#include "base/escape.h"
#include "base/failure.h"
#include "base/units.h"
#include "bench/quick_bench.h"
#include "observe/commands.h"
#include "replay/command.h"
#include "serve/command.h"
#include "server/serve.h"
#include "trace/format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#ifndef ULLAGE_VERSION
#define ULLAGE_VERSION "development"
#endif

namespace {

using namespace ullage::app;

constexpr std::array<std::string_view, 5> k_policies = {"adaptive", "lru", "sim:lru", "sim:fifo",
                                                        "sim:s3fifo"};

constexpr const char* k_replay_footer =
    R"(Policies: adaptive (the default) and lru are the cache's own; sim:lru, sim:fifo and sim:s3fifo are
exact simulators that hold no data. Sizes are in powers of 1024: 64mb, 64MiB, 1.5gb.

TRACE is a file, or a name such as orm-busy that is looked for in $ULLAGE_TRACES, then in
../shared/traces; "zipf" is generated; "-" is standard input. Without TRACE: orm-busy where it is found,
else zipf. Formats: group,field,size lines; Twitter's cache-trace; libCacheSim's oracleGeneral; plain
keys. Each may be plain, .xz, .gz or .zst.

Examples:
  ullage replay
  ullage replay web07 --max-entries 2048 --json
  ullage replay orm-busy --memory-limit 8mb --compare naive --report replay.html
  ullage replay cluster52.sort.csv.zst --memory-limit 1gb --skip-bad
  ullage replay adaptsize --memory-limit 64mb --policy sim:s3fifo)";

constexpr const char* k_bench_footer = R"(Examples:
  ullage bench
  ullage bench --entries 2m --fields-per-group 100 --value-bytes 32 --json

The full suite, with peers, repetitions and intervals: ./dev bench)";

// What CLI11 hands over as text, until our own parsers have read it.
struct ReplayTexts {
  std::string max_entries;
  std::string memory_limit;
  std::string max_value;
  std::string unsized;
  std::string requests;
  std::string format = "auto";
  std::string split = ":";
  std::string compare;
};

struct BenchTexts {
  std::string entries = "1m";
  std::string fields_per_group = "10";
  std::string value_bytes = "32";
  std::string memory_limit;
};

void add_replay(CLI::App& app, ReplayOptions& options, ReplayTexts& texts) {
  app.footer(k_replay_footer);
  app.add_option("TRACE", options.trace, "Trace file or name");
  app.add_option("--max-entries", texts.max_entries, "Limit the number of entries")->type_name("N");
  app.add_option("--memory-limit", texts.memory_limit,
                 "Limit the memory (default: 8mb, 32mb for generated requests)")
      ->type_name("SIZE");
  app.add_option("--policy", options.policy, "Eviction policy (default: adaptive)")->type_name("P");
  app.add_flag("--json", options.json, "Print one JSON object instead of the report");
  app.add_option("--report", options.report, "Write an HTML page with charts")->type_name("FILE");
  app.add_option("--compare", texts.compare, "Run the naive map of maps beside: naive")
      ->type_name("naive");
  app.add_option("--requests", texts.requests, "Stop after so many requests")->type_name("N");
  app.add_option("--unsized", texts.unsized,
                 "Value size where the trace gives none: one, or MIN-MAX by the entry's hash\n"
                 "(default: 0 with --max-entries alone, else 16-2048)")
      ->type_name("SIZE");
  app.add_option("--max-value", texts.max_value, "Longest value that is stored (default: 1mb)")
      ->type_name("SIZE");
  app.add_option("--format", texts.format, "auto, csv, twitter, oracle-general or keys")
      ->type_name("F");
  app.add_option("--split", texts.split,
                 "What divides plain keys into group and field, or none (default: the last :)")
      ->type_name("CHAR");
  app.add_flag("--skip-bad", options.reader.skip_bad,
               "Count malformed lines instead of stopping at the first");
  app.add_option("--seed", options.seed, "Seed of the run: same seed, same result (default: 1)")
      ->type_name("N");
  app.add_option("--threads", options.threads, "Threads that use the cache at once (default: 1)")
      ->type_name("N");
  app.add_option("--rate", options.rate, "Requests per second of the run's clock (default: 1000)")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--maintenance",
         [&options](const std::string& who) {
           if (who != "manual" && who != "thread") {
             throw Failure(fmt::format("--maintenance: \"{}\" is none of manual, thread",
                                       escape_excerpt(who)),
                           k_exit_usage);
           }
           options.background_maintenance = who == "thread";
         },
         "manual: between requests, so that runs repeat exactly (default); thread: the cache's own")
      ->type_name("WHO");
  app.add_flag("--verify", options.verify, "Compare every byte that a hit answers");
  app.add_flag("--quiet", options.quiet, "No progress on standard error");
}

void finish_replay(ReplayOptions& options, const ReplayTexts& texts) {
  if (std::find(k_policies.begin(), k_policies.end(), options.policy) == k_policies.end()) {
    throw Failure(
        fmt::format("--policy: \"{}\" is none of adaptive, lru, sim:lru, sim:fifo, sim:s3fifo",
                    escape_excerpt(options.policy)),
        k_exit_usage);
  }
  const bool simulated = options.policy.starts_with("sim:");
  if (!texts.max_entries.empty()) {
    options.max_entries = parse_count("--max-entries", texts.max_entries);
    if (*options.max_entries == 0)
      throw Failure("--max-entries: 0 is not allowed, at least 1", k_exit_usage);
  }
  if (!texts.memory_limit.empty()) {
    options.memory_limit = parse_bytes("--memory-limit", texts.memory_limit);
    const std::uint64_t least = simulated ? 1 : ullage::k_memory_limit_min_bytes;
    if (*options.memory_limit < least || *options.memory_limit > ullage::k_memory_limit_max_bytes) {
      throw Failure(
          fmt::format("--memory-limit: {} is {}, allowed are {} to {}",
                      escape_excerpt(texts.memory_limit),
                      format_bytes(static_cast<double>(*options.memory_limit)),
                      format_bytes(static_cast<double>(least)),
                      format_bytes(static_cast<double>(ullage::k_memory_limit_max_bytes))),
          k_exit_usage);
    }
  }
  if (!texts.max_value.empty()) {
    options.max_value_bytes = parse_bytes("--max-value", texts.max_value);
    if (options.max_value_bytes == 0 || options.max_value_bytes > ullage::k_value_max_bytes) {
      throw Failure(
          fmt::format("--max-value: {} is not in 1 B to {}", escape_excerpt(texts.max_value),
                      format_bytes(static_cast<double>(ullage::k_value_max_bytes))),
          k_exit_usage);
    }
  }
  if (!texts.unsized.empty()) options.unsized = SizeRule::parse(texts.unsized);
  if (!texts.requests.empty()) options.requests = parse_count("--requests", texts.requests);
  options.reader.format = parse_format(texts.format);
  if (texts.split == "none") {
    options.reader.split.enabled = false;
  } else if (texts.split.size() == 1) {
    options.reader.split.separator = texts.split[0];
  } else {
    throw Failure(fmt::format("--split: \"{}\" is neither one character nor none",
                              escape_excerpt(texts.split)),
                  k_exit_usage);
  }
  constexpr std::uint64_t k_threads_max = 1024;
  if (options.threads == 0 || options.threads > k_threads_max) {
    throw Failure(fmt::format("--threads: {} is not in 1 to {}", options.threads, k_threads_max),
                  k_exit_usage);
  }
  if (options.rate == 0) throw Failure("--rate: 0 is not allowed, at least 1", k_exit_usage);
  if (!texts.compare.empty() && texts.compare != "naive") {
    throw Failure(
        fmt::format("--compare: \"{}\" is not known, only naive", escape_excerpt(texts.compare)),
        k_exit_usage);
  }
  options.compare_naive = !texts.compare.empty();
}

void add_bench(CLI::App& app, QuickBenchOptions& options, BenchTexts& texts) {
  app.footer(k_bench_footer);
  app.add_option("--entries", texts.entries, "Entries to write (default: 1m)")->type_name("N");
  app.add_option("--fields-per-group", texts.fields_per_group, "Fields in each group (default: 10)")
      ->type_name("M");
  app.add_option("--value-bytes", texts.value_bytes, "Size of each value (default: 32)")
      ->type_name("SIZE");
  app.add_option("--memory-limit", texts.memory_limit, "Limit (default: room for all entries)")
      ->type_name("SIZE");
  app.add_option("--seed", options.seed, "Seed of hash and reads (default: 1)")->type_name("N");
  app.add_flag("--json", options.json, "Print one JSON object");
}

void finish_bench(QuickBenchOptions& options, const BenchTexts& texts) {
  options.entries = parse_count("--entries", texts.entries);
  options.fields_per_group = parse_count("--fields-per-group", texts.fields_per_group);
  options.value_bytes = parse_bytes("--value-bytes", texts.value_bytes);
  if (!texts.memory_limit.empty())
    options.memory_limit = parse_bytes("--memory-limit", texts.memory_limit);
  constexpr std::uint64_t k_entries_max = 2'000'000'000;
  if (options.entries == 0 || options.entries > k_entries_max) {
    throw Failure(fmt::format("--entries: {} is not in 1 to {}", options.entries, k_entries_max),
                  k_exit_usage);
  }
  if (options.fields_per_group == 0)
    throw Failure("--fields-per-group: 0 is not allowed, at least 1", k_exit_usage);
}

// Ours to report, since CLI11 names neither the command nor where help is.
void reject_extras(const CLI::App& app, const std::string& command) {
  const auto extras = app.remaining();
  if (extras.empty()) return;
  const std::string name = extras.front().substr(0, extras.front().find('='));
  const bool option = name.starts_with('-');
  const char* what = option            ? "unknown option"
                     : command.empty() ? "unknown command"
                                       : "unexpected argument";
  throw Failure(fmt::format("{} {} (see ullage {}--help)", what, escape_excerpt(name),
                            command.empty() ? "" : command + " "),
                k_exit_usage);
}

std::string command_line(int argc, char** argv) {
  std::string line = "ullage";
  for (int at = 1; at < argc; ++at)
    line += std::string(" ") + argv[at];
  return line;
}

int run(int argc, char** argv) {
  CLI::App app(
      "ullage: a two-level cache (group, field, value) that cannot outgrow its memory limit",
      "ullage");
  app.set_version_flag("--version", std::string("ullage ") + ULLAGE_VERSION);
  app.set_help_flag("-h,--help", "Print this help");
  app.footer(
      "Examples:\n  ullage serve\n  ullage serve --help\n  ullage replay --report replay.html\n  "
      "ullage profile data\n  ullage bench\n");
  app.allow_extras();

  ReplayOptions replay_options;
  ReplayTexts replay_texts;
  auto* replay = app.add_subcommand(
      "replay", "Replay a trace of requests against a cache and report what happened");
  replay->allow_extras();
  add_replay(*replay, replay_options, replay_texts);

  ServeTexts serve_texts;
  auto* serve = app.add_subcommand("serve", "Serve any Redis client, under a memory limit");
  serve->allow_extras();
  add_serve(*serve, serve_texts);

  auto* commands =
      app.add_subcommand("commands", "Print the reference page of the server's commands");
  commands->allow_extras();

  ProfileTexts profile_texts;
  auto* profile =
      app.add_subcommand("profile", "Show who owns a server's memory, or uses its processor time");
  profile->allow_extras();
  add_profile(*profile, profile_texts);

  TraceTexts trace_texts;
  auto* trace = app.add_subcommand("trace", "Record what a server does, for the Perfetto UI");
  trace->allow_extras();
  add_trace(*trace, trace_texts);

  StatsTexts stats_texts;
  auto* stats = app.add_subcommand("stats", "Show a server's figures, once or again and again");
  stats->allow_extras();
  add_stats(*stats, stats_texts);

  DoctorTexts doctor_texts;
  auto* doctor = app.add_subcommand("doctor", "Say what is wrong with a server, or will be");
  doctor->allow_extras();
  add_doctor(*doctor, doctor_texts);

  QuickBenchOptions bench_options;
  BenchTexts bench_texts;
  auto* bench =
      app.add_subcommand("bench", "Measure throughput and bytes per entry in a few seconds");
  bench->allow_extras();
  add_bench(*bench, bench_options, bench_texts);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    throw Failure(error.what(), k_exit_usage);
  }
  if (replay->parsed()) {
    reject_extras(*replay, "replay");
    finish_replay(replay_options, replay_texts);
    return replay_command(replay_options, command_line(argc, argv));
  }
  if (serve->parsed()) {
    reject_extras(*serve, "serve");
    return serve_command(serve_texts);
  }
  if (commands->parsed()) {
    reject_extras(*commands, "commands");
    fmt::print("{}", ullage::server::command_reference());
    return 0;
  }
  if (profile->parsed()) {
    reject_extras(*profile, "profile");
    return profile_command(profile_texts);
  }
  if (trace->parsed()) {
    reject_extras(*trace, "trace");
    return trace_command(trace_texts);
  }
  if (doctor->parsed()) {
    reject_extras(*doctor, "doctor");
    return doctor_command(doctor_texts);
  }
  if (stats->parsed()) {
    reject_extras(*stats, "stats");
    return stats_command(stats_texts);
  }
  if (bench->parsed()) {
    reject_extras(*bench, "bench");
    finish_bench(bench_options, bench_texts);
    return bench_command(bench_options);
  }
  reject_extras(app, "");
  fmt::print(stderr, "{}", app.help());
  return k_exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const ullage::app::Failure& failure) {
    fmt::print(stderr, "ullage: {}\n", failure.what());
    return failure.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "ullage: {}\n", error.what());
    return ullage::app::k_exit_failure;
  }
}
