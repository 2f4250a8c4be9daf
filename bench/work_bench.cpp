// Bounded work: the most that any single call did, by the cache's own counters, with a
// million-field group growing, being dropped and expiring beside single writes. And what was
// dropped or has expired is back within a second of an injected clock, without anyone touching it.
#include "common/caches.h"
#include "common/report.h"
#include "common/text.h"

#include <memory>
#include <vector>

namespace ullage::bench {
namespace {

// A and B of "work <= A + B x bytes" are the library's own: k_work_... in <ullage/limits.h>.
constexpr std::size_t k_large_bytes = 1024;

constexpr std::int64_t k_tick_ms = 50;
constexpr std::size_t k_steps_a_tick = 4096;  // the budget of the cache's own maintenance thread
constexpr std::int64_t k_back_within_ms = 1000;

class Bench {
 public:
  Bench(const Arguments& arguments, Report& report)
      : fields_(arguments.scaled<std::uint64_t>(1'000'000, 20'000)),
        roomy_(arguments.scaled<std::size_t>(256_MiB, 32_MiB)),
        tight_(arguments.scaled<std::size_t>(32_MiB, 8_MiB)),
        report_(report) {}

  void run() {
    grown_and_dropped();
    grown_and_expired();
    idle();
    under_pressure();
  }

 private:
  Cache open(std::size_t limit, Millis idle_ttl = Millis(0)) {
    clock_ = std::make_shared<ManualClock>();
    Options options;
    options.memory_limit = limit;
    options.maintenance = Maintenance::manual;
    options.clock = clock_;
    options.group.idle_ttl = idle_ttl;
    return open_cache(std::move(options));
  }

  /// The giant group grows; between its fields small groups are written.
  void grow(Cache& cache, const SetOptions& giant) {
    for (std::uint64_t i = 0; i < fields_; ++i) {
      must_set(cache, group_name(0), field_name(i), EntryValue(0, i), giant);
      if (i % 4 == 0) must_set(cache, {1 + i / 40, i % 40});
    }
  }
  void small_writes(Cache& cache, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
      must_set(cache, {2'000'000 + i / 10, i % 10});
  }

  void grown_and_dropped() {
    Cache cache = open(roomy_);
    small_writes(cache, 1000);
    const std::uint64_t before = cache.stats().live_page_bytes;
    for (std::uint64_t i = 0; i < fields_; ++i) {
      must_set(cache, group_name(0), field_name(i), EntryValue(0, i));
    }
    work(cache, "growing");
    const std::uint64_t grown = cache.stats().live_page_bytes;
    cache.erase_group(group_name(0));
    if (cache.contains_group(group_name(0))) fail("a dropped group is still there");
    work(cache, "dropped");
    back("a dropped group of %.1fM fields", cache, before, grown);
    {
      Cache writes = open(roomy_);
      grow(writes, {});
      writes.erase_group(group_name(0));
      small_writes(writes, fields_ / 2);  // they pay for the dropped pages, a few each
      work(writes, "dropped beside single writes");
    }
  }

  void grown_and_expired() {
    Cache cache = open(roomy_);
    small_writes(cache, 1000);
    const std::uint64_t before = cache.stats().live_page_bytes;
    SetOptions set;
    set.ttl = Millis(60'000);
    for (std::uint64_t i = 0; i < fields_; ++i) {
      must_set(cache, group_name(0), field_name(i), EntryValue(0, i), set);
    }
    const std::uint64_t grown = cache.stats().live_page_bytes;
    clock_->advance(Millis(60'001));
    back("%.1fM expired fields of one group", cache, before, grown);
    work(cache, "expiring");

    Cache writes = open(roomy_);
    grow(writes, set);
    clock_->advance(Millis(60'001));
    small_writes(writes, fields_ / 2);
    work(writes, "expiring beside single writes");
  }

  void idle() {
    Cache cache = open(roomy_, Millis(60'000));
    small_writes(cache, 1000);
    const std::uint64_t before = cache.stats().live_page_bytes;
    for (std::uint64_t i = 0; i < fields_; ++i) {
      must_set(cache, group_name(0), field_name(i), EntryValue(0, i));
    }
    const std::uint64_t grown = cache.stats().live_page_bytes;
    // An idle time is checked in steps of 1/16 of it: past the last of them all is idle.
    for (std::int64_t ms = 0; ms < 64'000; ms += 1000) {
      clock_->advance(Millis(1000));
      cache.tick(16);
    }
    back("an idle group of %.1fM fields", cache, before, grown);
  }

  /// More than fits: every write makes room.
  void under_pressure() {
    Cache cache = open(tight_);
    grow(cache, {});
    cache.erase_group(group_name(0));
    small_writes(cache, fields_);
    work(cache, "in a full cache");
    // What frees the least: small entries must go for values that need pages of their own.
    const std::string large(k_large_bytes, 'l');
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < fields_ / 10; ++i) {
      if (!cache.set(group_name(4'000'000 + i / 10), field_name(i), large)) ++refused;
    }
    work(cache, "in a full cache, values growing to 1 KiB", k_large_bytes, refused);
  }

  /// Advances a second in ticks; what is left over `before` then is not back.
  void back(const char* what, Cache& cache, std::uint64_t before, std::uint64_t grown) {
    std::int64_t at = 0;
    std::int64_t done_at = -1;
    std::uint64_t live = 0;
    for (; at < k_back_within_ms; at += k_tick_ms) {
      clock_->advance(Millis(k_tick_ms));
      cache.tick(k_steps_a_tick);
      live = cache.stats().live_page_bytes;
      if (done_at < 0 && live <= before + before / 50) done_at = at + k_tick_ms;
    }
    const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 0x1p20; };
    report_.add({.figure = "bytes back: " + text(what, static_cast<double>(fields_) / 1e6),
                 .bar = "within 1 s of the injected clock",
                 .result = done_at < 0 ? text("%.1f MiB of %.1f MiB still there after 1 s",
                                              mib(live) - mib(before), mib(grown) - mib(before))
                                       : text("%.1f MiB in %lld ms", mib(grown) - mib(live),
                                              static_cast<long long>(done_at)),
                 .met = done_at >= 0,
                 .peer = "",
                 .workload = text("nobody touches it; a tick of %zu steps every %lld ms",
                                  k_steps_a_tick, static_cast<long long>(k_tick_ms))});
  }

  void work(const Cache& cache, const char* when, std::size_t bytes = 0,
            std::uint64_t refused = 0) {
    const WorkMax w = cache.stats().work_max;
    const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    const auto written = [&](std::uint64_t moved, std::uint64_t freed, std::uint64_t ranked,
                             std::uint64_t steps) {
      return text("%llu entries moved, %llu pages freed, %llu ranked, %llu steps", number(moved),
                  number(freed), number(ranked), number(steps));
    };
    // A + B x bytes
    const std::uint64_t steps = k_work_reclaim_steps.of(bytes);
    const std::uint64_t moved = k_work_entries_moved.of(bytes);
    const std::uint64_t freed = k_work_pages_freed.of(bytes);
    const std::uint64_t ranked = k_work_candidates.of(bytes);
    report_.add(
        {.figure = text("most work of one call, a million-field group %s", when),
         .bar = "<= " + written(moved, freed, ranked, steps),
         .result = written(w.entries_moved, w.pages_freed, w.candidates_ranked, w.reclaim_steps) +
                   (refused == 0 ? "" : text("; %llu writes refused", number(refused))),
         .met = w.entries_moved <= moved && w.pages_freed <= freed &&
                w.candidates_ranked <= ranked && w.reclaim_steps <= steps && refused == 0,
         .peer = "",
         .workload = text("%.1fM fields of 11 + 32 B", static_cast<double>(fields_) / 1e6)});
  }

  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "work_bench: %s\n", what);
    std::exit(1);
  }

  const std::uint64_t fields_;
  const std::size_t roomy_;
  const std::size_t tight_;
  Report& report_;
  std::shared_ptr<ManualClock> clock_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("work", arguments);
  Bench bench(arguments, report);
  bench.run();
  return report.finish();
}
