// Throughput and latency without pipelines, and what the others notice while a large key is
// dropped.
#include "common/arguments.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/server_load.h"
#include "common/servers.h"
#include "common/text.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace ullage::bench {
namespace {

using Time = std::chrono::steady_clock;

constexpr std::size_t k_clients = 50;
constexpr std::uint64_t k_entries = 640'000;
constexpr std::uint64_t k_fields = 10;

double micros_since(Time::time_point start) {
  return std::chrono::duration<double, std::micro>(Time::now() - start).count();
}

/// Keeps one thread (0: this one) on a processor.
void pin_thread(int thread, unsigned processor) {
  const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (processors < 2) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor % static_cast<unsigned>(processors), &set);
  ::sched_setaffinity(thread, sizeof set, &set);
}
/// The same of all threads of a server, so that each server has one processor, and not this one's.
void pin(const ServerProcess& server, unsigned processor) {
  const std::string tasks = "/proc/" + std::to_string(server.pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks))
    pin_thread(std::stoi(task.path().filename().string()), processor);
}

/// Clients that each wait for an answer before they ask again.
class Patient {
 public:
  explicit Patient(const ServerProcess& server) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < k_clients; ++i) {
      clients_.emplace_back(server);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].descriptor(), &event);
    }
    asked_.resize(k_clients);
  }
  ~Patient() { ::close(epoll_); }
  Patient(const Patient&) = delete;
  Patient& operator=(const Patient&) = delete;

  struct Measured {
    double seconds = 0;
    double p99_us = 0;
  };
  Measured run(std::size_t requests, Batches& batches) {
    std::vector<double> took;
    took.reserve(requests);
    std::size_t sent = 0;
    const Time::time_point start = Time::now();
    for (std::size_t i = 0; i < k_clients; ++i)
      ask(i, batches), ++sent;
    epoll_event events[k_clients];
    while (took.size() < requests) {
      const int ready = ::epoll_wait(epoll_, events, static_cast<int>(k_clients), -1);
      for (int e = 0; e < ready; ++e) {
        const auto i = static_cast<std::size_t>(events[e].data.u64);
        clients_[i].skip(reply_bytes_);
        took.push_back(micros_since(asked_[i]));
        if (sent < requests) ask(i, batches), ++sent;
      }
    }
    Measured measured;
    measured.seconds = micros_since(start) * 1e-6;
    const auto at = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
    std::nth_element(took.begin(), at, took.end());
    measured.p99_us = *at;
    return measured;
  }

 private:
  void ask(std::size_t i, Batches& batches) {
    const Exchange exchange = batches.hget();
    reply_bytes_ = exchange.reply_bytes;
    asked_[i] = Time::now();
    clients_[i].send(exchange.request);
  }

  int epoll_;
  std::vector<Connection> clients_;
  std::vector<Time::time_point> asked_;
  std::size_t reply_bytes_ = 0;
};

void load(const ServerProcess& server, std::uint64_t entries) {
  constexpr std::size_t k_pipeline = 64;
  Load clients(server, 1);
  Batches batches(entries, k_fields, k_pipeline);
  std::uint64_t next = 0;
  clients.run(entries / k_pipeline, [&] {
    next += k_pipeline;
    return batches.load(next - k_pipeline);
  });
}

