// The server beside Redis: CPU for an operation in a pipeline, and throughput without one.
#include "common/arguments.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/server_load.h"
#include "common/servers.h"
#include "common/text.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace ullage::bench {
namespace {

constexpr std::size_t k_pipeline = 64;
constexpr std::size_t k_connections = 8;

class Comparison {
 public:
  Comparison(const Arguments& arguments, Report& report, std::uint64_t fields)
      : arguments_(arguments),
        report_(report),
        fields_(fields),
        entries_(arguments.scaled<std::uint64_t>(2'048'000, 64'000)),
        ours_(start_ullage({"--memory-limit", "1gb", "--io-threads", "1"})),
        redis_(start_redis()),
        our_load_(*ours_, k_connections),
        redis_load_(*redis_, k_connections) {}

  void run() {
    std::uint64_t next = 0;
    Batches batches(entries_, fields_, k_pipeline);
    const auto load = [&] {
      next += k_pipeline;
      return batches.load(next - k_pipeline);
    };
    const std::size_t loads = entries_ / k_pipeline / k_connections;
    const double ours = our_load_.cpu_of(loads, load, k_pipeline);
    next = 0;
    const double redis = redis_load_.cpu_of(loads, load, k_pipeline);
    report_.add(
        {.figure = text("server CPU of HSET of new fields, %s", shape().c_str()),
         .bar = "",
         .result = text("%.2f x (%.2f us over %.2f us)", ours / redis, ours * 1e6, redis * 1e6),
         .met = {},
         .peer = "Redis 7.0",
         .workload = workload()});
    compare("HGET", 0.35, 1, [&] { return batches.hget(); });
    compare("HSET", 0.35, 1, [&] { return batches.hset(); });
    if (fields_ == 100) {
      compare("HGETALL of 100 fields", 0.5, 100, [&] { return batches.hgetall(); });
      compare("HMGET of 10 fields", 0.5, 10, [&] { return batches.hmget10(); });
    }
  }

 private:
  [[nodiscard]] std::string shape() const {
    return text("%llu fields a key", static_cast<unsigned long long>(fields_));
  }
  [[nodiscard]] std::string workload() const {
    return text("%.1fM entries of 43 B, pipeline 64, %zu connections, one I/O thread",
                static_cast<double>(entries_) / 1e6, k_connections);
  }

  void compare(const char* what, double bar, std::size_t weight,
               const std::function<Exchange()>& batch) {
    const std::size_t batches =
        std::max<std::size_t>(arguments_.scaled<std::size_t>(200, 4) / weight, 1);
    Rounds rounds;
    const std::size_t ours = rounds.add(
        [&](std::size_t /*round*/) { return our_load_.cpu_of(batches, batch, k_pipeline); });
    const std::size_t redis = rounds.add(
        [&](std::size_t /*round*/) { return redis_load_.cpu_of(batches, batch, k_pipeline); });
    rounds.run(arguments_.scaled<std::size_t>(15, 3));
    const Median ratio = rounds.ratio(ours, redis);
    report_.add({.figure = text("server CPU of %s, %s", what, shape().c_str()),
                 .bar = text("<= %.2f x", bar),
                 .result = text("%s (%.2f us over %.2f us)", ratio_text(ratio).c_str(),
                                rounds.time(ours).value * 1e6, rounds.time(redis).value * 1e6),
                 .met = ratio.value <= bar,
                 .peer = "Redis 7.0",
                 .workload = workload()});
  }

  const Arguments& arguments_;
  Report& report_;
  std::uint64_t fields_;
  std::uint64_t entries_;
  std::unique_ptr<ServerProcess> ours_;
  std::unique_ptr<ServerProcess> redis_;
  Load our_load_;
  Load redis_load_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("server", arguments);
  for (const std::uint64_t fields : {10, 100, 1000})
    Comparison(arguments, report, fields).run();
  return report.finish();
}
