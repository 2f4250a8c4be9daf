// What it costs to be observed: instructions of gets and sets while everything looks on, and a
// scrape of the metrics.
#include <ullage/observe/heap_profile.h>
#include <ullage/observe/trace.h>

#include "common/arguments.h"
#include "common/caches.h"
#include "common/instructions.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/server_load.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ullage::bench {
namespace {

struct Watched {
  Cache cache;
  std::unique_ptr<observe::TraceRecorder> trace{};
};

std::shared_ptr<Watched> open_watched(bool is_watched, bool is_traced) {
  Options options;
  options.memory_limit = 16_MiB;
  options.maintenance = Maintenance::manual;
  options.random_seed = 1;
  auto watched = std::make_shared<Watched>(Watched{.cache = open_cache(std::move(options))});
  static_cast<void>(
      observe::set_heap_sampling(is_watched ? observe::k_heap_sample_default_bytes : 0));
  if (is_traced) {
    watched->trace = std::make_unique<observe::TraceRecorder>(
        observe::TraceOptions{.events_max = 65536, .process_name = "bench"});
    watched->cache.set_trace(watched->trace.get());
  }
  return watched;
}

class Bench {
 public:
  Bench(const Arguments& arguments, Report& report) : arguments_(arguments), report_(report) {}

  void instructions() {
    const auto count = arguments_.scaled<std::uint64_t>(100, 3);
    const EntrySequence here(20'000, 10, Order::in_step);
    const auto fill = [&](Cache& cache) {
      for (std::uint64_t i = 0; i < here.size(); ++i)
        must_set(cache, here[i]);
    };
    compare("get of an entry that is there", 1.03, count, fill, [&](Cache& cache, std::uint64_t i) {
      std::array<char, 256> buffer;
      static_cast<void>(
          cache.get_into(group_name(here[i].group), field_name(here[i].field), buffer));
    });
    compare("set of an entry that is there", 1.03, count, fill,
            [&](Cache& cache, std::uint64_t i) { must_set(cache, here[i]); });
    // More than fits, so that each set evicts.
    const EntrySequence more(400'000, 10, Order::in_step);
    compare(
        "set of a new entry into a full cache", std::nullopt, count,
        [&](Cache& cache) {
          for (std::uint64_t i = 0; i < more.size() - 10'000; ++i)
            must_set(cache, more[i]);
        },
        [&](Cache& cache, std::uint64_t i) { must_set(cache, more[more.size() - 10'000 + i]); });
  }

  void scrape() {
    const auto groups = arguments_.scaled<std::uint64_t>(100'000, 2000);
    const std::uint16_t admin = free_port();
    const auto server = start_ullage({"--memory-limit", "256mb", "--io-threads", "1"}, admin);
    {
      Load load(*server, 1);
      constexpr std::size_t k_pipeline = 100;
      std::uint64_t next = 0;
      load.run(groups / k_pipeline, [&] {
        Exchange exchange;
        for (std::size_t i = 0; i < k_pipeline; ++i, ++next)
          append_request(exchange.request, {"HSET", group_name(next), "field", "value"});
        exchange.reply_bytes = k_pipeline * 4;
        return exchange;
      });
    }
    // Until the walk over the cache has seen the groups.
    std::string page;
    while (page.find("ullage_cache_role_bytes{") == std::string::npos)
      page = http_get(admin, "/metrics");
    std::vector<double> times;
    for (int i = 0; i < arguments_.scaled(200, 5); ++i)
      times.push_back(seconds_of([&] { page = http_get(admin, "/metrics"); }));
    const Median time = median_of(times);
    std::size_t series = 0;
    for (std::size_t at = 0; at < page.size(); at = std::min(page.find('\n', at), page.size()) + 1)
      series += page[at] == 'u' ? 1U : 0U;
    report_.add({.figure = "a scrape of /metrics",
                 .bar = "<= 5 ms, <= 2000 series",
                 .result = text("%.2f ms [%.2f, %.2f], %zu series", time.value * 1e3,
                                time.low * 1e3, time.high * 1e3, series),
                 .met = time.value <= 0.005 && series <= 2000,
                 .peer = "",
                 .workload = text("%llu groups", static_cast<unsigned long long>(groups))});
  }

 private:
  using Fill = std::function<void(Cache&)>;
  using Operation = std::function<void(Cache&, std::uint64_t)>;

  void compare(const char* what, std::optional<double> bar, std::uint64_t count, const Fill& fill,
               const Operation& operation) {
    const auto prepared = [&](bool is_on) -> Prepare {
      return [&, is_on] {
        const auto watched = open_watched(is_on, is_on);
        fill(watched->cache);
        return std::function<void()>([watched, count, operation] {
          for (std::uint64_t i = 0; i < count; ++i)
            operation(watched->cache, i);
        });
      };
    };
    InstructionRatio ratio;
    ratio.figure = text("instructions of a %s, sampled and traced, over neither", what);
    ratio.bar = bar;
    ratio.operations = count;
    report_instructions(report_, ratio, prepared(true), prepared(false));
  }

  static std::string http_get(std::uint16_t port, const std::string& path) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (socket < 0 ||
        ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) {
      std::fprintf(stderr, "observe_cost: the admin port does not answer\n");
      std::exit(1);
    }
    std::string answer;
    std::array<char, 16384> part;
    for (ssize_t bytes = 0; (bytes = ::recv(socket, part.data(), part.size(), 0)) > 0;)
      answer.append(part.data(), static_cast<std::size_t>(bytes));
    ::close(socket);
    return answer;
  }

  const Arguments& arguments_;
  Report& report_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("observe_cost", arguments);
  Bench bench(arguments, report);
  bench.instructions();
  bench.scrape();
  return report.finish();
}
