// What servers are asked under measurement: entries of common/workload.h, by Redis's commands.
#pragma once

#include "common/servers.h"
#include "common/workload.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ullage::bench {

/// A request, and how many bytes its reply has.
struct Exchange {
  std::string request;
  std::size_t reply_bytes = 0;
};

/// Sends batches over several connections in turn; every reply has the size that is expected.
class Load {
 public:
  Load(const ServerProcess& server, std::size_t connections) : server_(server) {
    for (std::size_t i = 0; i < connections; ++i)
      connections_.emplace_back(server);
  }

  /// Sends `batches` batches on each connection and reads all replies.
  void run(std::size_t batches, const std::function<Exchange()>& batch) {
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
  }
  /// The same; answers server CPU seconds for one operation.
  double cpu_of(std::size_t batches, const std::function<Exchange()>& batch,
                std::size_t operations_a_batch) {
    const double before = server_.cpu_seconds();
    run(batches, batch);
    const double operations =
        static_cast<double>(batches * connections_.size() * operations_a_batch);
    return (server_.cpu_seconds() - before) / operations;
  }

 private:
  const ServerProcess& server_;
  std::vector<Connection> connections_;
};

/// Bytes of a bulk string on the wire, up to 999 of them.
constexpr std::size_t bulk_bytes(std::size_t bytes) {
  return 1 + (bytes < 10 ? 1 : bytes < 100 ? 2 : 3) + 2 + bytes + 2;
}

/// Requests of one kind, so many a batch, on entries chosen at random.
class Batches {
 public:
  Batches(std::uint64_t entries, std::uint64_t fields, std::size_t pipeline)
      : groups_(entries / fields), fields_(fields), pipeline_(pipeline) {}

  [[nodiscard]] std::size_t pipeline() const { return pipeline_; }

  Exchange hget() {
    Exchange exchange;
    for (std::size_t i = 0; i < pipeline_; ++i) {
      const auto [group, field] = pick();
      append_request(exchange.request, {"HGET", group_name(group), field_name(field)});
    }
    exchange.reply_bytes = pipeline_ * bulk_bytes(k_value_bytes);
    return exchange;
  }
  Exchange hset() {
    Exchange exchange;
    for (std::size_t i = 0; i < pipeline_; ++i) {
      const auto [group, field] = pick();
      append_request(exchange.request,
                     {"HSET", group_name(group), field_name(field), EntryValue(group, field + 1)});
    }
    exchange.reply_bytes = pipeline_ * 4;
    return exchange;
  }
  Exchange hmget10() {
    Exchange exchange;
    for (std::size_t i = 0; i < pipeline_; ++i) {
      const std::uint64_t group = random_.below(groups_);
      const std::uint64_t first = random_.below(fields_ - 9);
      append_request(exchange.request,
                     {"HMGET", group_name(group), field_name(first), field_name(first + 1),
                      field_name(first + 2), field_name(first + 3), field_name(first + 4),
                      field_name(first + 5), field_name(first + 6), field_name(first + 7),
                      field_name(first + 8), field_name(first + 9)});
    }
    exchange.reply_bytes = pipeline_ * (5 + 10 * bulk_bytes(k_value_bytes));
    return exchange;
  }
  Exchange hgetall() {
    Exchange exchange;
    for (std::size_t i = 0; i < pipeline_; ++i)
      append_request(exchange.request, {"HGETALL", group_name(random_.below(groups_))});
    const std::size_t head = 1 + std::to_string(2 * fields_).size() + 2;
    exchange.reply_bytes =
        pipeline_ * (head + fields_ * (bulk_bytes(k_field_bytes) + bulk_bytes(k_value_bytes)));
    return exchange;
  }
  /// Every entry once, in step: all groups grow together.
  Exchange load(std::uint64_t first) {
    Exchange exchange;
    for (std::uint64_t i = first; i < first + pipeline_; ++i) {
      const std::uint64_t group = i % groups_;
      const std::uint64_t field = i / groups_;
      append_request(exchange.request,
                     {"HSET", group_name(group), field_name(field), EntryValue(group, field)});
    }
    exchange.reply_bytes = pipeline_ * 4;
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
  std::size_t pipeline_;
  Random random_{7};
};

}  // namespace ullage::bench
