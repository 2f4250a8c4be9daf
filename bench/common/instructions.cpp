#include "common/instructions.h"

#include <csignal>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::bench {

std::optional<std::uint64_t> instructions_of(
    const std::function<std::function<void()>()>& prepare) {
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

}  // namespace ullage::bench
