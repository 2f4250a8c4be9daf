// Writing new entries: into a growing cache against a growing map, and into a full cache, which
// evicts one for each, against an empty one.
#include "common/caches.h"
#include "common/peers.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/text.h"

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields = 10;

/// The next `count` entries, made before the clock starts. Groups grow a thousand at a time in
/// step, so that a write finds its group neither always hot nor always cold.
class Batch {
 public:
  explicit Batch(std::size_t count) : count_(count) { entries_.reserve(count); }

  void draw(std::uint64_t first) {
    constexpr std::uint64_t k_stride = 1000;
    entries_.clear();
    for (std::uint64_t i = first; entries_.size() < count_; ++i) {
      const std::uint64_t block = i / (k_stride * k_fields);
      const std::uint64_t group = block * k_stride + i % k_stride;
      const std::uint64_t field = i / k_stride % k_fields;
      entries_.push_back({group_name(group), field_name(field), EntryValue(group, field)});
    }
  }
  template <class Set>
  double nanoseconds(Set set) const {
    const double seconds = seconds_of([&] {
      for (const Entry& e : entries_)
        set(e.group.view(), e.field.view(), e.value.view());
    });
    return seconds / static_cast<double>(entries_.size()) * 1e9;
  }

 private:
  struct Entry {
    Name<k_group_bytes> group;
    Name<k_field_bytes> field;
    EntryValue value;
  };
  std::size_t count_;
  std::vector<Entry> entries_;
};

double mean_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  double sum_a = 0;
  double sum_b = 0;
  for (const double t : a)
    sum_a += t;
  for (const double t : b)
    sum_b += t;
  return sum_a / sum_b;
}

void against_map(const Arguments& arguments, Report& report) {
  const auto count = arguments.scaled<std::size_t>(40'000, 1'000);
  const auto rounds_wanted = arguments.scaled<std::size_t>(75, 4);
  Batch batch(count);
  Cache cache = open_cache(arguments.scaled<std::size_t>(512_MiB, 32_MiB));
  NestedMap map;
  std::vector<double> ours_all;
  std::vector<double> theirs_all;
  Rounds rounds;
  const auto set_ours = [&](auto group, auto field, auto value) {
    must_set(cache, group, field, value);
  };
  const auto set_theirs = [&](auto group, auto field, auto value) { map.set(group, field, value); };
  const std::size_t ours = rounds.add([&](std::size_t round) {
    batch.draw(round * count);
    return ours_all.emplace_back(batch.nanoseconds(set_ours));
  });
  const std::size_t theirs = rounds.add([&](std::size_t round) {
    batch.draw(round * count);
    return theirs_all.emplace_back(batch.nanoseconds(set_theirs));
  });
  rounds.run(rounds_wanted);
  const Median ratio = rounds.ratio(ours, theirs);
  report.add({.figure = "set of a new entry, time over the peer's",
              .bar = "<= 1 x",
              .result = text("%s (%.0f ns over %.0f ns; all rounds together %.2f x)",
                             ratio_text(ratio).c_str(), rounds.time(ours).value,
                             rounds.time(theirs).value, mean_ratio(ours_all, theirs_all)),
              .met = ratio.value <= 1,
              .peer = NestedMap::k_name,
              .workload = text("0 to %.1fM entries, 10 fields a group, one thread",
                               static_cast<double>(count * rounds_wanted) / 1e6)});
}

void full_against_empty(const Arguments& arguments, Report& report) {
  const auto limit = arguments.scaled<std::size_t>(128_MiB, 8_MiB);
  const auto count = arguments.scaled<std::size_t>(20'000, 1'000);
  const auto rounds_wanted = arguments.scaled<std::size_t>(40, 4);
  Batch batch(count);
  Cache empty = open_cache(limit);
  Cache full = open_cache(limit);
  // Two limits' worth of payload: it has been evicting for a while.
  std::uint64_t first = 0;
  const auto fill = 2 * limit / static_cast<std::size_t>(payload_bytes(k_fields));
  for (; first < fill; first += count) {
    batch.draw(first);
    batch.nanoseconds(
        [&](auto group, auto field, auto value) { must_set(full, group, field, value); });
  }
  Rounds rounds;
  const std::size_t into_full = rounds.add([&](std::size_t round) {
    batch.draw(first + round * count);
    return batch.nanoseconds(
        [&](auto group, auto field, auto value) { must_set(full, group, field, value); });
  });
  const std::size_t into_empty = rounds.add([&](std::size_t round) {
    batch.draw(round * count);
    return batch.nanoseconds(
        [&](auto group, auto field, auto value) { must_set(empty, group, field, value); });
  });
  rounds.run(rounds_wanted);
  const Median ratio = rounds.ratio(into_empty, into_full);
  report.add({.figure = "set into a full cache, speed over that into an empty one",
              .bar = ">= 0.5 x",
              .result = text("%s (%.0f ns, empty %.0f ns)", ratio_text(ratio).c_str(),
                             rounds.time(into_full).value, rounds.time(into_empty).value),
              .met = ratio.value >= 0.5,
              .peer = "itself, empty",
              .workload = text("limit %zu MiB, 10 fields a group, one thread", limit / k_mib)});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("set", arguments);
  against_map(arguments, report);
  full_against_empty(arguments, report);
  return report.finish();
}
