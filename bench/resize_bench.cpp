// A cache that is made smaller while it is used: how long that takes, what becomes of its memory,
// and what calls meet meanwhile.
#include "common/arguments.h"
#include "common/caches.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/rounds.h"
#include "common/text.h"
#include "common/workload.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace ullage::bench {
namespace {

constexpr unsigned k_threads = 2;
constexpr std::size_t k_value_bytes = 200;

/// Writes and reads until told to stop.
void load(Cache& cache, std::uint64_t keys, std::uint64_t seed, const std::atomic<bool>& stop,
          std::atomic<std::uint64_t>& refused) {
  Random random(seed);
  const std::string value(k_value_bytes, 'v');
  while (!stop.load(std::memory_order_relaxed)) {
    const std::uint64_t key = random.next() % keys;
    if (random.next() % 2 == 0) {
      static_cast<void>(cache.get(group_name(key / 10), field_name(key % 10)));
    } else if (!cache.set(group_name(key / 10), field_name(key % 10), value)) {
      refused.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void resize(const Arguments& arguments, Report& report) {
  const auto large = arguments.scaled<std::size_t>(1_GiB, 32_MiB);
  const std::size_t small = large / 4;
  const ResidentMeter meter;
  Options options;
  options.memory_limit = large;
  Cache cache = open_cache(std::move(options));
  const std::uint64_t keys = large / (k_value_bytes / 2);
  const std::string value(k_value_bytes, 'v');
  for (std::uint64_t key = 0; key < keys / 2; ++key)
    must_set(cache, group_name(key / 10), field_name(key % 10), value);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> refused{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < k_threads; ++t)
    threads.emplace_back([&, t] { load(cache, keys, t + 1, stop, refused); });
  const std::uint64_t full = meter.added();
  const double seconds = seconds_of([&] {
    if (const auto done = cache.set_memory_limit(small); !done) std::exit(1);
  });
  const std::uint64_t after = meter.added();
  const double back_seconds = seconds_of([&] {
    if (const auto done = cache.set_memory_limit(large); !done) std::exit(1);
  });
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  const bool is_bounded = is_within_bounds(cache.stats().work_max, k_value_bytes);
  const double over = static_cast<double>(after) / static_cast<double>(small);
  const auto mib = [](std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(k_mib);
  };
  const std::string workload =
      text("%u threads, half of it writes of %zu B, 10 fields a group", k_threads, k_value_bytes);
  report.add({.figure = text("resize from %.0f to %.0f MiB under load: how long it takes",
                             mib(large), mib(small)),
              .bar = "<= 5 s, no call above its work bound",
              .result = text("%.2f s; back up in %.6f s; calls %s, %llu writes found no room",
                             seconds, back_seconds, is_bounded ? "within" : "above their bound",
                             static_cast<unsigned long long>(refused.load())),
              .met = seconds <= 5 && is_bounded,
              .peer = "",
              .workload = workload});
  report.add({.figure = "the same: resident memory after it, over the new limit",
              .bar = "<= 1.01 x",
              .result = text("%.4f x (%.1f MiB, from %.1f)", over, mib(after), mib(full)),
              .met = over <= 1.01,
              .peer = "",
              .workload = workload});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("resize", arguments);
  resize(arguments, report);
  return report.finish();
}
