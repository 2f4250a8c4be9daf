// What pools save: allocations, instructions, and memory that a burst leaves behind.
#include <ullage/scratch.h>

#include "common/arguments.h"
#include "common/child.h"
#include "common/instructions.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/rounds.h"
#include "common/text.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <malloc.h>

namespace {

std::atomic<std::uint64_t> g_allocations{0};
bool g_counts = false;  // changed while one thread runs

void* allocate(std::size_t bytes) {
  if (g_counts) g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* const place = std::malloc(bytes);
  if (place == nullptr) std::abort();
  return place;
}

}  // namespace

// All that this program allocates goes through here.
void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* place) noexcept {
  std::free(place);
}
void operator delete(void* place, std::size_t /*bytes*/) noexcept {
  std::free(place);
}

namespace ullage::bench {
namespace {

constexpr int k_fields = 32;

/// The fields of a request: names and values as they come over the wire.
struct Request {
  Request() {
    for (int i = 0; i < k_fields; ++i) {
      names[static_cast<std::size_t>(i)] = text("setting.of.the.user.%02d", i);
      values[static_cast<std::size_t>(i)] = text("value %d of this request's field", i);
    }
  }
  std::array<std::string, k_fields> names;
  std::array<std::string, k_fields> values;
};

/// The request as most services write it: a map that lives as long as the request.
std::size_t serve_plain(const Request& request) {
  std::unordered_map<std::string, std::string> fields;
  for (std::size_t i = 0; i < k_fields; ++i)
    fields[request.names[i]] = request.values[i];
  std::size_t found = 0;
  for (std::size_t i = 0; i < k_fields; ++i)
    found += fields.find(request.names[i])->second.size();
  return found;
}

std::size_t serve_pooled(Pool<ScratchMap>& maps, const Request& request) {
  const auto fields = maps.lease();
  for (std::size_t i = 0; i < k_fields; ++i)
    fields->set(request.names[i], request.values[i]);
  std::size_t found = 0;
  for (std::size_t i = 0; i < k_fields; ++i)
    found += fields->get(request.names[i])->size();
  return found;
}

/// Requests on some threads; answers the allocations of each request, those of the threads and of
/// the pool's first objects included.
template <class Serve>
double allocations_a_request(std::size_t threads, std::size_t requests, const Serve& serve) {
  const Request request;
  std::atomic<std::uint64_t> found{0};
  g_allocations = 0;
  g_counts = true;
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < requests; ++i)
        sum += serve(request);
      found += sum;
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  g_counts = false;
  if (found == 0) std::abort();
  return static_cast<double>(g_allocations) / static_cast<double>(threads * requests);
}

void requests(const Arguments& arguments, Report& report) {
  constexpr std::size_t k_threads = 4;
  const auto count = arguments.scaled<std::size_t>(50'000, 500);
  const std::string workload =
      text("requests on %zu threads, each with a scratch map of %d fields, written and read",
           k_threads, k_fields);
  const double plain = allocations_a_request(
      k_threads, count, [](const Request& request) { return serve_plain(request); });
  Pool<ScratchMap> maps({.name = "maps"}, {.capacity = k_fields});
  const double pooled = allocations_a_request(
      k_threads, count, [&](const Request& request) { return serve_pooled(maps, request); });
  report.add({.figure = "heap allocations of requests, with the pool over without",
              .bar = "<= 0.1 x",
              .result = text("%.4f x (%.3f over %.1f a request)", pooled / plain, pooled, plain),
              .met = pooled <= 0.1 * plain,
              .peer = "std::unordered_map<std::string, std::string>",
              .workload = workload});
  const PoolStats stats = maps.stats();
  const double reused = static_cast<double>(stats.reuses) / static_cast<double>(stats.leases);
  report.add({.figure = "leases that are reuses",
              .bar = ">= 95 %",
              .result = text("%.3f %%", 100 * reused),
              .met = reused >= 0.95,
              .peer = "",
              .workload = workload});

  Rounds rounds;
  const Request request;
  std::size_t found = 0;
  const auto at_once = arguments.scaled<std::size_t>(2000, 20);
  const std::size_t ours = rounds.add([&](std::size_t /*round*/) {
    return seconds_of([&] {
      for (std::size_t i = 0; i < at_once; ++i)
        found += serve_pooled(maps, request);
    });
  });
  const std::size_t theirs = rounds.add([&](std::size_t /*round*/) {
    return seconds_of([&] {
      for (std::size_t i = 0; i < at_once; ++i)
        found += serve_plain(request);
    });
  });
  rounds.run(arguments.scaled<std::size_t>(41, 3));
  report.add({.figure = "time of such a request, with the pool over without",
              .bar = "",
              .result = ratio_text(rounds.ratio(ours, theirs)),
              .met = std::nullopt,
              .peer = "std::unordered_map<std::string, std::string>",
              .workload = text("one thread (%zu bytes found)", found)});
}

struct Small {
  std::uint64_t words[8];
};

template <class T>
void count_instructions(Report& report, const char* what, std::uint64_t times,
                        std::size_t capacity) {
  const Prepare pooled = [=] {
    auto pool = std::make_shared<Pool<T>>(PoolOptions{}, PoolCare<T>{capacity});
    pool->lease().reset();
    return [=] {
      for (std::uint64_t i = 0; i < times; ++i) {
        auto lease = pool->lease();
        asm volatile("" : : "r"(lease.get()) : "memory");
      }
    };
  };
  const Prepare plain = [=] {
    delete PoolCare<T>{capacity}.make();
    return [=] {
      for (std::uint64_t i = 0; i < times; ++i) {
        T* const object = PoolCare<T>{capacity}.make();
        asm volatile("" : : "r"(object) : "memory");
        delete object;
      }
    };
  };
  InstructionRatio ratio;
  ratio.figure = text("instructions of lease and return of %s, over new and delete", what);
  ratio.bar = 0.5;
  ratio.operations = times;
  ratio.workload = ", objects as PoolCare makes them, from the allocator of the C library";
  report_instructions(report, ratio, pooled, plain);
}

/// What is resident after a burst, over what was before it.
void burst(const Arguments& arguments, Report& report) {
  constexpr std::size_t k_steady = 10;
  constexpr std::size_t k_burst = 100 * k_steady;
  constexpr std::size_t k_bytes = 48 * 1024;
  const auto rounds = arguments.scaled<std::size_t>(200, 5);
  const std::vector<double> resident = in_child([&] {
    Pool<ScratchBlock> pool({.name = "buffers"}, {.capacity = k_bytes});
    const auto load = [&](std::size_t at_once) {
      std::vector<Lease<ScratchBlock>> leases(at_once);
      for (auto& lease : leases) {
        lease = pool.lease();
        for (std::size_t i = 0; i < lease->size(); i += 4096)
          lease->data()[i] = std::byte{1};
      }
    };
    const auto steady = [&] {
      for (std::size_t i = 0; i < rounds; ++i) {
        load(k_steady);
        if (i % 10 == 0) pool.tick();
      }
      return static_cast<double>(exact_resident_bytes());
    };
    const double before = steady();
    load(k_burst);
    const auto at_peak = static_cast<double>(exact_resident_bytes());
    // What pools free the C library's allocator keeps until it is asked, as a governor does.
    steady();
    ::malloc_trim(0);
    const double ticked = steady();
    load(k_burst);
    pool.trim(k_steady);
    ::malloc_trim(0);
    const double trimmed = steady();
    return std::vector<double>{before, at_peak, ticked, trimmed};
  });
  const double ratio = std::max(resident[2], resident[3]) / resident[0];
  report.add({.figure = "resident memory after a burst of 100 x the steady load, over before",
              .bar = "<= 1.1 x",
              .result = text("%.3f x by ticks, %.3f x by trim (%.1f MiB in the burst, %.1f before)",
                             resident[2] / resident[0], resident[3] / resident[0],
                             resident[1] / k_mib, resident[0] / k_mib),
              .met = ratio <= 1.1,
              .peer = "",
              .workload = text("%zu buffers of %zu KiB at once, then %zu; malloc_trim() behind it",
                               k_steady, k_bytes / k_kib, k_burst)});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage;
  using namespace ullage::bench;
  const Arguments arguments = Arguments::parse(count, words);
  Report report("pool", arguments);
  burst(arguments, report);  // first: it forks
  const auto times = arguments.scaled<std::uint64_t>(200, 10);
  count_instructions<Small>(report, "64 bytes", times, 0);
  count_instructions<std::string>(report, "a string with room for 4 KiB", times, 4096);
  count_instructions<ScratchMap>(report, "a map with room for 32 fields", times, 32);
  requests(arguments, report);
  return report.finish();
}
