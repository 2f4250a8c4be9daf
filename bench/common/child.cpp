#include "common/child.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

namespace ullage::bench {

namespace {
[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "benchmark: %s\n", what);
  std::exit(1);
}

// A pipe holds 64 KiB, so the few numbers of a result never block the child.
constexpr std::size_t k_numbers_max = 1024;

// A child that hangs must not hang the benchmark: SIGALRM ends it, and the message says so.
constexpr unsigned k_seconds_max = 300;
}  // namespace

std::vector<double> in_child(const std::function<std::vector<double>()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) fail("no pipe for a child process");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("cannot fork a child process");
  if (child == 0) {
    ::close(ends[0]);
    ::alarm(k_seconds_max);
    const std::vector<double> numbers = work();
    const std::size_t bytes = numbers.size() * sizeof(double);
    const bool sent = numbers.size() <= k_numbers_max &&
                      ::write(ends[1], numbers.data(), bytes) == static_cast<ssize_t>(bytes);
    std::fflush(nullptr);
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  std::vector<double> numbers(k_numbers_max);
  std::size_t bytes = 0;
  while (bytes < numbers.size() * sizeof(double)) {
    const ssize_t got = ::read(ends[0], reinterpret_cast<char*>(numbers.data()) + bytes,
                               numbers.size() * sizeof(double) - bytes);
    if (got <= 0) break;
    bytes += static_cast<std::size_t>(got);
  }
  ::close(ends[0]);
  int status = 0;
  if (::waitpid(child, &status, 0) != child) fail("lost the child process");
  if (WIFSIGNALED(status)) {
    std::fprintf(stderr, "benchmark: the child died of signal %d%s\n", WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? ": it ran for too long" : "");
    std::exit(1);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the child ended with an error");
  numbers.resize(bytes / sizeof(double));
  return numbers;
}

}  // namespace ullage::bench
