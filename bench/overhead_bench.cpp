// Overhead per entry: resident bytes that the cache adds to the process, less the payload.
//
// Payload is field 11 B, value 32 B, and the group's name of 12 B over its fields: the same sum as
// in the peers' table. Every run is a child process of its own.
#include "common/caches.h"
#include "common/child.h"
#include "common/peers.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/text.h"

#include <map>

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields[] = {1, 10, 100, 1000};
constexpr double k_bars[] = {32, 16, 12, 12};
constexpr auto k_far_ttl = Millis(24 * 3600 * 1000);

enum class Variant : std::uint8_t { plain, ttl, full };

struct Reading {
  double overhead = 0;  ///< B an entry
  double entries = 0;
};

class Runner {
 public:
  Runner(const Arguments& arguments, Report& report)
      : entries_(arguments.scaled<std::uint64_t>(2'000'000, 20'000)),
        limit_(arguments.scaled<std::size_t>(256_MiB, 32_MiB)),
        report_(report) {}

  void plain(std::size_t row, Order order) {
    const Reading got = measure(k_fields[row], order, Variant::plain);
    plain_[{row, order}] = got.overhead;
    report_.add({.figure = text("overhead per entry, %s", fields_of(row).c_str()),
                 .bar = text("<= %.0f B", k_bars[row]),
                 .result = text("%.1f B", got.overhead),
                 .met = got.overhead <= k_bars[row],
                 .peer = "",
                 .workload = workload(order)});
  }

  void with_ttl(std::size_t row, Order order) {
    const Reading got = measure(k_fields[row], order, Variant::ttl);
    const double more = got.overhead - plain_.at({row, order});
    const double bar = k_fields[row] == 1 ? 16 : 5;
    report_.add({.figure = text("a TTL on every field, %s", fields_of(row).c_str()),
                 .bar = text("<= %.0f B more", bar),
                 .result = text("%.1f B more (%.1f B)", more, got.overhead),
                 .met = more <= bar,
                 .peer = "",
                 .workload = workload(order)});
  }

  void full(std::size_t row, Order order) {
    const Reading got = measure(k_fields[row], order, Variant::full);
    const double more = got.overhead - plain_.at({row, order});
    report_.add(
        {.figure = text("full and evicting, %s", fields_of(row).c_str()),
         .bar = "<= 2 B more",
         .result = text("%.1f B more (%.1f B, %.0f entries stay)", more, got.overhead, got.entries),
         .met = more <= 2,
         .peer = "",
         .workload = workload(order) + ", limit at half the payload"});
  }

  void peer(std::size_t row) {
    const std::uint64_t fields = k_fields[row];
    const auto numbers = in_child([&] {
      const EntrySequence sequence(entries_, fields, Order::in_step);
      const ResidentMeter meter;
      NestedMap map;
      for (std::uint64_t i = 0; i < sequence.size(); ++i) {
        const auto [group, field] = sequence[i];
        map.set(group_name(group), field_name(field), EntryValue(group, field));
      }
      return std::vector<double>{static_cast<double>(meter.added())};
    });
    report_.add({.figure = text("overhead per entry of the peer, %s", fields_of(row).c_str()),
                 .bar = "",
                 .result = text("%.1f B", over(numbers[0], static_cast<double>(entries_),
                                               static_cast<double>(fields))),
                 .met = {},
                 .peer = NestedMap::k_name,
                 .workload = workload(Order::in_step)});
  }

 private:
  static std::string fields_of(std::size_t row) {
    return text("%llu field%s a group", static_cast<unsigned long long>(k_fields[row]),
                k_fields[row] == 1 ? "" : "s");
  }
  [[nodiscard]] std::string workload(Order order) const {
    return text("%.1fM entries of 11 + 32 B, groups grown %s", static_cast<double>(entries_) / 1e6,
                to_string(order));
  }
  static double over(double resident, double entries, double fields) {
    return resident / entries - payload_bytes(fields);
  }

  [[nodiscard]] Reading measure(std::uint64_t fields, Order order, Variant variant) const {
    Options options;
    options.memory_limit = limit_;
    if (variant == Variant::full) {
      const double payload = payload_bytes(static_cast<double>(fields));
      options.memory_limit =
          std::max(k_memory_limit_min_bytes,
                   static_cast<std::size_t>(payload * static_cast<double>(entries_) / 2));
    }
    SetOptions set;
    if (variant == Variant::ttl) set.ttl = k_far_ttl;
    const auto numbers = in_child([&] {
      const EntrySequence sequence(entries_, fields, order);
      const ResidentMeter meter;
      Cache cache = open_cache(options);
      for (std::uint64_t i = 0; i < sequence.size(); ++i)
        must_set(cache, sequence[i], set);
      const double resident = static_cast<double>(meter.added());
      const Stats stats = cache.stats();
      return std::vector<double>{resident, static_cast<double>(stats.entries),
                                 static_cast<double>(stats.groups)};
    });
    if (variant != Variant::full && numbers[1] != static_cast<double>(entries_)) {
      std::fprintf(stderr, "overhead_bench: %.0f of %.0f entries are there below every limit\n",
                   numbers[1], static_cast<double>(entries_));
      std::exit(1);
    }
    // A full cache keeps only some fields of a group: the name counts for as many as there are.
    return {over(numbers[0], numbers[1], numbers[1] / numbers[2]), numbers[1]};
  }

  const std::uint64_t entries_;
  const std::size_t limit_;
  Report& report_;
  std::map<std::pair<std::size_t, Order>, double> plain_;
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("overhead", arguments);
  Runner runner(arguments, report);
  const std::size_t rows = std::size(k_fields);
  for (const Order order : {Order::in_step, Order::one_by_one, Order::random}) {
    for (std::size_t row = 0; row < rows; ++row)
      runner.plain(row, order);
  }
  for (const Order order : {Order::in_step, Order::random}) {
    for (std::size_t row = 0; row < rows; ++row)
      runner.with_ttl(row, order);
    for (std::size_t row = 0; row < rows; ++row)
      runner.full(row, order);
  }
  for (std::size_t row = 0; row < 2; ++row)
    runner.peer(row);
  return report.finish();
}
