// What it costs to sample allocations, and how true the samples are.
#include <ullage/observe/heap_profile.h>

#include "common/allocation_loop.h"
#include "common/arguments.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/server_load.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace ullage::bench {
namespace {

// --- the loop that does nothing but allocate ---

/// A process of its own that does nothing else: one that links ullage::heap, or one that links
/// jemalloc alone. Answers nanoseconds a pair.
double loop_in(const char* program, const char* malloc_conf, std::uint64_t pairs) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const int child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::setenv("MALLOC_CONF", malloc_conf, 1);
    const std::string count = std::to_string(pairs);
    ::execl(program, program, count.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::array<char, 64> answer{};
  const ssize_t bytes = ::read(ends[0], answer.data(), answer.size() - 1);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (bytes <= 0 || status != 0) {
    std::fprintf(stderr, "heap_sampling: the loop's process failed\n");
    std::exit(1);
  }
  return std::strtod(answer.data(), nullptr);
}

class Bench {
 public:
  Bench(const Arguments& arguments, Report& report) : arguments_(arguments), report_(report) {}

  void loop() {
    const auto pairs = arguments_.scaled<std::uint64_t>(30'000'000, 100'000);
    struct Rate {
      const char* name;
      const char* conf;
      const char* bar;
      double most;
    };
    const std::array<Rate, 2> rates{
        {{"one in 512 KiB, the default", "lg_prof_sample:19", "<= 1.25 x", 1.25},
         {"one in 128 KiB", "lg_prof_sample:17", "", 0}}};
    Rounds rounds;
    const std::size_t off =
        rounds.add([&](std::size_t) { return loop_in(ULLAGE_LOOP_JEMALLOC, "prof:false", pairs); });
    std::array<std::size_t, rates.size()> on{};
    for (std::size_t i = 0; i < rates.size(); ++i) {
      on[i] = rounds.add(
          [&, i](std::size_t) { return loop_in(ULLAGE_LOOP_HEAP, rates[i].conf, pairs); });
    }
    rounds.run(arguments_.scaled<std::size_t>(15, 2));
    for (std::size_t i = 0; i < rates.size(); ++i) {
      const Median ratio = rounds.ratio(on[i], off);
      std::optional<bool> met;
      if (rates[i].most != 0) met = ratio.value <= rates[i].most;
      report_.add(
          {.figure =
               text("a loop of nothing but new and delete, sampling %s, over the same without "
                    "profiling",
                    rates[i].name),
           .bar = rates[i].bar,
           .result = text("%s (%.1f ns over %.1f ns)", ratio_text(ratio).c_str(),
                          rounds.time(on[i]).value, rounds.time(off).value),
           .met = met,
           .peer = "jemalloc 5.3, its own new and delete",
           .workload = text("objects of %zu bytes, %d frames deep", k_object_bytes, k_frames)});
    }
  }

  void server() {
    constexpr std::size_t k_pipeline = 64;
    constexpr std::size_t k_connections = 8;
    const auto entries = arguments_.scaled<std::uint64_t>(512'000, 64'000);
    const auto sampling =
        start_ullage({"--memory-limit", "512mb", "--io-threads", "1", "--heap-sample", "512kb"});
    const auto quiet =
        start_ullage({"--memory-limit", "512mb", "--io-threads", "1", "--heap-sample", "0"});
    Load sampling_load(*sampling, k_connections);
    Load quiet_load(*quiet, k_connections);
    for (Load* const load : {&sampling_load, &quiet_load}) {
      Batches batches(entries, 10, k_pipeline);
      std::uint64_t next = 0;
      load->run(entries / k_pipeline / k_connections, [&] {
        next += k_pipeline;
        return batches.load(next - k_pipeline);
      });
    }
    Batches batches(entries, 10, k_pipeline);
    const auto mixed = [&, is_write = false]() mutable {
      is_write = !is_write;
      return is_write ? batches.hset() : batches.hget();
    };
    const auto count = arguments_.scaled<std::size_t>(400, 4);
    Rounds rounds;
    const std::size_t on =
        rounds.add([&](std::size_t) { return sampling_load.cpu_of(count, mixed, k_pipeline); });
    const std::size_t off =
        rounds.add([&](std::size_t) { return quiet_load.cpu_of(count, mixed, k_pipeline); });
    rounds.run(arguments_.scaled<std::size_t>(41, 3));
    const Median ratio = rounds.ratio(on, off);
    report_.add({.figure = "server CPU under load, sampling one in 512 KiB, over not sampling",
                 .bar = "<= 1.02 x",
                 .result = text("%s (%.3f us over %.3f us)", ratio_text(ratio).c_str(),
                                rounds.time(on).value * 1e6, rounds.time(off).value * 1e6),
                 .met = ratio.value <= 1.02,
                 .peer = "",
                 .workload = text("HSET and HGET in turn, %.1fM entries, pipeline 64",
                                  static_cast<double>(entries) / 1e6)});
  }

  void accuracy();

 private:
  const Arguments& arguments_;
  Report& report_;
};

// --- how true it is ---

constexpr std::uint64_t k_distance = 4096;

template <std::size_t bytes>
[[gnu::noinline]] void allocate_at_site(std::vector<std::unique_ptr<char[]>>& to,
                                        std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    to.emplace_back(new char[bytes]);
    escape(to.back().get());
  }
}

struct Site {
  std::size_t bytes;
  std::size_t count;
  void (*allocate)(std::vector<std::unique_ptr<char[]>>&, std::size_t);
};

void Bench::accuracy() {
  const auto scale = arguments_.scaled<std::size_t>(1, 8);
  const std::array<Site, 6> sites{{{16, 2'000'000 / scale, allocate_at_site<16>},
                                   {128, 400'000 / scale, allocate_at_site<128>},
                                   {1024, 50'000 / scale, allocate_at_site<1024>},
                                   {16384, 4'000 / scale, allocate_at_site<16384>},
                                   {131072, 500 / scale, allocate_at_site<131072>},
                                   {1048576, 64 / scale, allocate_at_site<1048576>}}};
  double worst = 0;
  std::string all;
  for (const Site& site : sites) {
    // Another distance forgets what was sampled so far: each site is seen alone.
    if (!observe::set_heap_sampling(2 * k_distance) || !observe::set_heap_sampling(k_distance)) {
      std::fprintf(stderr, "heap_sampling: %s\n", observe::heap_sampling().problem.c_str());
      std::exit(1);
    }
    std::vector<std::unique_ptr<char[]>> kept;
    kept.reserve(site.count);
    const double before =
        observe::heap_profile().has_value() ? observe::heap_profile().value().live_bytes : 0;
    site.allocate(kept, site.count);
    const double seen = observe::heap_profile().value().live_bytes - before;
    const auto count = static_cast<double>(site.count);
    const auto bytes = static_cast<double>(site.bytes);
    const double p = -std::expm1(-bytes / static_cast<double>(k_distance));
    // Of objects that are each sampled with probability p, scaled by 1 / p; and of what the
    // profile itself allocates between the two.
    const double sigma = bytes * std::sqrt(count * (1 - p) / p);
    constexpr double k_own_bytes = 64 * 1024;
    const double off =
        std::max(std::abs(seen - count * bytes) - k_own_bytes, 0.0) / std::max(sigma, 1.0);
    worst = std::max(worst, off);
    all += text("%s%zu B: %.4f", all.empty() ? "" : ", ", site.bytes, seen / (count * bytes));
  }
  report_.add({.figure = "heap profile of known allocations: the site that is furthest off",
               .bar = "<= 3 standard deviations of its sampling",
               .result = text("%.2f (%s)", worst, all.c_str()),
               .met = worst <= 3,
               .peer = "",
               .workload = "six sites of 16 B to 1 MiB, one in 4096 bytes sampled"});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("heap_sampling", arguments);
  Bench bench(arguments, report);
  bench.loop();
  bench.accuracy();
  bench.server();
  return report.finish();
}
