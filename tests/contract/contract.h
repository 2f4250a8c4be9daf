// The contract suite: what every cache promises, whatever its options. Each family of calls has one
// file; its tests run over all settings below.
//
// Every cache that a test opens through the fixture is checked when the test ends: the validator
// finds nothing, the sums add up, and each removal was delivered to the listener or counted as
// lost.
#pragma once

#include "support/testing.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace ullage::test {

/// One configuration of the cache under test.
struct Setting {
  const char* name;
  std::size_t memory_limit;
  Policy policy;
  Maintenance maintenance;
  std::uint64_t max_entries;
  bool listener;
};

inline constexpr Setting k_settings[] = {
    {"Adaptive64Manual", 64 * k_mib, Policy::adaptive, Maintenance::manual, 0, false},
    {"Adaptive8ManualListener", 8 * k_mib, Policy::adaptive, Maintenance::manual, 0, true},
    {"Adaptive64ThreadListener", 64 * k_mib, Policy::adaptive, Maintenance::thread, 0, true},
    {"Adaptive8ThreadMaxEntries", 8 * k_mib, Policy::adaptive, Maintenance::thread, 100'000, false},
    {"Lru64ManualMaxEntriesListener", 64 * k_mib, Policy::lru, Maintenance::manual, 200'000, true},
    {"Lru8Thread", 8 * k_mib, Policy::lru, Maintenance::thread, 0, false},
};

inline void PrintTo(const Setting& setting, std::ostream* out) {
  *out << setting.name;
}

/// A removal as delivered, with copies of what the listener saw.
struct Removed {
  std::string group;
  std::string field;
  std::string value;
  std::uint64_t value_bytes = 0;
  RemovalCause cause = RemovalCause::evicted;

  friend bool operator==(const Removed&, const Removed&) = default;
};
inline void PrintTo(const Removed& removed, std::ostream* out) {
  *out << to_string(removed.cause) << " (" << removed.group << ", " << removed.field << ") "
       << removed.value_bytes << " B";
}

/// Collects removals from any thread.
class RemovalLog {
 public:
  void add(const Removal& removal) {
    const std::lock_guard lock(mutex_);
    ++total_;
    if (kept_.size() < k_kept_max) {
      kept_.push_back({std::string(removal.group), std::string(removal.field),
                       std::string(removal.value), removal.value_bytes, removal.cause});
    }
  }
  [[nodiscard]] std::vector<Removed> all() const {
    const std::lock_guard lock(mutex_);
    return kept_;
  }
  [[nodiscard]] std::uint64_t total() const {
    const std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  static constexpr std::size_t k_kept_max = 500'000;
  mutable std::mutex mutex_;
  std::vector<Removed> kept_;
  std::uint64_t total_ = 0;
};

/// What a refused call must leave as it was.
struct Facts {
  std::uint64_t entries;
  std::uint64_t groups;
  std::uint64_t inserts;
  std::array<std::uint64_t, k_removal_causes> removals;
  std::uint64_t payload_bytes;
  std::uint64_t memory_limit;

  static Facts of(const Cache& cache) {
    const Stats stats = cache.stats();
    return {stats.entries,  stats.groups,        stats.inserts,
            stats.removals, stats.payload_bytes, stats.memory_limit};
  }
  friend bool operator==(const Facts&, const Facts&) = default;
};
inline void PrintTo(const Facts& facts, std::ostream* out) {
  *out << facts.entries << " entries, " << facts.groups << " groups, " << facts.inserts
       << " inserts, " << facts.payload_bytes << " B payload, limit " << facts.memory_limit
       << ", removals";
  for (const std::uint64_t count : facts.removals)
    *out << ' ' << count;
}

class Contract : public ::testing::TestWithParam<Setting> {
 protected:
  using Tweak = std::function<void(Options&)>;

  /// The options of this setting, with the test's clock.
  [[nodiscard]] Options options() const {
    Options options;
    options.memory_limit = GetParam().memory_limit;
    options.max_entries = GetParam().max_entries;
    options.policy = GetParam().policy;
    options.maintenance = GetParam().maintenance;
    options.clock = clock;
    return options;
  }

  /// Opens a cache that lives until the test ends and is checked then.
  Cache& open(const Tweak& tweak = {}) {
    Options chosen = options();
    if (GetParam().listener) chosen.on_removal = Listener{std::make_shared<RemovalLog>()};
    if (tweak) tweak(chosen);
    // A test may have put a listener of its own in the place of ours, or none.
    const Listener* listener = chosen.on_removal.target<Listener>();
    const std::shared_ptr<RemovalLog> log = listener != nullptr ? listener->log : nullptr;
    Result<Cache> opened = Cache::open(std::move(chosen));
    if (!opened) {
      ADD_FAILURE() << "open: " << opened.error().message;
      std::abort();
    }
    opened_.push_back(std::make_unique<Opened>(Opened{std::move(opened).value(), log}));
    return opened_.back()->cache;
  }

  /// Opens a cache with a listener, whatever the setting says, and answers its log too.
  Cache& open_listening(std::shared_ptr<RemovalLog>& log, const Tweak& tweak = {}) {
    log = std::make_shared<RemovalLog>();
    return open([&](Options& chosen) {
      chosen.on_removal = Listener{log};
      if (tweak) tweak(chosen);
    });
  }

  /// Lets `by` pass in small steps with maintenance in each, as a living process would.
  void pass_time(Cache& cache, Millis by, Millis step = 100ms) {
    for (Millis passed{0}; passed < by; passed += step) {
      clock->advance(std::min(step, by - passed));
      settle(cache);
    }
  }

  void TearDown() override {
    for (const auto& opened : opened_) {
      std::string why;
      const auto balanced = [&] {
        settle(opened->cache);
        why = imbalance(opened->cache);
        if (opened->log != nullptr) {
          const Stats stats = opened->cache.stats();
          std::uint64_t removed = 0;
          for (const std::uint64_t count : stats.removals)
            removed += count;
          const std::uint64_t heard = opened->log->total() + stats.removal_events_lost;
          if (heard != removed) {
            why += "removals " + std::to_string(removed) + ", delivered or lost " +
                   std::to_string(heard);
          }
        }
        return why.empty();
      };
      // With a thread of its own a cache may be in the middle of something, but not for ever.
      // Without one, nothing changes after the first look.
      if (GetParam().maintenance == Maintenance::manual) {
        balanced();
      } else {
        eventually(opened->cache, balanced);
      }
      EXPECT_EQ("", why);
    }
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();

 private:
  struct Listener {
    std::shared_ptr<RemovalLog> log;
    void operator()(const Removal& removal) const { log->add(removal); }
  };
  struct Opened {
    Cache cache;
    std::shared_ptr<RemovalLog> log;
  };
  std::vector<std::unique_ptr<Opened>> opened_;
};

/// All entries of a group, by for_each(); fails if a field is seen twice.
inline std::map<std::string, std::string> entries_of(Cache& cache, std::string_view group) {
  std::map<std::string, std::string> entries;
  const Result<std::uint64_t> visited =
      cache.for_each(group, [&](std::string_view field, std::string_view value) {
        EXPECT_TRUE(entries.emplace(field, value).second) << "seen twice: " << field;
      });
  EXPECT_TRUE(succeeded(visited));
  EXPECT_EQ(entries.size(), visited.value_or(0));
  return entries;
}

inline std::string numbered(std::string_view stem, std::uint64_t number) {
  std::string name(stem);
  name += std::to_string(number);
  return name;
}

}  // namespace ullage::test

/// Runs the suite over all settings.
#define ULLAGE_EVERY_SETTING(Suite)                                                               \
  INSTANTIATE_TEST_SUITE_P(Every, Suite, ::testing::ValuesIn(::ullage::test::k_settings),         \
                           [](const ::testing::TestParamInfo<::ullage::test::Setting>& setting) { \
                             return std::string(setting.param.name);                              \
                           })
