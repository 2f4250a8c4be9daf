// The data profile of a full cache: how long it takes on one core, what it holds up meanwhile, and
// that it is true to the byte.
#include <ullage/observe/data_profile.h>

#include "common/arguments.h"
#include "common/caches.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/text.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ullage::bench {
namespace {

constexpr double k_seconds_max = 2;

class Bench {
 public:
  Bench(const Arguments& arguments, Report& report)
      : entries_(arguments.scaled<std::uint64_t>(2'000'000, 50'000)),
        rounds_(arguments.scaled<int>(7, 2)),
        report_(report) {}

  void run(std::uint64_t fields) {
    Options options;
    options.memory_limit = 512_MiB;
    options.maintenance = Maintenance::manual;
    Cache cache = open_cache(std::move(options));
    const EntrySequence sequence(entries_, fields, Order::in_step);
    for (std::uint64_t i = 0; i < sequence.size(); ++i)
      must_set(cache, sequence[i]);

    std::vector<double> seconds;
    observe::DataProfile made;
    for (int round = 0; round < rounds_; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      made = observe::data_profile(cache).value();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      seconds.push_back(took.count());
    }
    const double median = median_of(seconds).value;
    const std::string workload = text("%.1fM entries of 11 + 32 B, %llu fields a group",
                                      static_cast<double>(entries_) / 1e6, number(fields));
    report_.add({.figure = "data profile of the whole cache",
                 .bar = "<= 2 s",
                 .result = text("%.2f s (%llu samples, %zu bytes)", median, number(made.samples),
                                made.gzipped.size()),
                 .met = median <= k_seconds_max,
                 .peer = "",
                 .workload = workload});
    const Stats stats = cache.stats();
    const auto held = made.inspection.longest_hold_bytes;
    report_.add(
        {.figure = "the same: longest hold of the arena",
         .bar = "<= one slab",
         .result = text("%llu bytes copied", number(held)),
         .met = held <= made.inspection.bytes / std::max<std::uint64_t>(made.inspection.slabs, 1),
         .peer = "",
         .workload = workload});
    report_.add(
        {.figure = "the same: sum of its leaves",
         .bar = "= bytes charged",
         .result = text("%llu over %llu", number(made.resident_bytes), number(stats.charged_bytes)),
         .met = made.resident_bytes == stats.charged_bytes,
         .peer = "",
         .workload = workload});
  }

 private:
  static unsigned long long number(std::uint64_t n) { return n; }

  std::uint64_t entries_;
  int rounds_;
  Report& report_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("data_profile", arguments);
  Bench bench(arguments, report);
  for (const std::uint64_t fields : {1, 10, 1000})
    bench.run(fields);
  return report.finish();
}
