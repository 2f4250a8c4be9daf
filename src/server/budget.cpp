#include "server/budget.h"

#include <ullage/limits.h>

#include "resp/limits.h"
#include "server/sizes.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace ullage::server {

namespace {
// Code and data that the first requests will touch, and the heap's own slack.
constexpr std::size_t k_baseline_room_bytes = 3 * k_mib;
// Its stack as far as it is used, its read and reply buffers, and the groups most called.
constexpr std::size_t k_thread_bytes = 344 * k_kib;
// A value that is read or made anew lies in the heap of its thread for a moment: the old one, and
// the new.
constexpr std::size_t k_values_a_thread = 2;
// What an argument of a request takes while the request runs: where it lies, and the lock of its
// key with what was seen of it.
constexpr std::size_t k_arg_bytes = 24;
constexpr std::size_t k_args_share = 32;
constexpr std::size_t k_args_least = 16 * 1024;
constexpr std::uint64_t k_max_clients_default = 10'000;
// Shares of the limit.
constexpr std::size_t k_connections_share = 16;
constexpr std::size_t k_buffers_share = 8;
constexpr std::size_t k_buffers_min_bytes = 2 * k_mib;
constexpr std::size_t k_buffers_max_bytes = k_gib;
constexpr std::size_t k_held_share_of_buffers = 8;
constexpr std::size_t k_tracking_share_of_buffers = 8;
constexpr std::size_t k_posted_share_of_buffers = 4;
}  // namespace

std::size_t resident_bytes() noexcept {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t threads() noexcept {
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0;
  unsigned long count = 0;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "Threads: %lu", &count) == 1) break;
  }
  std::fclose(file);
  return count;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ULLAGE_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ULLAGE_IS_SANITIZED 1
#endif
#endif

std::size_t program_bytes() noexcept {
#ifdef ULLAGE_IS_SANITIZED
  return 8 * k_mib;
#else
  return resident_bytes();
#endif
}

Result<Budget> divide_limit(const BudgetQuestion& question) {
  const std::size_t limit_bytes = question.limit_bytes;
  Budget budget;
  budget.client_bytes = k_connection_bytes + (question.uses_tls ? k_tls_connection_bytes : 0);
  budget.limit_bytes = limit_bytes;
  budget.program_bytes = question.resident_bytes;
  budget.baseline_bytes = question.resident_bytes + k_baseline_room_bytes;
  budget.args_max = std::clamp(limit_bytes / k_args_share / question.threads / k_arg_bytes,
                               k_args_least, resp::k_args_max);
  budget.threads_bytes =
      question.threads * (k_thread_bytes + k_values_a_thread * question.value_max_bytes +
                          (budget.args_max + k_args_least) * k_arg_bytes);
  budget.buffers_bytes =
      std::clamp(limit_bytes / k_buffers_share, k_buffers_min_bytes, k_buffers_max_bytes);
  budget.held_bytes = budget.buffers_bytes / k_held_share_of_buffers;
  budget.tracking_bytes = budget.buffers_bytes / k_tracking_share_of_buffers;
  budget.posted_bytes = budget.buffers_bytes / k_posted_share_of_buffers;
  budget.max_clients = question.max_clients;
  if (budget.max_clients == 0) {
    budget.max_clients = std::min<std::uint64_t>(
        limit_bytes / k_connections_share / budget.client_bytes, k_max_clients_default);
  }
  budget.connections_bytes = budget.max_clients * budget.client_bytes;
  const std::size_t taken = budget.baseline_bytes + budget.threads_bytes + budget.buffers_bytes +
                            budget.held_bytes + budget.tracking_bytes + budget.posted_bytes +
                            budget.connections_bytes;
  if (taken + k_memory_limit_min_bytes > limit_bytes) {
    return Error{Errc::limit_too_small,
                 "a memory limit of " + size_text(limit_bytes) + " is too small: the program and " +
                     std::to_string(budget.max_clients) + " clients take " +
                     std::to_string(taken / k_mib + 1) + "mb, the cache at least " +
                     size_text(k_memory_limit_min_bytes)};
  }
  budget.arena_bytes = limit_bytes - taken;
  return budget;
}

std::string Budget::text() const {
  const auto mib = [](std::size_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f",
                  static_cast<double>(bytes) / static_cast<double>(k_mib));
    return std::string(text);
  };
  return mib(limit_bytes) + " MiB = program " + mib(baseline_bytes) + " + threads " +
         mib(threads_bytes) + " + " + std::to_string(max_clients) + " clients " +
         mib(connections_bytes) + " + buffers " +
         mib(buffers_bytes + held_bytes + tracking_bytes + posted_bytes) + " + cache " +
         mib(arena_bytes);
}

}  // namespace ullage::server
