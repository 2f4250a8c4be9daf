// What a hit touches, counted: locks, shared stores, allocations, distinct cache lines of shared
// memory. Runs from the counting build; in another build only allocations are counted.
#include "common/caches.h"
#include "common/report.h"
#include "common/text.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

// The counters are the one thing inside the library that a benchmark sees: bench/CMakeLists.txt
// gives this program the layer base, and nothing else.
#include <base/touch.h>

namespace {
std::atomic<std::uint64_t> g_allocations{0};  // of the whole process; orders nothing
}  // namespace

void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(size == 0 ? 1 : size)) return at;
  throw std::bad_alloc();
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}

namespace ullage::bench {
namespace {

constexpr double k_lines_bar = 6;
constexpr std::uint64_t k_fields_of_the_bar = 10;

struct Counts {
  std::uint64_t hits = 0;
  std::uint64_t allocations = 0;
  std::uint64_t locks = 0;
  std::uint64_t stores = 0;
  std::uint64_t ticks = 0;
  std::uint64_t lines = 0;
  std::uint64_t lines_max = 0;
  std::uint64_t again_ticks = 0;  ///< of a second read of the same entry at once
};

/// Starts to count one read.
void reset() {
#if defined(ULLAGE_COUNT_LINES)
  base::t_touch.reset();
#endif
}
/// Adds what the read did.
void add(Counts& counts) {
#if defined(ULLAGE_COUNT_LINES)
  const base::TouchCounts& touch = base::t_touch;
  counts.locks += touch.locks;
  counts.stores += touch.shared_stores;
  counts.ticks += touch.ticks;
  counts.lines += touch.lines;
  counts.lines_max = std::max<std::uint64_t>(counts.lines_max, touch.lines);
#endif
  ++counts.hits;
}

Counts count_hits(std::uint64_t entries, std::uint64_t fields, std::uint64_t reads,
                  std::size_t limit, std::size_t value_bytes) {
  Options options;
  options.memory_limit = limit;
  options.maintenance = Maintenance::manual;  // no other thread allocates
  options.clock = std::make_shared<ManualClock>();
  Cache cache = open_cache(std::move(options));
  const std::string value(value_bytes, 'v');
  const EntrySequence sequence(entries, fields, Order::in_step);
  for (std::uint64_t i = 0; i < entries; ++i) {
    reset();  // else every write searches the lines of all writes before
    must_set(cache, group_name(sequence[i].group), field_name(sequence[i].field), value);
  }
  Counts counts;
  Random random(fields);
  for (std::uint64_t i = 0; i < reads; ++i) {
    const std::uint64_t entry = random.below(entries);
    const auto group = group_name(entry / fields);
    const auto field = field_name(entry % fields);
    reset();
    const std::uint64_t allocated = g_allocations.load(std::memory_order_relaxed);
    const auto got = cache.get(group, field);
    counts.allocations += g_allocations.load(std::memory_order_relaxed) - allocated;
    if (!got || got->size() != value_bytes) {
      std::fprintf(stderr, "count_hit_bench: an entry that was set is not there\n");
      std::exit(1);
    }
    add(counts);
#if defined(ULLAGE_COUNT_LINES)
    reset();
    static_cast<void>(cache.get(group, field));
    counts.again_ticks += base::t_touch.ticks + base::t_touch.shared_stores;
#endif
  }
  return counts;
}

double each(std::uint64_t total, const Counts& counts) {
  return static_cast<double>(total) / static_cast<double>(counts.hits);
}

void report_row(Report& report, std::uint64_t fields, const Counts& counts,
                const std::string& workload) {
  const bool judged = fields == k_fields_of_the_bar;
  const std::string group =
      text("%llu field%s a group", static_cast<unsigned long long>(fields), fields == 1 ? "" : "s");
#if defined(ULLAGE_COUNT_LINES)
  report.add(
      {.figure = "lines touched by a hit, " + group,
       .bar = judged ? text("<= %.0f", k_lines_bar) : "",
       .result = text("%.2f on average, %llu at most", each(counts.lines, counts),
                      static_cast<unsigned long long>(counts.lines_max)),
       .met = judged ? std::optional(each(counts.lines, counts) <= k_lines_bar) : std::nullopt,
       .peer = "",
       .workload = workload});
  report.add({.figure = "locks and shared stores of a hit, " + group,
              .bar = "0 locks, 0 stores but the tick",
              .result = text("%.4f locks, %.4f stores, %.4f ticks (%.4f when read again at once)",
                             each(counts.locks, counts), each(counts.stores, counts),
                             each(counts.ticks, counts), each(counts.again_ticks, counts)),
              .met = counts.locks == 0 && counts.stores == 0 && counts.ticks <= counts.hits &&
                     counts.again_ticks == 0,
              .peer = "",
              .workload = workload});
#else
  static_cast<void>(judged);
#endif
  report.add({.figure = "allocations of a hit of 64 B, " + group,
              .bar = "0",
              .result = text("%.4f", each(counts.allocations, counts)),
              .met = counts.allocations == 0,
              .peer = "",
              .workload = workload});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("count_hit", arguments);
#if !defined(ULLAGE_COUNT_LINES)
  Report::note("not the counting build: lines, locks and stores are not counted");
#endif
  const auto entries = arguments.scaled<std::uint64_t>(1'000'000, 10'000);
  const auto reads = arguments.scaled<std::uint64_t>(200'000, 5'000);
  const auto limit = arguments.scaled<std::size_t>(256 * ullage::k_mib, 32 * ullage::k_mib);
  for (const std::uint64_t fields : {1, 10, 100, 1000}) {
    const Counts small = count_hits(entries, fields, reads, limit, k_value_bytes);
    Counts counts = small;
    counts.allocations += count_hits(entries / 10 / fields * fields + fields, fields, reads / 10,
                                     limit, ullage::Value::k_inline_bytes)
                              .allocations;
    report_row(report, fields, counts,
               text("%.1fM entries of 11 + 32 B, uniform random, get()",
                    static_cast<double>(entries) / 1e6));
  }
  return report.finish();
}
