// Reading at random from more entries than any processor cache holds, one thread: one entry at a
// time, and in batches of 64, against the maps.
//
// Names are made before the clock starts, for all alike; the flat map even gets its keys joined.
// Each read copies the value out, as our get() does, without an allocation.
#include "common/caches.h"
#include "common/peers.h"
#include "common/report.h"
#include "common/rounds.h"
#include "common/text.h"

#include <memory>

namespace ullage::bench {
namespace {

constexpr std::uint64_t k_fields = 10;
constexpr std::size_t k_batch = 64;

/// The keys of one round, packed.
class Queries {
 public:
  static constexpr std::size_t k_joined_bytes = k_group_bytes + 1 + k_field_bytes;

  explicit Queries(std::size_t count) : joined_(count * k_joined_bytes), keys_(count) {}

  void draw(std::uint64_t entries, std::uint64_t round) {
    Random random(round * 7919 + 1);
    char* at = joined_.data();
    for (Key& key : keys_) {
      const std::uint64_t entry = random.below(entries);
      const auto group = group_name(entry / k_fields);
      const auto field = field_name(entry % k_fields);
      group.view().copy(at, k_group_bytes);
      at[k_group_bytes] = '\0';
      field.view().copy(at + k_group_bytes + 1, k_field_bytes);
      key = {{at, k_group_bytes}, {at + k_group_bytes + 1, k_field_bytes}};
      at += k_joined_bytes;
    }
  }
  [[nodiscard]] std::span<const Key> keys() const { return keys_; }
  /// The two names lie one after the other.
  static std::string_view joined(const Key& key) {
    return {key.group.data(), k_joined_bytes};  // NOLINT(bugprone-suspicious-stringview-data-usage)
  }

 private:
  std::vector<char> joined_;
  std::vector<Key> keys_;
};

/// Proof that a value was read, and the right one: all contenders must agree.
struct Sum {
  std::uint64_t value = 0;
  void add(std::string_view bytes) {
    char copy[k_value_bytes] = {};
    std::memcpy(copy, bytes.data(), std::min(bytes.size(), sizeof copy));
    std::uint64_t word = 0;
    std::memcpy(&word, copy + sizeof copy - sizeof word, sizeof word);
    value += word;
  }
};

struct Contenders {
  Cache cache;
  NestedMap nested;
#if defined(ULLAGE_HAS_BOOST)
  FlatMap flat;
#endif

  void fill(std::uint64_t entries) {
    const EntrySequence sequence(entries, k_fields, Order::in_step);
    for (std::uint64_t i = 0; i < entries; ++i)
      must_set(cache, sequence[i]);
    for (std::uint64_t i = 0; i < entries; ++i) {
      const auto [group, field] = sequence[i];
      nested.set(group_name(group), field_name(field), EntryValue(group, field));
    }
#if defined(ULLAGE_HAS_BOOST)
    for (std::uint64_t i = 0; i < entries; ++i) {
      const auto [group, field] = sequence[i];
      const std::string joined =
          std::string(group_name(group)) + '\0' + std::string(field_name(field));
      flat.set(joined, EntryValue(group, field));
    }
#endif
  }
};

class Race {
 public:
  Race(const Arguments& arguments, Report& report)
      : entries_(arguments.scaled<std::uint64_t>(5'000'000, 20'000)),
        gets_(arguments.scaled<std::size_t>(200'000, 2'000) / k_batch * k_batch),
        rounds_(arguments.scaled<std::size_t>(48, 4)),
        report_(report),
        queries_(gets_),
        all_{open_cache(arguments.scaled<std::size_t>(1_GiB, 32_MiB)),
             {}
#if defined(ULLAGE_HAS_BOOST)
             ,
             {}
#endif
        } {
    all_.fill(entries_);
  }

  void run() {
    Rounds rounds;
    const std::size_t get = rounds.add([this](std::size_t round) {
      return timed(round, [this](const Key& key, Sum& sum) {
        if (const auto value = all_.cache.get(key.group, key.field)) sum.add(value->view());
      });
    });
    const std::size_t many = rounds.add([this](std::size_t round) { return batches(round); });
    const std::size_t nested = rounds.add([this](std::size_t round) {
      return timed(round, [this](const Key& key, Sum& sum) {
        if (const auto* value = all_.nested.get(key.group, key.field)) sum.add(*value);
      });
    });
#if defined(ULLAGE_HAS_BOOST)
    const std::size_t flat = rounds.add([this](std::size_t round) {
      return timed(round, [this](const Key& key, Sum& sum) {
        if (const auto* value = all_.flat.get(Queries::joined(key))) sum.add(*value);
      });
    });
#endif
    rounds.run(rounds_);
    if (all_.cache.stats().misses != 0) {
      std::fprintf(stderr, "get_bench: a get missed an entry that was set\n");
      std::exit(1);
    }
    result("get", get, nested, rounds, 0.5, NestedMap::k_name);
#if defined(ULLAGE_HAS_BOOST)
    result("get", get, flat, rounds, 0.9, FlatMap::k_name);
    result("get_many of 64", many, flat, rounds, 0, FlatMap::k_name);
#endif
    result("get_many of 64", many, nested, rounds, 0.3, NestedMap::k_name);
  }

 private:
  template <class Get>
  double timed(std::size_t round, Get get) {
    queries_.draw(entries_, round);
    Sum sum;
    const double seconds = seconds_of([&] {
      for (const Key& key : queries_.keys())
        get(key, sum);
    });
    return checked(round, sum, seconds);
  }

  double batches(std::size_t round) {
    queries_.draw(entries_, round);
    Sum sum;
    const double seconds = seconds_of([&] {
      for (std::size_t i = 0; i < gets_; i += k_batch) {
        all_.cache.get_many(queries_.keys().subspan(i, k_batch), answers_).value();
        for (const auto& value : answers_) {
          if (value) sum.add(value->view());
        }
      }
    });
    return checked(round, sum, seconds);
  }

  double checked(std::size_t round, const Sum& sum, double seconds) {
    if (sums_.size() <= round) sums_.push_back(sum.value);
    if (sums_[round] != sum.value) {
      std::fprintf(stderr, "get_bench: contenders read different values\n");
      std::exit(1);
    }
    return seconds / static_cast<double>(gets_) * 1e9;
  }

  void result(const char* what, std::size_t mine, std::size_t theirs, const Rounds& rounds,
              double bar, const char* peer) {
    const Median ratio = rounds.ratio(mine, theirs);
    Figure figure{.figure = text("%s, uniform random, time over the peer's", what),
                  .bar = "",
                  .result = text("%s (%.0f ns over %.0f ns)", ratio_text(ratio).c_str(),
                                 rounds.time(mine).value, rounds.time(theirs).value),
                  .met = {},
                  .peer = peer,
                  .workload = text("%.1fM entries, 10 fields a group, one thread",
                                   static_cast<double>(entries_) / 1e6)};
    if (bar > 0) {
      figure.bar = text("<= %.1f x", bar);
      figure.met = ratio.value <= bar;
    }
    report_.add(std::move(figure));
  }

  const std::uint64_t entries_;
  const std::size_t gets_;
  const std::size_t rounds_;
  Report& report_;
  Queries queries_;
  Contenders all_;
  std::array<std::optional<Value>, k_batch> answers_;
  std::vector<std::uint64_t> sums_;  // by round
};

}  // namespace
}  // namespace ullage::bench

int main(int count, char** words) {
  using namespace ullage::bench;
  const auto arguments = Arguments::parse(count, words);
  Report report("get", arguments);
  Race race(arguments, report);
  race.run();
  return report.finish();
}