void measure_throughput(const Arguments& arguments, Report& report) {
  const auto entries = arguments.scaled<std::uint64_t>(k_entries, 6400);
  const auto ours = start_ullage({"--memory-limit", "256mb", "--io-threads", "1"});
  const auto redis = start_redis();
  load(*ours, entries);
  load(*redis, entries);
  pin_thread(0, 0);
  pin(*ours, 1);
  pin(*redis, 1);
  Patient our_clients(*ours);
  Patient redis_clients(*redis);
  Batches batches(entries, k_fields, 1);
  const auto requests = arguments.scaled<std::size_t>(50'000, 500);
  std::vector<double> p99_ratios;
  std::vector<double> p99;
  Rounds rounds;
  double our_p99 = 0;
  const std::size_t us = rounds.add([&](std::size_t /*round*/) {
    const auto measured = our_clients.run(requests, batches);
    our_p99 = measured.p99_us;
    return measured.seconds;
  });
  double redis_p99 = 0;
  const std::size_t them = rounds.add([&](std::size_t /*round*/) {
    const auto measured = redis_clients.run(requests, batches);
    redis_p99 = measured.p99_us;
    return measured.seconds;
  });
  const auto wanted = arguments.scaled<std::size_t>(15, 3);
  for (std::size_t i = 0; i < wanted; ++i) {
    rounds.run(1);
    p99_ratios.push_back(our_p99 / redis_p99);
    p99.push_back(our_p99);
  }
  const Median throughput = rounds.ratio(them, us);  // of times: theirs over ours
  const std::string workload =
      text("HGET, %zu clients, no pipeline, one processor for the server", k_clients);
  report.add({.figure = "throughput unpipelined",
              .bar = ">= 1.00 x",
              .result = text("%s (%.0f requests/s)", ratio_text(throughput).c_str(),
                             static_cast<double>(requests) / rounds.time(us).value),
              .met = throughput.value >= 1.0,
              .peer = "Redis 7.0",
              .workload = workload});
  const Median tail = median_of(p99_ratios);
  report.add({.figure = "latency unpipelined, 99th percentile",
              .bar = "<= 1.10 x",
              .result = text("%s (%.0f us)", ratio_text(tail).c_str(), median_of(p99).value),
              .met = tail.value <= 1.1,
              .peer = "Redis 7.0",
              .workload = workload});
}

void fill_large_key(Connection& client, std::uint64_t fields) {
  constexpr std::uint64_t k_pairs = 50;
  for (std::uint64_t first = 0; first < fields; first += k_pairs) {
    std::string pairs;
    for (std::uint64_t i = first; i < first + k_pairs; ++i) {
      pairs += "$11\r\n";
      pairs += field_name(i).view();
      pairs += "\r\n$32\r\n";
      pairs += EntryValue(1, i).view();
      pairs += "\r\n";
    }
    client.send("*" + std::to_string(2 + 2 * k_pairs) + "\r\n$4\r\nHSET\r\n$5\r\nlarge\r\n" +
                pairs);
    client.reply();
  }
}

/// The longest that another client waits for an answer while `command` drops the large key, in us.
double worst_stall(const ServerProcess& server, const char* command, std::uint64_t fields) {
  Connection owner(server);
  Connection other(server);
  fill_large_key(owner, fields);
  std::string ping;
  append_request(ping, {"PING"});
  std::string drop;
  append_request(drop, {command, "large"});
  double worst = 0;
  std::atomic<bool> dropped{false};
  std::thread dropper([&] {
    owner.send(drop);
    owner.reply();
    dropped.store(true);
  });
  // What is freed afterwards may be noticed too.
  const Time::time_point start = Time::now();
  while (!dropped.load() || micros_since(start) < 1e6) {
    const Time::time_point asked = Time::now();
    other.send(ping);
    other.skip(7);
    worst = std::max(worst, micros_since(asked));
  }
  dropper.join();
  return worst;
}

void measure_drop(const Arguments& arguments, Report& report) {
  const auto fields = arguments.scaled<std::uint64_t>(1'000'000, 20'000);
  const auto ours = start_ullage({"--memory-limit", "512mb", "--io-threads", "1"});
  const auto redis = start_redis();
  std::vector<double> over_del;
  std::vector<double> over_unlink;
  std::vector<double> us;
  for (int i = 0; i < arguments.scaled(5, 1); ++i) {
    const double our_stall = worst_stall(*ours, "DEL", fields);
    const double del = worst_stall(*redis, "DEL", fields);
    const double unlink = worst_stall(*redis, "UNLINK", fields);
    us.push_back(our_stall);
    over_del.push_back(our_stall / del);
    over_unlink.push_back(our_stall / unlink);
  }
  const std::string workload =
      text("%.1fM fields of 43 B; another client asks PING all the while; one I/O thread",
           static_cast<double>(fields) / 1e6);
  const Median del = median_of(over_del);
  report.add({.figure = "worst stall of others while DEL drops a large key, over Redis's DEL",
              .bar = "<= 0.05 x",
              .result = text("%s (%.0f us)", ratio_text(del).c_str(), median_of(us).value),
              .met = del.value <= 0.05,
              .peer = "Redis 7.0",
              .workload = workload});
  const Median unlink = median_of(over_unlink);
  report.add({.figure = "worst stall of others while DEL drops a large key, over Redis's UNLINK",
              .bar = "<= 1.00 x",
              .result = ratio_text(unlink),
              .met = unlink.value <= 1.0,
              .peer = "Redis 7.0",
              .workload = workload});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("server_latency", arguments);
  measure_throughput(arguments, report);
  measure_drop(arguments, report);
  return report.finish();
}
