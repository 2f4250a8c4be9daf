#include "replay/command.h"

#include "base/failure.h"
#include "base/terminal.h"
#include "replay/driver.h"
#include "replay/workload.h"
#include "report/json.h"
#include "report/output.h"
#include "report/page.h"
#include "report/text.h"

#include <cstdio>
#include <optional>

#include <fmt/core.h>

namespace ullage::app {
namespace {

#ifdef ULLAGE_VERSION
constexpr const char* k_version = ULLAGE_VERSION;
#else
constexpr const char* k_version = "development";
#endif

ReplayResult run_naive(const Workload& workload, ReplayOptions options, bool show_progress) {
  options.policy = k_naive_policy;
  return run_replay_in_child(workload, options, show_progress);
}

}  // namespace

int replay_command(ReplayOptions options, const std::string& command) {
  const Workload workload = choose_workload(options);
  if (options.compare_naive && workload.path == "-") {
    throw Failure("--compare: standard input can be read only once; give a file", k_exit_usage);
  }
  complete_options(workload, options);
  if (!options.report.empty()) expect_writable(options.report);
  const bool show_progress = stderr_is_terminal() && !options.quiet && !options.json;

  std::optional<ReplayResult> naive;
  ReplayResult result;
  if (options.compare_naive) {
    // Each in a process of its own, so that neither's memory stands in the other's account.
    result = run_replay_in_child(workload, options, show_progress);
    naive = run_naive(workload, options, show_progress);
  } else {
    result = run_replay(workload, options, show_progress);
  }

  const ReplayResult* beside = naive ? &*naive : nullptr;
  if (!options.report.empty()) {
    write_file(options.report, html_page(result, beside, {command, workload.why, k_version}));
  }
  if (options.json) {
    fmt::print("{}", json_report(result, beside));
  } else {
    fmt::print("{}", text_report(result, beside, workload.why, probe_terminal()));
    if (!options.report.empty()) fmt::print("\nreport written to {}\n", options.report);
  }
  if (std::fflush(stdout) != 0) throw Failure("cannot write to standard output");
  return result.findings.empty() ? 0 : k_exit_failure;
}

}  // namespace ullage::app
