// Growing without a spike: the most memory ever resident over what is resident in the end, both as
// added to the process.
#include "common/caches.h"
#include "common/child.h"
#include "common/peers.h"
#include "common/report.h"
#include "common/resident.h"
#include "common/text.h"

#include <functional>

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields = 10;
constexpr double k_small_bytes = 64.0 * 1024 * 1024;
constexpr std::uint64_t k_sample_every = 4096;

struct Growth {
  double peak = 0;
  double final = 0;
};

struct Shape {
  std::string name;
  std::uint64_t entries;
  std::uint64_t fields;
  Order order;
};

/// Grows `map` by `set(map, entry)`, in a child.
template <class Map, class Make, class Set>
Growth grow(const Shape& shape, Make make, Set set) {
  const auto numbers = in_child([&] {
    const EntrySequence sequence(shape.entries, shape.fields, shape.order);
    ResidentMeter meter;
    Map map = make();
    for (std::uint64_t i = 0; i < sequence.size(); ++i) {
      set(map, sequence[i]);
      if (i % k_sample_every == 0) meter.sample();
    }
    // The exact reading and the kernel's high-water mark may differ by some pages.
    const double exact = static_cast<double>(meter.added());
    const double sampled = static_cast<double>(meter.sample());
    return std::vector<double>{static_cast<double>(meter.peak()), std::max(exact, sampled)};
  });
  return {numbers[0], numbers[1]};
}

std::string sizes_of(const Growth& growth) {
  return text("%.3f x (%.1f of %.1f MiB)", growth.peak / growth.final, growth.peak / 0x1p20,
              growth.final / 0x1p20);
}

void ours(Report& report, const Shape& shape, const std::string& workload, std::size_t limit) {
  const Growth growth = grow<Cache>(
      shape, [&] { return open_cache(limit); },
      [](Cache& cache, EntrySequence::Entry entry) { must_set(cache, entry); });
  const double bar = growth.final < k_small_bytes ? 1.05 : 1.02;
  report.add({.figure = "resident peak over resident final, " + shape.name,
              .bar = text("<= %.2f x", bar),
              .result = sizes_of(growth),
              .met = growth.peak <= bar * growth.final,
              .peer = "",
              .workload = workload});
}

void peers(Report& report, const Shape& shape, const std::string& workload) {
  const Growth nested = grow<NestedMap>(
      shape, [] { return NestedMap(); },
      [](NestedMap& map, EntrySequence::Entry entry) {
        map.set(group_name(entry.group), field_name(entry.field),
                EntryValue(entry.group, entry.field));
      });
  report.add({.figure = "peak over final of the peer, " + shape.name,
              .bar = "",
              .result = sizes_of(nested),
              .met = {},
              .peer = NestedMap::k_name,
              .workload = workload});
#if defined(ULLAGE_HAS_BOOST)
  const Growth flat = grow<FlatMap>(
      shape, [] { return FlatMap(); },
      [](FlatMap& map, EntrySequence::Entry entry) {
        const std::string joined =
            std::string(group_name(entry.group)) + '\0' + std::string(field_name(entry.field));
        map.set(joined, EntryValue(entry.group, entry.field));
      });
  report.add({.figure = "peak over final of the peer, " + shape.name,
              .bar = "",
              .result = sizes_of(flat),
              .met = {},
              .peer = FlatMap::k_name,
              .workload = workload});
#endif
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("growth", arguments);
  const auto limit = arguments.scaled<std::size_t>(256 * ullage::k_mib, 32 * ullage::k_mib);
  for (const bool small : {false, true}) {
    const auto entries =
        arguments.scaled<std::uint64_t>(small ? 400'000 : 2'000'000, small ? 10'000 : 20'000);
    const Shape shapes[] = {{"in step", entries, k_fields, Order::in_step},
                            {"one by one", entries, k_fields, Order::one_by_one},
                            {"random order", entries, k_fields, Order::random},
                            {"one giant group", entries, entries, Order::one_by_one}};
    for (const Shape& shape : shapes) {
      const std::string workload =
          text("%.1fM entries of 11 + 32 B, %s", static_cast<double>(entries) / 1e6,
               shape.fields == entries ? "one group" : "10 fields a group");
      ours(report, shape, workload, limit);
      const bool peers_too = !small && (shape.fields == entries || shape.order == Order::in_step);
      if (peers_too) peers(report, shape, workload);
    }
  }
  return report.finish();
}
