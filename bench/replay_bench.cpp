// The miss ratio on real traces against the best there is: the optimum (Belady), exact LRU, exact
// S3-FIFO, from the reference files beside the traces. Through the public Cache, as `ullage
// replay`: a get, and on a miss a set.
#include "common/caches.h"
#include "common/report.h"
#include "common/text.h"
#include "common/trace.h"

#include <cmath>
#include <map>
#include <memory>

namespace ullage::bench {
namespace {

constexpr std::size_t k_requests_a_tick = 256;
constexpr std::size_t k_steps_a_tick = 256;
constexpr std::int64_t k_requests_a_ms = 1;  // of the injected clock

struct Outcome {
  double miss_ratio = 0;
  std::uint64_t refused = 0;
};

Outcome replay(const Trace& trace, Options options, std::uint64_t requests_max) {
  const auto clock = std::make_shared<ManualClock>();
  options.clock = clock;
  options.maintenance = Maintenance::manual;
  // Fixed keys: the same replay gives the same answer.
  options.hash_key[0] = 3;
  options.hash_key[1] = ~std::uint64_t{1};
  options.random_seed = 1;
  options.max_value_bytes = options.memory_limit / k_value_share_of_limit;
  Cache cache = open_cache(options);
  std::uint64_t misses = 0;
  Outcome outcome;
  const std::vector<char> value(options.max_value_bytes, 'v');
  std::vector<char> buffer(options.max_value_bytes);
  const std::size_t count = std::min<std::size_t>(trace.requests.size(), requests_max);
  for (std::size_t i = 0; i < count; ++i) {
    const Trace::Request request = trace.requests[i];
    const Trace::Key& key = trace.keys[request.key];
    if (!cache.get_into(key.group, key.field, buffer)) {
      ++misses;
      if (request.size > value.size() ||
          !cache.set(key.group, key.field, {value.data(), request.size})) {
        ++outcome.refused;
      }
    }
    if (i % k_requests_a_tick == 0) {
      clock->advance(Millis(k_requests_a_tick / k_requests_a_ms));
      cache.tick(k_steps_a_tick);
    }
  }
  outcome.miss_ratio = static_cast<double>(misses) / static_cast<double>(count);
  return outcome;
}

class GeometricMean {
 public:
  void add(double value) { logs_ += std::log(value), ++count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] double value() const {
    return count_ == 0 ? 0 : std::exp(logs_ / static_cast<double>(count_));
  }

