#include "common/instructions.h"

#include "common/text.h"

#include <csignal>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::bench {

std::optional<std::uint64_t> instructions_of(const Prepare& prepare) {
  const int child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
    const std::function<void()> work = prepare();
    ::raise(SIGSTOP);
    work();
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const auto is_stopped = [&](int signal) {
    return WIFSTOPPED(status) && WSTOPSIG(status) == signal;
  };
  if (!is_stopped(SIGSTOP)) return std::nullopt;
  std::uint64_t count = 0;
  do {
    if (::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) return std::nullopt;
    ::waitpid(child, &status, 0);
    ++count;
  } while (is_stopped(SIGTRAP));
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return count;
}

void report_instructions(Report& report, const InstructionRatio& what, const Prepare& with,
                         const Prepare& without) {
  const auto more = instructions_of(with);
  const auto less = instructions_of(without);
  if (!more || !less) return Report::note("instructions cannot be counted here: no ptrace");
  const double ratio = static_cast<double>(*more) / static_cast<double>(*less);
  const auto each = [&](std::uint64_t all) {
    return static_cast<double>(all) / static_cast<double>(what.operations);
  };
  report.add({.figure = what.figure,
              .bar = what.bar ? text("<= %.2f x", *what.bar) : "",
              .result = text("%.4f x (%.0f over %.0f)", ratio, each(*more), each(*less)),
              .met = what.bar ? std::optional(ratio <= *what.bar) : std::nullopt,
              .peer = "",
              .workload = text("%llu operations, counted one by one",
                               static_cast<unsigned long long>(what.operations)) +
                          what.workload});
}

}  // namespace ullage::bench
