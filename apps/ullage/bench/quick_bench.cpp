#include "bench/quick_bench.h"

#include <ullage/cache.h>

#include "base/failure.h"
#include "base/hash.h"
#include "base/resident.h"
#include "base/units.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace ullage::app {
namespace {

constexpr std::size_t k_get_many = 64;
constexpr std::size_t k_reads_max = 5'000'000;

// "user:0001234" and "field-00012": 12 and 11 bytes, as in the published figures. Digits are
// written by hand, since printing would cost as much as what is measured.
class KeyMaker {
 public:
  explicit KeyMaker(std::uint64_t fields_per_group) : fields_per_group_(fields_per_group) {}

  Key make(std::uint64_t entry) {
    put_digits(group_ + 5, 7, entry / fields_per_group_);
    put_digits(field_ + 6, 5, entry % fields_per_group_);
    return {{group_, k_group_bytes}, {field_, k_field_bytes}};
  }
  static constexpr std::size_t k_group_bytes = 12;
  static constexpr std::size_t k_field_bytes = 11;

 private:
  static void put_digits(char* to, std::size_t digits, std::uint64_t number) {
    for (std::size_t at = digits; at-- > 0; number /= 36)
      to[at] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
  }
  const std::uint64_t fields_per_group_;
  char group_[k_group_bytes + 1] = "user:0000000";
  char field_[k_field_bytes + 1] = "field-00000";
};

struct Figures {
  double set_ns = 0;
  double get_ns = 0;
  double get_many_ns = 0;
  double overhead_bytes = 0;
  double payload_bytes = 0;
  std::uint64_t resident_added = 0;
  std::uint64_t resident_added_peak = 0;
  std::uint64_t entries = 0;
  double hit_ratio = 0;
};

class Stopwatch {
 public:
  [[nodiscard]] double ns_per(std::uint64_t operations) const {
    const auto passed = std::chrono::steady_clock::now() - begin_;
    return std::chrono::duration<double, std::nano>(passed).count() /
           static_cast<double>(operations);
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double time_sets(Cache& cache, const QuickBenchOptions& options) {
  const std::string value(static_cast<std::size_t>(options.value_bytes), 'v');
  KeyMaker keys(options.fields_per_group);
  const Stopwatch watch;
  for (std::uint64_t entry = 0; entry < options.entries; ++entry) {
    const Key key = keys.make(entry);
    const auto set = cache.set(key.group, key.field, value);
    if (!set) throw Failure(fmt::format("set of entry {} failed: {}", entry, set.error().message));
  }
  return watch.ns_per(options.entries);
}

double time_gets(Cache& cache, const QuickBenchOptions& options, std::uint64_t reads,
                 std::uint64_t& hits) {
  std::vector<char> buffer(static_cast<std::size_t>(options.value_bytes));
  KeyMaker keys(options.fields_per_group);
  Random random(options.seed);
  const Stopwatch watch;
  for (std::uint64_t read = 0; read < reads; ++read) {
    const Key key = keys.make(random.next() % options.entries);
    hits += cache.get_into(key.group, key.field, buffer).has_value() ? 1 : 0;
  }
  return watch.ns_per(reads);
}

double time_get_many(Cache& cache, const QuickBenchOptions& options, std::uint64_t reads) {
  std::vector<KeyMaker> makers(k_get_many, KeyMaker(options.fields_per_group));
  std::vector<Key> keys(k_get_many);
  std::vector<std::optional<Value>> values(k_get_many);
  Random random(options.seed + 1);
  const std::uint64_t rounds = std::max<std::uint64_t>(reads / k_get_many, 1);
  const Stopwatch watch;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::size_t at = 0; at < k_get_many; ++at)
      keys[at] = makers[at].make(random.next() % options.entries);
    const auto got = cache.get_many(keys, values);
    if (!got) throw Failure(fmt::format("get_many failed: {}", got.error().message));
  }
  return watch.ns_per(rounds * k_get_many);
}

Figures measure(const QuickBenchOptions& options, std::uint64_t limit) {
  prefault_program();
  const std::uint64_t before = resident_bytes();
  (void)reset_resident_peak();
  Options open;
  open.memory_limit = static_cast<std::size_t>(limit);
  open.max_value_bytes = std::max<std::size_t>(1, static_cast<std::size_t>(options.value_bytes));
  open.hash_key[0] = options.seed;
  open.hash_key[1] = ~options.seed;
  open.random_seed = std::max<std::uint64_t>(options.seed, 1);
  auto opened = Cache::open(std::move(open));
  if (!opened) throw Failure(fmt::format("cannot open the cache: {}", opened.error().message));
  Cache cache = std::move(opened).value();

  Figures figures;
  figures.set_ns = time_sets(cache, options);
  const std::uint64_t after = resident_bytes();
  const std::uint64_t peak = resident_peak_bytes();
  figures.entries = cache.size();
  figures.resident_added = after > before ? after - before : 0;
  figures.resident_added_peak = peak > before ? peak - before : 0;
  figures.payload_bytes =
      static_cast<double>(KeyMaker::k_field_bytes) + static_cast<double>(options.value_bytes) +
      static_cast<double>(KeyMaker::k_group_bytes) / static_cast<double>(options.fields_per_group);
  if (figures.entries != 0) {
    figures.overhead_bytes =
        static_cast<double>(figures.resident_added) / static_cast<double>(figures.entries) -
        figures.payload_bytes;
  }
  const std::uint64_t reads = std::clamp<std::uint64_t>(options.entries, 100'000, k_reads_max);
  std::uint64_t hits = 0;
  figures.get_ns = time_gets(cache, options, reads, hits);
  figures.hit_ratio = static_cast<double>(hits) / static_cast<double>(reads);
  figures.get_many_ns = time_get_many(cache, options, reads);
  return figures;
}

void print_text(const QuickBenchOptions& options, std::uint64_t limit, const Figures& figures) {
  const auto rate = [](double ns) { return format_short(ns > 0 ? 1e9 / ns : 0) + "/s"; };
  fmt::print(
      "ullage bench: {} entries, {} fields a group, values of {} B, limit {}, one thread\n\n",
      format_count(options.entries), format_count(options.fields_per_group), options.value_bytes,
      format_bytes(static_cast<double>(limit)));
  fmt::print("  set, new entries       {:>8.0f} ns  {:>10}\n", figures.set_ns,
             rate(figures.set_ns));
  fmt::print("  get, uniform random    {:>8.0f} ns  {:>10}  hit ratio {}\n", figures.get_ns,
             rate(figures.get_ns), format_percent(figures.hit_ratio));
  fmt::print("  get_many of {}, a key  {:>8.0f} ns  {:>10}\n\n", k_get_many, figures.get_many_ns,
             rate(figures.get_many_ns));
  fmt::print("  resident, added        {:>11}  peak {}\n",
             format_bytes(static_cast<double>(figures.resident_added)),
             format_bytes(static_cast<double>(figures.resident_added_peak)));
  fmt::print(
      "  per entry              {:>8.1f} B   {:.1f} payload + {:.1f} overhead, {} entries\n\n",
      figures.payload_bytes + figures.overhead_bytes, figures.payload_bytes, figures.overhead_bytes,
      format_count(figures.entries));
  fmt::print("One run on one machine. The full suite, with peers and intervals: ./dev bench\n");
}

void print_json(const QuickBenchOptions& options, std::uint64_t limit, const Figures& figures) {
  nlohmann::ordered_json json;
  json["entries"] = options.entries;
  json["fields_per_group"] = options.fields_per_group;
  json["value_bytes"] = options.value_bytes;
  json["memory_limit"] = limit;
  json["set_ns"] = figures.set_ns;
  json["get_ns"] = figures.get_ns;
  json["get_many_ns_per_key"] = figures.get_many_ns;
  json["get_many_batch"] = k_get_many;
  json["hit_ratio"] = figures.hit_ratio;
  json["entries_held"] = figures.entries;
  json["resident_added_bytes"] = figures.resident_added;
  json["resident_added_peak_bytes"] = figures.resident_added_peak;
  json["payload_bytes_per_entry"] = figures.payload_bytes;
  json["overhead_bytes_per_entry"] = figures.overhead_bytes;
  fmt::print("{}\n", json.dump(2));
}

}  // namespace

int bench_command(const QuickBenchOptions& options) {
  if (options.value_bytes > k_value_max_bytes) {
    throw Failure(fmt::format("--value-bytes: {} is above the largest value, {} bytes",
                              options.value_bytes, k_value_max_bytes),
                  k_exit_usage);
  }
  std::uint64_t limit = options.memory_limit;
  if (limit == 0) {
    // Room for names, value and a generous overhead; the value's share of the limit is bounded,
    // too.
    const std::uint64_t room = options.entries * (options.value_bytes + 128);
    limit =
        std::max<std::uint64_t>({64 * k_mib, room, options.value_bytes * k_value_share_of_limit});
  }
  const Figures figures = measure(options, limit);
  if (options.json) {
    print_json(options, limit, figures);
  } else {
    print_text(options, limit, figures);
  }
  return 0;
}

}  // namespace ullage::app