 private:
  double logs_ = 0;
  std::size_t count_ = 0;
};

/// Ours and S3-FIFO's over the same cells.
struct Means {
  GeometricMean ours;
  GeometricMean s3fifo;
  void add(double mine, double peer) { ours.add(mine), s3fifo.add(peer); }
};

class Replays {
 public:
  Replays(const Arguments& arguments, std::filesystem::path traces, Report& report)
      : requests_max_(arguments.scaled<std::uint64_t>(UINT64_MAX, 10'000)),
        tiny_(arguments.tiny),
        traces_(std::move(traces)),
        reference_(traces_ / ".." / "reference"),
        report_(report) {}

  void by_entries() {
    Means all;
    Means trained;
    Means held_out;
    double worst = 0;
    std::string worst_cell;
    for (const CsvRow& row : read_csv(reference_ / "miss-ratios.csv")) {
      const std::string& name = cell(row, "trace");
      if (skipped(name)) continue;
      const std::string& entries = cell(row, "max_entries");
      Options options;
      options.memory_limit = k_memory_limit_min_bytes;
      options.max_entries = std::stoull(entries);
      const Outcome got = replay(trace(name), options, requests_max_);
      const double belady = std::stod(cell(row, "Belady"));
      const double lru = std::stod(cell(row, "LRU"));
      const double over_best = got.miss_ratio / belady;
      const double peer = std::stod(cell(row, "S3FIFO")) / belady;
      all.add(over_best, peer);
      (name == "web07" || name == "multi3" ? trained : held_out).add(over_best, peer);
      if (got.miss_ratio / lru > worst) {
        worst = got.miss_ratio / lru;
        worst_cell = text("%s at %s", name.c_str(), entries.c_str());
      }
      report_.add({.figure = text("miss ratio, %s, max_entries %s", name.c_str(), entries.c_str()),
                   .bar = "<= 1.05 x LRU",
                   .result = text("%.4f = %.3f x LRU, %.3f x optimum", got.miss_ratio,
                                  got.miss_ratio / lru, over_best),
                   .met = got.miss_ratio <= 1.05 * lru && got.refused == 0,
                   .peer = text("LRU %.4f, S3-FIFO %s, optimum %.4f", lru,
                                cell(row, "S3FIFO").c_str(), belady),
                   .workload = "real trace " + name});
    }
    mean("all cells", all, 1.34);
    mean("web07 and multi3, on which it was tuned", trained, 0);
    mean("orm-busy and w106, which were held out", held_out, 0);
    report_.add({.figure = "worst cell's miss ratio over LRU's",
                 .bar = "<= 1.05 x",
                 .result = text("%.3f x (%s)", worst, worst_cell.c_str()),
                 .met = worst <= 1.05,
                 .peer = "exact LRU",
                 .workload = "the cells above"});
  }

  void by_bytes() {
    std::map<std::string, std::map<std::string, double>> by_limit;  // limit -> algorithm -> ratio
    for (const CsvRow& row : read_csv(reference_ / "byte-limits.csv")) {
      by_limit[cell(row, "limit_bytes")][cell(row, "algorithm")] =
          std::stod(cell(row, "object_miss_ratio"));
    }
    for (const auto& [limit, ratios] : by_limit) {
      Options options;
      options.memory_limit = std::stoull(limit);
      if (options.memory_limit < k_memory_limit_min_bytes) continue;
      const Outcome got = replay(trace("adaptsize"), options, requests_max_);
      const double s3fifo = ratios.at("S3FIFO");
      report_.add(
          {.figure = "miss ratio under memory_limit " + limit,
           .bar = "<= 0.97 x S3-FIFO",
           .result = text("%.4f = %.3f x S3-FIFO (%llu sets refused)", got.miss_ratio,
                          got.miss_ratio / s3fifo, static_cast<unsigned long long>(got.refused)),
           .met = got.miss_ratio <= 0.97 * s3fifo,
           .peer = text("S3-FIFO %.4f, GDSF %.4f", s3fifo, ratios.at("GDSF")),
           .workload = "real trace adaptsize; all overhead inside the limit"});
    }
  }

 private:
  [[nodiscard]] bool skipped(const std::string& name) const {
    return tiny_ && name != "multi3" && name != "web07";  // the others take a second to unpack
  }
  const Trace& trace(const std::string& name) {
    if (name != loaded_name_) {
      loaded_ = read_trace(traces_, name);
      loaded_name_ = name;
    }
    return loaded_;
  }
  void mean(const char* which, const Means& means, double bar) {
    if (means.ours.empty()) return;
    report_.add({.figure = text("geometric mean of miss ratio over the optimum, %s", which),
                 .bar = bar > 0 ? text("<= %.2f", bar) : "",
                 .result = text("%.3f", means.ours.value()),
                 .met = bar > 0 ? std::optional(means.ours.value() <= bar) : std::nullopt,
                 .peer = text("optimum (Belady with bypass); S3-FIFO %.3f", means.s3fifo.value()),
                 .workload = "real traces, every entry counted as one"});
  }

  const std::uint64_t requests_max_;
  const bool tiny_;
  const std::filesystem::path traces_;
  const std::filesystem::path reference_;
  Report& report_;
  std::string loaded_name_;
  Trace loaded_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("replay", arguments);
  const auto traces = trace_folder();
  if (!traces) {
    Report::note("no traces in $ULLAGE_TRACES nor in ../shared/traces: nothing is measured");
    return report.finish();
  }
  Replays replays(arguments, *traces, report);
  replays.by_entries();
  replays.by_bytes();
  return report.finish();
}
