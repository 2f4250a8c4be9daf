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

/// Which entries are new next.
enum class Arrival : std::uint8_t {
  anywhere,  ///< of any group, uniform random: as in get_bench
  together,  ///< of the same thousand groups, until these are whole: what is written is mostly hot
};
const char* to_string(Arrival arrival) {
  return arrival == Arrival::anywhere ? "in random order" : "a thousand groups at a time";
}

/// The entries of one round, made before the clock starts.
class Batch {
 public:
  Batch(std::size_t count, std::uint64_t entries, Arrival arrival)
      : count_(count),
        arrival_(arrival),
        all_(entries, k_fields, arrival == Arrival::anywhere ? Order::random : Order::one_by_one) {
    entries_.reserve(count);
  }

  void draw(std::size_t round) {
    entries_.clear();
    for (std::uint64_t i = round * count_; entries_.size() < count_; ++i) {
      const auto [group, field] = entry(i);
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
  [[nodiscard]] EntrySequence::Entry entry(std::uint64_t i) const {
    if (arrival_ == Arrival::anywhere) return all_[i];
    constexpr std::uint64_t k_groups = 1000;
    return {i / (k_groups * k_fields) * k_groups + i % k_groups, i / k_groups % k_fields};
  }

  const std::size_t count_;
  const Arrival arrival_;
  const EntrySequence all_;
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

void against_map(const Arguments& arguments, Report& report, Arrival arrival) {
  const auto count = arguments.scaled<std::size_t>(40'000, 1'000);
  const auto rounds_wanted = arguments.scaled<std::size_t>(75, 4);
  Batch batch(count, count * rounds_wanted, arrival);
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
    batch.draw(round);
    return ours_all.emplace_back(batch.nanoseconds(set_ours));
  });
  const std::size_t theirs = rounds.add([&](std::size_t round) {
    batch.draw(round);
    return theirs_all.emplace_back(batch.nanoseconds(set_theirs));
  });
  rounds.run(rounds_wanted);
  const Median ratio = rounds.ratio(ours, theirs);
  report.add(
      {.figure = "set of a new entry, time over the peer's",
       .bar = "<= 1 x",
       .result = text("%s (%.0f ns over %.0f ns; all rounds together %.2f x)",
                      ratio_text(ratio).c_str(), rounds.time(ours).value, rounds.time(theirs).value,
                      mean_ratio(ours_all, theirs_all)),
       .met = ratio.value <= 1,
       .peer = NestedMap::k_name,
       .workload = text("0 to %.1fM entries, 10 fields a group, %s, one thread",
                        static_cast<double>(count * rounds_wanted) / 1e6, to_string(arrival))});
}

void full_against_empty(const Arguments& arguments, Report& report) {
  const auto limit = arguments.scaled<std::size_t>(128_MiB, 8_MiB);
  const auto count = arguments.scaled<std::size_t>(20'000, 1'000);
  const auto rounds_wanted = arguments.scaled<std::size_t>(40, 4);
  std::uint64_t refused = 0;
  // Two limits' worth of payload: the full one has been evicting for a while.
  const auto fill_rounds = arguments.scaled<std::size_t>(2, 1) * limit /
                           static_cast<std::size_t>(payload_bytes(k_fields)) / count;
  Batch batch(count, (fill_rounds + rounds_wanted) * count / k_fields * k_fields,
              Arrival::anywhere);
  Cache empty = open_cache(limit);
  Cache full = open_cache(limit);
  const auto into = [&](Cache& cache, std::size_t round) {
    batch.draw(round);
    return batch.nanoseconds([&](auto group, auto field, auto value) {
      if (!cache.set(group, field, value)) ++refused;
    });
  };
  for (std::size_t round = 0; round < fill_rounds; ++round)
    into(full, round);
  Rounds rounds;
  const std::size_t into_full =
      rounds.add([&](std::size_t round) { return into(full, fill_rounds + round); });
  const std::size_t into_empty =
      rounds.add([&](std::size_t round) { return into(empty, fill_rounds + round); });
  rounds.run(rounds_wanted);
  const Median ratio = rounds.ratio(into_empty, into_full);
  report.add({.figure = "set into a full cache, speed over that into an empty one",
              .bar = ">= 0.5 x",
              .result = text("%s (%.0f ns, empty %.0f ns; %llu refused)", ratio_text(ratio).c_str(),
                             rounds.time(into_full).value, rounds.time(into_empty).value,
                             static_cast<unsigned long long>(refused)),
              .met = ratio.value >= 0.5 && refused == 0,
              .peer = "itself, empty",
              .workload = text("limit %zu MiB, 10 fields a group, in random order, one thread",
                               limit / k_mib)});
}

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("set", arguments);
  against_map(arguments, report, Arrival::anywhere);
  against_map(arguments, report, Arrival::together);
  full_against_empty(arguments, report);
  return report.finish();
}
