// Resident memory of the whole server process, at its peak: under load, and under hostile clients.
#include "common/arguments.h"
#include "common/report.h"
#include "common/server_load.h"
#include "common/servers.h"
#include "common/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace ullage::bench {
namespace {

constexpr double k_mib = 1 << 20;

/// Writes `count` fields with values of one size, ten fields a key; answers when all are answered.
void write_fields(const ServerProcess& server, std::uint64_t count, std::size_t value_bytes) {
  constexpr std::uint64_t k_pipeline = 64;
  Connection client(server);
  const std::string value(value_bytes, 'v');
  const std::string size = std::to_string(value_bytes);
  std::string batch;
  for (std::uint64_t first = 0; first < count; first += k_pipeline) {
    batch.clear();
    for (std::uint64_t i = first; i < first + k_pipeline; ++i) {
      const std::string group = size + std::string(group_name(i / 10).view());
      append_request(batch, {"HSET", group, field_name(i % 10), value});
    }
    client.send(batch);
    client.skip(k_pipeline * 4);
  }
}

void measure_load(const Arguments& arguments, Report& report) {
  const auto count = arguments.scaled<std::uint64_t>(2'000'000, 6'400);
  const auto ours = start_ullage({"--memory-limit", "100mb"});
  const auto redis = start_redis({"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"});
  for (const auto* server : {ours.get(), redis.get()}) {
    for (const std::size_t bytes : {std::size_t{32}, std::size_t{200}, std::size_t{2048}})
      write_fields(*server, count, bytes);
  }
  const double peak = static_cast<double>(ours->status_bytes("VmHWM")) / k_mib;
  const double theirs = static_cast<double>(redis->status_bytes("VmHWM")) / k_mib;
  report.add({.figure = "resident memory of the process at its peak, limit 100mb",
              .bar = "<= 100 MiB",
              .result = text("%.1f MiB (Redis with maxmemory 100mb: %.1f MiB)", peak, theirs),
              .met = peak <= 100,
              .peer = "Redis 7.0",
              .workload = text("%.1fM HSETs each of 32 B, 200 B and 2 KB values, one after another",
                               static_cast<double>(count) / 1e6)});
}

/// Sends until the other side takes nothing for a while, and never reads.
void flood(const Connection& client, const std::string& request, std::size_t times) {
  ::fcntl(client.descriptor(), F_SETFL, O_NONBLOCK);
  for (std::size_t i = 0; i < times; ++i) {
    if (::send(client.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) <= 0) return;
  }
}

bool is_served(const ServerProcess& server) {
  Connection client(server);
  std::string request;
  append_request(request, {"SET", "probe", "1"});
  client.send(request);
  return client.reply() == "+OK\r\n";
}

void measure_hostile(const Arguments& arguments, Report& report) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t room = files.rlim_cur > 1200 ? files.rlim_cur - 1200 : 0;
  const auto idle_wanted = arguments.scaled<std::size_t>(10'000, 100);
  const std::size_t idle = std::min(idle_wanted, room);
  const auto readers = arguments.scaled<std::size_t>(1000, 20);
  const auto ours = start_ullage(
      {"--memory-limit", "256mb", "--max-clients", std::to_string(idle + readers + 200)});
  {
    Connection client(*ours);
    std::string request;
    for (std::uint64_t i = 0; i < 1000; ++i)
      append_request(request, {"HSET", "large", field_name(i), std::string(300, 'v')});
    client.send(request);
    client.skip(1000 * 4);
  }
  std::vector<Connection> kept;
  kept.reserve(idle + readers + 100);
  for (std::size_t i = 0; i < idle; ++i) {
    kept.emplace_back(*ours);
    kept.back().send("*3\r\n$3\r\nSET");
  }
  std::string hgetall;
  append_request(hgetall, {"HGETALL", "large"});
  for (std::size_t i = 0; i < readers; ++i) {
    kept.emplace_back(*ours);
    flood(kept.back(), hgetall, 4);
  }
  for (int i = 0; i < 20; ++i) {
    kept.emplace_back(*ours);
    flood(kept.back(), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n", 1);
  }
  std::string many;
  for (int i = 0; i < 1000; ++i)
    append_request(many, {"HGET", "large", field_name(1)});
  for (int i = 0; i < 10; ++i) {
    kept.emplace_back(*ours);
    flood(kept.back(), many, 1000);
  }
  const bool served = is_served(*ours);
  const double peak = static_cast<double>(ours->status_bytes("VmHWM")) / k_mib;
  report.add({.figure = "the same under hostile clients, limit 256mb",
              .bar = "<= 256 MiB, others served",
              .result = text("%.1f MiB, others %s", peak, served ? "served" : "not served"),
              .met = peak <= 256 && served && (arguments.tiny || idle == idle_wanted),
              .peer = "",
              .workload = text(
                  "%zu idle with half a request, %zu that never read their HGETALL of 300 KB, 20 "
                  "that announce 512 MB, 10 with a million commands that never read",
                  idle, readers)});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("server_memory", arguments);
  measure_load(arguments, report);
  measure_hostile(arguments, report);
  return report.finish();
}
