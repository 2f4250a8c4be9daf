#include "replay/workload.h"

#include <ullage/limits.h>

#include "base/failure.h"
#include "sim/simulator.h"
#include "trace/find.h"
#include "trace/zipf.h"

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>

namespace ullage::app {
namespace {

constexpr std::string_view k_main_trace = "orm-busy";
constexpr std::string_view k_generated = "zipf";

// What an entry costs beyond its value in a limit that must never be the one that binds.
constexpr double k_entry_bytes_generous = 256;
constexpr std::uint64_t k_peeked_requests = 10'000;

// "orm-busy" of ".../orm-busy.csv.xz".
std::string short_name(const std::string& path) {
  std::string file = std::filesystem::path(path).filename().string();
  for (const std::string_view ending :
       {".csv.xz", ".csv.gz", ".csv.zst", ".csv", ".xz", ".gz", ".zst"}) {
    if (file.size() > ending.size() && file.ends_with(ending))
      return file.substr(0, file.size() - ending.size());
  }
  return file;
}

bool is_simulated(const ReplayOptions& options) {
  return options.policy.starts_with("sim:");
}

// The mean size of a stored value, from the first requests.
double mean_size(const Workload& workload, const ReplayOptions& options, const SizeRule& unsized) {
  const auto source = open_workload(workload, options);
  Request request;
  double sum = 0;
  std::uint64_t count = 0;
  while (count < k_peeked_requests && source->next(request)) {
    sum += request.size != 0 ? static_cast<double>(request.size) : unsized.mean();
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace

Workload choose_workload(const ReplayOptions& options) {
  Workload workload;
  const auto generated = [&workload](std::string why) {
    workload.name = "generated two-level Zipf";
    workload.why = std::move(why);
    return workload;
  };
  if (options.trace.empty()) {
    const auto found = find_trace(std::string(k_main_trace), trace_folders());
    if (!found) {
      return generated(fmt::format(
          "No trace was named and {} was not found, so the requests are generated", k_main_trace));
    }
    workload.path = found->string();
    workload.why = fmt::format("No trace was named: {} is the main job", k_main_trace);
  } else if (options.trace == k_generated && !find_trace(options.trace, trace_folders())) {
    return generated("");
  } else {
    workload.path = require_trace(options.trace).string();
  }
  workload.name = short_name(workload.path);
  if (workload.path != "-") {
    workload.format = to_string(TraceReader(workload.path, options.reader).format());
  } else {
    workload.name = "standard input";
  }
  return workload;
}

std::unique_ptr<RequestSource> open_workload(const Workload& workload,
                                             const ReplayOptions& options) {
  if (!workload.path.empty()) return std::make_unique<TraceReader>(workload.path, options.reader);
  ZipfOptions zipf;
  if (options.requests != 0) zipf.requests = options.requests;
  zipf.seed = options.seed;
  return std::make_unique<ZipfSource>(zipf);
}

void complete_options(const Workload& workload, ReplayOptions& options) {
  if (is_simulated(options)) {
    if (options.max_entries && options.memory_limit) {
      throw Failure(
          "a simulator counts entries or bytes: give --max-entries or --memory-limit, not both",
          k_exit_usage);
    }
    if (options.threads > 1) throw Failure("--threads: simulators run in one thread", k_exit_usage);
  }
  const bool entries_alone = options.max_entries.has_value() && !options.memory_limit.has_value();
  if (!options.unsized) options.unsized = entries_alone ? SizeRule{} : k_unsized_default;
  if (options.memory_limit || (entries_alone && is_simulated(options))) return;
  if (!entries_alone) {
    options.memory_limit = workload.path.empty() ? k_memory_limit_generated : k_memory_limit_trace;
    return;
  }
  // The cache always has a memory limit. Where the user limits entries alone it must not be the one
  // that binds: twice the room that the entries need by the sizes at the front of the trace.
  const double size = workload.path == "-" ? 4096 : mean_size(workload, options, *options.unsized);
  const double room =
      2 * static_cast<double>(*options.max_entries) * (size + k_entry_bytes_generous);
  options.memory_limit =
      static_cast<std::uint64_t>(std::clamp(room, static_cast<double>(k_memory_limit_min_bytes),
                                            static_cast<double>(k_memory_limit_max_bytes)));
}

}  // namespace ullage::app
