#include "base/child.h"

#include "base/failure.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ullage::app {
namespace {

void write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(to, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;  // the parent is gone; the exit code is all that is left to say
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

[[noreturn]] void run_child(int to, const std::function<std::string()>& work) {
  // Without a parent nobody waits for the answer.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int code = 0;
  try {
    write_all(to, work());
  } catch (const Failure& failure) {
    write_all(to, failure.what());
    code = failure.exit_code();
  } catch (const std::exception& error) {
    write_all(to, error.what());
    code = k_exit_failure;
  }
  ::close(to);
  std::fflush(stderr);
  ::_exit(code);  // not exit(): the parent's buffers and handlers are not ours to run
}

}  // namespace

std::string run_in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw Failure(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  std::fflush(stdout);
  std::fflush(stderr);
  const pid_t child = ::fork();
  if (child < 0) throw Failure(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) {
    ::close(ends[0]);
    run_child(ends[1], work);
  }
  ::close(ends[1]);
  std::string answer;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    throw Failure(fmt::format("the measured process was ended by signal {}{}", WTERMSIG(status),
                              WTERMSIG(status) == SIGKILL ? " (out of memory?)" : ""));
  }
  if (WEXITSTATUS(status) != 0) throw Failure(answer, WEXITSTATUS(status));
  return answer;
}

}  // namespace ullage::app
