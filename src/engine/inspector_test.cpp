// Every byte has one owner, the right one, and whatever happens meanwhile a slab adds up.
#include <ullage/cache.h>

#include "engine/core_testing.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

RoleBytes& operator+=(RoleBytes& sum, const RoleBytes& more) {
  sum.field += more.field;
  sum.value += more.value;
  sum.header += more.header;
  sum.index += more.index;
  sum.slack += more.slack;
  return sum;
}

class Inspected : public testing::Test {
 protected:
  struct Group {
    RoleBytes bytes;
    std::uint64_t entries = 0;
    std::uint64_t value_bytes = 0;
    std::map<std::string, std::uint64_t> value_bytes_of_fields;  // where they lie
  };

  static Cache open() {
    Options options;
    options.memory_limit = 16 * k_mib;
    options.maintenance = Maintenance::manual;
    return Cache::open(std::move(options)).value();
  }

  /// Looks at everything; every slab adds up.
  Inspection look(const InspectOptions& options = {}) {
    roles_ = {};
    groups_.clear();
    const auto done = cache_.inspect(options, [&](const SlabSight& sight) {
      std::uint64_t sum = 0;
      for (const Holding& holding : sight.holdings) {
        sum += holding.bytes.sum();
        roles_ += holding.bytes;
        Group& group = groups_[holding.has_group ? std::string(holding.group) : "(none)"];
        group.bytes += holding.bytes;
        group.entries += holding.entries;
        group.value_bytes += holding.entries * holding.value_bytes;
        if (holding.has_field)
          group.value_bytes_of_fields[std::string(holding.field)] += holding.bytes.value;
      }
      ASSERT_EQ(sum, sight.bytes);
    });
    return done.value();
  }

  Cache cache_ = open();
  RoleBytes roles_;
  std::map<std::string, Group> groups_;
};

TEST_F(Inspected, AnEmptyCacheIsItsTables) {
  const Inspection done = look();
  EXPECT_EQ(done.bytes, cache_.stats().charged_bytes);
  EXPECT_EQ(done.slabs, 0U);
  EXPECT_GT(roles_.index, 0U);
}

