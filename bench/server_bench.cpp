// The server beside Redis: CPU for an operation in a pipeline, and throughput without one.
#include "common/arguments.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/servers.h"
#include "common/text.h"
#include "common/workload.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ullage::bench {
namespace {

constexpr std::size_t k_pipeline = 64;
constexpr std::size_t k_connections = 8;

/// A request, and how many bytes its reply has.
struct Exchange {
  std::string request;
  std::size_t reply_bytes = 0;
};

/// Sends batches over several connections in turn; every reply has the size that is expected.
class Load {
 public:
  explicit Load(const ServerProcess& server) : server_(server) {
    for (std::size_t i = 0; i < k_connections; ++i)
      connections_.emplace_back(server);
  }

  /// Server CPU seconds for one operation, of `batches` batches on each connection.
  double cpu_of(std::size_t batches, const std::function<Exchange()>& batch,
                std::size_t operations_a_batch) {
    const double before = server_.cpu_seconds();
    std::vector<std::size_t> expected(connections_.size());
    for (std::size_t b = 0; b < batches; ++b) {
      for (std::size_t c = 0; c < connections_.size(); ++c) {
        const Exchange exchange = batch();
        connections_[c].send(exchange.request);
        expected[c] = exchange.reply_bytes;
      }
      for (std::size_t c = 0; c < connections_.size(); ++c)
        connections_[c].skip(expected[c]);
    }
    const double operations =
        static_cast<double>(batches * connections_.size() * operations_a_batch);
    return (server_.cpu_seconds() - before) / operations;
  }

 private:
  const ServerProcess& server_;
  std::vector<Connection> connections_;
};

constexpr std::size_t bulk_bytes(std::size_t bytes) {
  return 1 + (bytes < 10 ? 1 : bytes < 100 ? 2 : 3) + 2 + bytes + 2;
}

/// 64 requests of one kind on entries that `pick` chooses.
class Batches {
 public:
  Batches(std::uint64_t entries, std::uint64_t fields)
      : groups_(entries / fields), fields_(fields) {}

  Exchange hget() {
    Exchange exchange;
    for (std::size_t i = 0; i < k_pipeline; ++i) {
      const auto [group, field] = pick();
      append_request(exchange.request, {"HGET", group_name(group), field_name(field)});
    }
    exchange.reply_bytes = k_pipeline * bulk_bytes(k_value_bytes);
    return exchange;
  }
  Exchange hset() {
    Exchange exchange;
    for (std::size_t i = 0; i < k_pipeline; ++i) {
      const auto [group, field] = pick();
      append_request(exchange.request,
                     {"HSET", group_name(group), field_name(field), EntryValue(group, field + 1)});
    }
    exchange.reply_bytes = k_pipeline * 4;
    return exchange;
  }
  Exchange hmget10() {
    Exchange exchange;
    for (std::size_t i = 0; i < k_pipeline; ++i) {
      const std::uint64_t group = random_.below(groups_);
      const std::uint64_t first = random_.below(fields_ - 9);
      append_request(exchange.request,
                     {"HMGET", group_name(group), field_name(first), field_name(first + 1),
                      field_name(first + 2), field_name(first + 3), field_name(first + 4),
                      field_name(first + 5), field_name(first + 6), field_name(first + 7),
                      field_name(first + 8), field_name(first + 9)});
    }
    exchange.reply_bytes = k_pipeline * (5 + 10 * bulk_bytes(k_value_bytes));
    return exchange;
  }
  Exchange hgetall() {
    Exchange exchange;
    for (std::size_t i = 0; i < k_pipeline; ++i)
      append_request(exchange.request, {"HGETALL", group_name(random_.below(groups_))});
    const std::size_t head = 1 + std::to_string(2 * fields_).size() + 2;
    exchange.reply_bytes =
        k_pipeline * (head + fields_ * (bulk_bytes(k_field_bytes) + bulk_bytes(k_value_bytes)));
    return exchange;
  }
  /// Every entry once, in step: all groups grow together.
  Exchange load(std::uint64_t first) {
    Exchange exchange;
    for (std::uint64_t i = first; i < first + k_pipeline; ++i) {
      const std::uint64_t group = i % groups_;
      const std::uint64_t field = i / groups_;
      append_request(exchange.request,
                     {"HSET", group_name(group), field_name(field), EntryValue(group, field)});
    }
    exchange.reply_bytes = k_pipeline * 4;
    return exchange;
  }

 private:
  struct Place {
    std::uint64_t group;
    std::uint64_t field;
  };
  Place pick() { return {random_.below(groups_), random_.below(fields_)}; }

  std::uint64_t groups_;
  std::uint64_t fields_;
  Random random_{7};
};

class Comparison {
 public:
  Comparison(const Arguments& arguments, Report& report, std::uint64_t fields)
      : arguments_(arguments),
        report_(report),
        fields_(fields),
        entries_(arguments.scaled<std::uint64_t>(2'048'000, 64'000)),
        ours_(start_ullage({"--memory-limit", "1gb", "--io-threads", "1"})),
        redis_(start_redis()),
        our_load_(*ours_),
        redis_load_(*redis_) {}

  void run() {
    std::uint64_t next = 0;
    Batches batches(entries_, fields_);
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
