// Readers beside readers, and beside a writer. Reported: what is possible depends on how many
// processors are free, which a shared machine does not promise.
#include "common/caches.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/text.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields = 10;

/// Threads that read or write for a while; answers the reads of all of them in a second.
class Crowd {
 public:
  Crowd(Cache& cache, std::uint64_t entries, std::chrono::milliseconds window)
      : cache_(cache), entries_(entries), window_(window) {}

  double reads(std::size_t readers, std::size_t writers, std::uint64_t seed) {
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> done{0};
    std::vector<std::thread> threads;
    threads.reserve(readers + writers);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < readers + writers; ++i) {
      threads.emplace_back([&, i] {
        Random random(seed * 31 + i);
        std::uint64_t mine = 0;
        while (!stop.load(std::memory_order_relaxed)) {
          const std::uint64_t entry = random.below(entries_);
          const auto group = group_name(entry / k_fields);
          const auto field = field_name(entry % k_fields);
          if (i < readers) {
            mine += cache_.get(group, field).has_value() ? 1 : 0;
          } else {
            must_set(cache_, group, field, EntryValue(entry, mine++));
          }
        }
        if (i < readers) done += mine;
      });
    }
    std::this_thread::sleep_for(window_);
    stop = true;
    for (std::thread& thread : threads)
      thread.join();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return static_cast<double>(done.load()) / seconds;
  }

 private:
  Cache& cache_;
  std::uint64_t entries_;
  std::chrono::milliseconds window_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("threads", arguments);
  const auto entries = arguments.scaled<std::uint64_t>(2'000'000, 20'000);
  const auto rounds_wanted = arguments.scaled<std::size_t>(20, 3);
  const std::chrono::milliseconds window(arguments.scaled(500, 30));
  ullage::Cache cache =
      open_cache(arguments.scaled<std::size_t>(256 * ullage::k_mib, 32 * ullage::k_mib));
  const EntrySequence sequence(entries, k_fields, Order::in_step);
  for (std::uint64_t i = 0; i < entries; ++i)
    must_set(cache, sequence[i]);

  Crowd crowd(cache, entries, window);
  Rounds rounds;
  const std::size_t one = rounds.add([&](std::size_t round) { return crowd.reads(1, 0, round); });
  const std::size_t two = rounds.add([&](std::size_t round) { return crowd.reads(2, 0, round); });
  const std::size_t beside =
      rounds.add([&](std::size_t round) { return crowd.reads(1, 1, round); });
  rounds.run(rounds_wanted);

  const std::string workload = text(
      "%.1fM entries, 10 fields a group, uniform random, windows of %lld ms in turn; %u processors",
      static_cast<double>(entries) / 1e6, static_cast<long long>(window.count()),
      std::thread::hardware_concurrency());
  const auto add = [&](const char* what, std::size_t contender, const char* expected) {
    report.add({.figure = text("%s (%s expected)", what, expected),
                .bar = "",
                .result = text("%s (%.2f M/s over %.2f M/s)",
                               ratio_text(rounds.ratio(contender, one)).c_str(),
                               rounds.time(contender).value / 1e6, rounds.time(one).value / 1e6),
                .met = {},
                .peer = "one reader alone",
                .workload = workload});
  };
  add("reads of two threads over one", two, "1.8 x");
  add("reads of one thread beside a writer", beside, "0.8 x");
  const ullage::Stats stats = cache.stats();
  report.add({.figure = "reads that took a lock",
              .bar = "",
              .result = text("%llu of %.0fM, %llu retries",
                             static_cast<unsigned long long>(stats.read_locks),
                             static_cast<double>(stats.hits) / 1e6,
                             static_cast<unsigned long long>(stats.read_retries)),
              .met = {},
              .peer = "",
              .workload = workload});
  return report.finish();
}