TEST_F(Inspected, EveryByteHasTheRoleThatTheValidatorGivesIt) {
  for (int g = 0; g < 300; ++g) {
    const std::string group = "group:" + std::to_string(g);
    const int fields = g % 30 == 0 ? 500 : 1 + g % 7;
    for (int f = 0; f < fields; ++f) {
      const std::size_t bytes = f % 50 == 3 ? 9000 : static_cast<std::size_t>(f % 90);
      SetOptions how;
      if (f % 3 == 0) how.ttl = Millis(100'000);
      ASSERT_TRUE(cache_.set(group, "field" + std::to_string(f), std::string(bytes, 'v'), how));
    }
    if (g % 10 == 0) cache_.erase_group("group:" + std::to_string(g / 2));
  }
  while (cache_.tick(1000) == 1000) {
  }
  const Validation found = cache_.validate();
  ASSERT_TRUE(found.ok);
  const Inspection done = look();
  EXPECT_EQ(roles_.field, found.roles.field);
  EXPECT_EQ(roles_.value, found.roles.value);
  EXPECT_EQ(roles_.header, found.roles.header);
  EXPECT_EQ(roles_.index, found.roles.index);
  EXPECT_EQ(roles_.slack, found.roles.slack);
  EXPECT_EQ(done.bytes, found.charged_bytes);
  EXPECT_EQ(done.pages, found.pages);
  EXPECT_EQ(done.slabs, done.slabs_resident);
  EXPECT_EQ(done.pages_unsettled, 0U);
  EXPECT_GT(done.longest_hold_bytes, 0U);
  EXPECT_LE(done.longest_hold_bytes, core_of(cache_).state.arena->slab_bytes());
}

TEST_F(Inspected, EveryEntryIsNamedOnceAndLargeValuesAreTheirFields) {
  std::map<std::string, std::set<std::string>> told;
  for (const std::string group : {"small", "large", "with a large value", ""}) {
    const int fields = group == "large" ? 1000 : 3;
    for (int f = 0; f < fields; ++f) {
      const std::string field = f == 0 ? "" : "field" + std::to_string(f);
      const std::size_t bytes = group != "small" && f % 100 == 2 ? 50'000 : 10;
      ASSERT_TRUE(cache_.set(group, field, std::string(bytes, 'v')));
      told[group].insert(field);
    }
  }
  look();
  for (const auto& [name, fields] : told) {
    const Group& group = groups_[name];
    EXPECT_EQ(group.entries, fields.size()) << name;
    ASSERT_EQ(group.value_bytes_of_fields.size(), fields.size()) << name;
    std::uint64_t whole = 0;
    for (const auto& [field, bytes] : group.value_bytes_of_fields) {
      const auto value = cache_.get(name, field);
      ASSERT_TRUE(value) << name << "/" << field;
      EXPECT_EQ(bytes, value->view().size()) << name << "/" << field;
      whole += value->view().size();
    }
    EXPECT_EQ(group.value_bytes, whole) << name;
  }
  EXPECT_EQ(groups_.size(), told.size() + 1) << "and what belongs to nobody";
}

TEST_F(Inspected, SomeSlabsMayStandForAll) {
  for (int g = 0; g < 3000; ++g)
    ASSERT_TRUE(cache_.set("group:" + std::to_string(g), "field", std::string(1000, 'v')));
  const Inspection all = look();
  ASSERT_GT(all.slabs, 20U);
  const Inspection some = look({.slabs_max = 10, .seed = 1});
  EXPECT_EQ(some.slabs, 10U);
  EXPECT_EQ(some.slabs_resident, all.slabs);
  const auto first = groups_;
  look({.slabs_max = 10, .seed = 2});
  EXPECT_NE(groups_.begin()->first, "");
  bool differs = false;
  for (const auto& [name, group] : groups_)
    differs = differs || !first.contains(name);
  EXPECT_TRUE(differs) << "another seed chooses others";
}

TEST_F(Inspected, IdleTimesComeFromTheClock) {
  ASSERT_TRUE(cache_.set("g", "f", "v"));
  std::uint64_t entries = 0;
  const auto done = cache_.inspect({}, [&](const SlabSight& sight) {
    for (const Holding& holding : sight.holdings) {
      entries += holding.entries;
      EXPECT_EQ(holding.idle.count(), 0) << "it was just written";
    }
  });
  EXPECT_TRUE(done.has_value());
  EXPECT_EQ(entries, 1U);
}

// By a TTL of its own, of its group, or for not being used; in small groups and large ones, in
// pages and in pieces.
TEST_F(Inspected, WhatEndsByItselfIsSaid) {
  const auto fill = [&](const std::string& group, const SetOptions& how = {}) {
    const int fields = group.starts_with("large") ? 500 : 3;
    for (int f = 0; f < fields; ++f) {
      const std::size_t bytes = f == 1 ? 30'000 : 10;
      ASSERT_TRUE(cache_.set(group, "f" + std::to_string(f), std::string(bytes, 'v'), how));
    }
  };
  for (const std::string size : {"small", "large"}) {
    fill(size + " endless");
    fill(size + " own", {.ttl = Millis(1'000'000)});
    fill(size + " group");
    ASSERT_TRUE(cache_.expire_group(size + " group", Millis(1'000'000)));
    fill(size + " idle");
    ASSERT_TRUE(cache_.set_group_limits(size + " idle", {.idle_ttl = Millis(1'000'000)}));
  }
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> told;  // entries, those that end
  ASSERT_TRUE(cache_.inspect({}, [&](const SlabSight& sight) {
    for (const Holding& holding : sight.holdings) {
      if (!holding.has_field) continue;
      auto& [entries, ending] = told[std::string(holding.group)];
      ++entries;  // pieces as well
      ending += holding.ends ? 1 : 0;
      EXPECT_FALSE(holding.was_read) << holding.group;
    }
  }));
  ASSERT_EQ(told.size(), 8U);
  for (const auto& [group, counts] : told) {
    EXPECT_GT(counts.first, 3U) << group;
    EXPECT_EQ(counts.second, group.ends_with("endless") ? 0 : counts.first) << group;
  }
}

TEST_F(Inspected, WhatWasReadIsTold) {
  for (int f = 0; f < 4000; ++f)
    ASSERT_TRUE(cache_.set("g" + std::to_string(f / 10), std::to_string(f % 10), "value"));
  ASSERT_TRUE(cache_.get("g7", "3"));
  ASSERT_TRUE(cache_.inspect({}, [&](const SlabSight& sight) {
    for (const Holding& holding : sight.holdings) {
      if (holding.entries == 0) continue;
      EXPECT_EQ(holding.was_read, holding.group == "g7" && holding.field == "3") << holding.group;
    }
  }));
}

TEST_F(Inspected, SlabsAddUpWhileOthersWrite) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> writes{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.emplace_back([&, w] {
      const std::size_t sizes[] = {3, 40, 700, 3000, 20'000, 100'000};
      for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        const std::string group = "g" + std::to_string((i * 7 + static_cast<unsigned>(w)) % 61);
        static_cast<void>(cache_.set(group, "f" + std::to_string(i % 300),
                                     std::string(sizes[i % 37 == 0 ? (i / 37) % 6 : i % 3], 'v')));
        if (i % 1000 == 5) cache_.erase_group(group);
        cache_.tick(2);
        writes.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  std::uint64_t pages = 0;
  std::uint64_t unsettled = 0;
  for (int n = 0; n < 15; ++n) {
    const std::uint64_t then = writes.load(std::memory_order_relaxed);
    while (writes.load(std::memory_order_relaxed) - then < 1000)
      std::this_thread::yield();
    const Inspection done = look();
    pages += done.pages;
    unsettled += done.pages_unsettled;
    for (const auto& [name, group] : groups_) {
      EXPECT_TRUE(name == "(none)" || (name[0] == 'g' && name.size() <= 3)) << name;
      for (const auto& [field, bytes] : group.value_bytes_of_fields)
        EXPECT_TRUE(field[0] == 'f' && field.size() <= 4) << field;
    }
  }
  stop = true;
  for (std::thread& writer : writers)
    writer.join();
  EXPECT_LT(unsettled, pages / 20) << "nearly every page can be looked at";
}

TEST_F(Inspected, NotFromACallbackOfUpdate) {
  ASSERT_TRUE(cache_.update("g", "f", [&](std::optional<std::string_view>) {
    const auto done = cache_.inspect({}, [](const SlabSight&) {});
    EXPECT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::reentered);
    return std::optional<std::string>("v");
  }));
}

}  // namespace
}  // namespace ullage::engine
