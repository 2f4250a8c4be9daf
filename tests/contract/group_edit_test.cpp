// Groups as a whole: looked at as they are at one moment, changed in one step.
#include "contract.h"

#include <tuple>

namespace ullage::test {
namespace {

using Entries = std::map<std::string, std::string>;

class GroupEdits : public Contract {
 protected:
  static Entries whole(Cache& cache, std::string_view group) {
    Entries entries;
    EXPECT_TRUE(succeeded(cache.read_group(group, [&](const GroupView& view) {
      for (const GroupEntry& entry : view.entries) {
        EXPECT_TRUE(entries.emplace(entry.field, entry.value).second) << entry.field;
        // So far behind them may be read, which a sanitizer watches.
        for (const std::string_view bytes : {entry.field, entry.value}) {
          const std::string longer(bytes.data(), bytes.size() + k_group_view_pad_bytes);
          EXPECT_TRUE(longer.starts_with(bytes));
        }
      }
    })));
    return entries;
  }
  /// Makes the group be exactly this.
  static EditOutcome become(Cache& cache, std::string_view group, const Entries& entries) {
    const auto done = cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
      for (const GroupEntry& there : edit.before().entries) {
        if (!entries.contains(std::string(there.field))) edit.erase(there.field);
      }
      for (const auto& [field, value] : entries)
        edit.set(field, value);
      return {};
    });
    EXPECT_TRUE(succeeded(done));
    return done.value_or(EditOutcome{});
  }
  static Entries some(std::uint64_t count, std::uint64_t seed, std::size_t value_bytes = 20) {
    Entries entries;
    for (std::uint64_t i = 0; i < count; ++i)
      entries[numbered("f", i * seed)] = sealed(i + seed, value_bytes + i % 7);
    return entries;
  }
  static GroupView of(Cache& cache, std::string_view group) {
    GroupView seen;
    EXPECT_TRUE(succeeded(cache.read_group(group, [&](const GroupView& view) { seen = view; })));
    seen.entries = {};
    return seen;
  }
  static void make_of_kind(Cache& cache, std::string_view group, std::uint8_t kind) {
    EXPECT_TRUE(succeeded(cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
      edit.set_kind(kind);
      edit.forget_losses();
      return {};
    })));
  }
};
ULLAGE_EVERY_SETTING(GroupEdits);

std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> counts(const EditOutcome& outcome) {
  return {outcome.inserted, outcome.replaced, outcome.erased};
}

TEST_P(GroupEdits, MakeAGroupWhatItIsToBe) {
  Cache& cache = open();
  // From none to one page, to a page with others, to pages of its own and back.
  for (const std::uint64_t count : {1U, 2U, 10U, 30U, 200U, 1500U, 6000U, 40U, 3U, 1U, 500U}) {
    const Entries entries = some(count, 1 + count % 3);
    become(cache, "g", entries);
    ASSERT_EQ(whole(cache, "g"), entries) << count;
    ASSERT_EQ(cache.group_size("g"), count);
    ASSERT_EQ(entries_of(cache, "g"), entries);
    for (const auto& [field, value] : entries)
      ASSERT_EQ(fetch(cache, "g", field), value);
    ASSERT_EQ(imbalance(cache), "");
  }
}

TEST_P(GroupEdits, CountWhatTheyDo) {
  Cache& cache = open();
  EXPECT_EQ(counts(become(cache, "g", {{"a", "1"}, {"b", "2"}})), std::tuple(2U, 0U, 0U));
  EXPECT_EQ(counts(become(cache, "g", {{"b", "3"}, {"c", "4"}})), std::tuple(1U, 1U, 1U));
  EXPECT_EQ(counts(become(cache, "g", {})), std::tuple(0U, 0U, 2U));
  EXPECT_FALSE(cache.contains_group("g"));
  EXPECT_EQ(counts(become(cache, "g", {})), std::tuple(0U, 0U, 0U));
  const Stats stats = cache.stats();
  EXPECT_EQ(stats.inserts, 3U);
  EXPECT_EQ(stats.removed(RemovalCause::replaced), 1U);
  EXPECT_EQ(stats.removed(RemovalCause::erased), 3U);
}

TEST_P(GroupEdits, LastChangeOfAFieldCounts) {
  Cache& cache = open();
  put(cache, "g", "there", "old");
  const auto done = cache.edit_group("g", [](GroupEdit& edit) -> Result<void> {
    edit.set("a", "1"), edit.erase("a");
    edit.erase("b"), edit.set("b", "2");
    edit.set("there", "x"), edit.set("there", "new");
    return {};
  });
  EXPECT_EQ(counts(done.value()), std::tuple(1U, 1U, 0U));
  EXPECT_EQ(whole(cache, "g"), (Entries{{"b", "2"}, {"there", "new"}}));
}

TEST_P(GroupEdits, SeeWhatIsThere) {
  Cache& cache = open();
  for (const std::uint64_t count : {0U, 1U, 25U, 2000U}) {
    const std::string group = numbered("g", count);
    const Entries entries = some(count, 1);
    for (const auto& [field, value] : entries)
      put(cache, group, field, value);
    Entries seen;
    EXPECT_TRUE(succeeded(cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
      for (const GroupEntry& entry : edit.before().entries)
        seen.emplace(entry.field, entry.value);
      return {};
    })));
    EXPECT_EQ(seen, entries);
    EXPECT_EQ(whole(cache, group), entries);
  }
}

TEST_P(GroupEdits, HoldLargeValues) {
  Cache& cache = open();
  for (int round = 0; round < 4; ++round) {
    Entries entries;
    for (std::uint64_t i = 0; i < 12; ++i)
      entries[numbered("f", i)] = sealed(i * 100 + static_cast<std::uint64_t>(round),
                                         100 + i * (round % 2 == 0 ? 9000 : 60));
    become(cache, "g", entries);
    ASSERT_EQ(whole(cache, "g"), entries);
    // The one beside stays as it is, and where it is.
    ASSERT_TRUE(succeeded(cache.edit_group("g", [](GroupEdit& edit) -> Result<void> {
      edit.set("small", "x");
      return {};
    })));
    entries["small"] = "x";
    ASSERT_EQ(whole(cache, "g"), entries);
    ASSERT_EQ(imbalance(cache), "");
  }
  become(cache, "g", {{"one", "small"}});
  EXPECT_EQ(whole(cache, "g"), (Entries{{"one", "small"}}));
}

TEST_P(GroupEdits, KeepAndGiveTimesToLive) {
  Cache& cache = open();
  for (const std::uint64_t others : {0U, 3U, 400U}) {
    const std::string group = numbered("g", others);
    for (const auto& [field, value] : some(others, 1))
      put(cache, group, field, value);
    put(cache, group, "stays", "1", {.ttl = 10s});
    put(cache, group, "kept", "1", {.ttl = 20s});
    put(cache, group, "loses", "1", {.ttl = 30s});
    put(cache, group, "restated", "1", {.ttl = 40s});
    ASSERT_TRUE(succeeded(cache.edit_group(group, [](GroupEdit& edit) -> Result<void> {
      edit.set("kept", "22", {.ttl = {}, .keep_ttl = true});
      edit.set("loses", "2");
      edit.restate("restated", "2");
      edit.set("gets", "2", {.ttl = 50s});
      edit.set("new", "2", {.ttl = {}, .keep_ttl = true});
      return {};
    })));
    const auto left = [&](std::string_view field) { return cache.ttl(group, field)->remaining; };
    EXPECT_EQ(left("stays"), 10s);
    EXPECT_EQ(left("kept"), 20s);
    EXPECT_EQ(left("loses"), std::nullopt);
    EXPECT_EQ(left("restated"), 40s);
    EXPECT_EQ(left("gets"), 50s);
    EXPECT_EQ(left("new"), std::nullopt);
    std::map<std::string, std::optional<Millis>> seen;
    ASSERT_TRUE(succeeded(cache.read_group(group, [&](const GroupView& view) {
      for (const GroupEntry& entry : view.entries)
        seen.emplace(entry.field, entry.ttl.remaining);
    })));
    EXPECT_EQ(seen.at("gets"), 50s);
    EXPECT_EQ(seen.at("new"), std::nullopt);
    pass_time(cache, 45s, 1s);
    EXPECT_EQ(fetch(cache, group, "restated"), std::nullopt);
    EXPECT_EQ(fetch(cache, group, "gets"), "2");
    EXPECT_EQ(cache.group_size(group), others + 3) << "loses, new, gets";
  }
}

TEST_P(GroupEdits, LeaveOutWhatHasExpired) {
  Cache& cache = open();
  for (const std::uint64_t stay : {0U, 5U, 500U}) {
    const std::string group = numbered("g", stay);
    for (const auto& [field, value] : some(stay, 1))
      put(cache, group, field, value);
    for (std::uint64_t i = 0; i < 30; ++i)
      put(cache, group, numbered("t", i), "x", {.ttl = 5ms});
    clock->advance(5ms);
    EXPECT_EQ(whole(cache, group).size(), stay);
    std::size_t seen = 0;
    const auto done = cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
      seen = edit.before().entries.size();
      edit.set("t0", "again");
      return {};
    });
    EXPECT_EQ(counts(done.value()), std::tuple(1U, 0U, 0U));
    EXPECT_EQ(seen, stay);
    EXPECT_EQ(whole(cache, group).size(), stay + 1);
  }
  EXPECT_EQ(cache.stats().removed(RemovalCause::expired), 90U);
}

TEST_P(GroupEdits, AreToldOf) {
  std::shared_ptr<RemovalLog> log;
  Cache& cache = open_listening(log, [](Options& options) { options.removal_values = true; });
  for (const std::uint64_t others : {0U, 300U}) {
    const std::string group = numbered("g", others);
    Entries entries = some(others, 1);
    entries.insert({{"replaced", "1"}, {"erased", "2"}, {"restated", "3"}, {"stays", "4"}});
    entries["large"] = sealed(5, 5000);
    become(cache, group, entries);
    ASSERT_TRUE(succeeded(cache.edit_group(group, [](GroupEdit& edit) -> Result<void> {
      edit.set("replaced", "11");
      edit.erase("erased");
      edit.restate("restated", "33");
      edit.erase("large");
      return {};
    })));
    EXPECT_EQ(fetch(cache, group, "restated"), "33");
    settle(cache);
    ASSERT_TRUE(eventually(cache, [&] { return log->total() == (others == 0 ? 3U : 6U); }));
    std::vector<Removed> told = log->all();
    std::erase_if(told, [&](const Removed& one) { return one.group != group; });
    std::ranges::sort(told, {}, &Removed::field);
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told[0], (Removed{group, "erased", "2", 1, RemovalCause::erased}));
    EXPECT_EQ(told[1], (Removed{group, "large", sealed(5, 5000), 5000, RemovalCause::erased}));
    EXPECT_EQ(told[2], (Removed{group, "replaced", "1", 1, RemovalCause::replaced}));
  }
}

TEST_P(GroupEdits, ThatAreRefusedChangeNothing) {
  Cache& cache = open();
  const Entries entries = some(100, 1);
  become(cache, "g", entries);
  const Facts before = Facts::of(cache);
  const auto refused = [&](Errc code, const std::function<Result<void>(GroupEdit&)>& edit) {
    EXPECT_TRUE(fails_with(cache.edit_group("g",
                                            [&](GroupEdit& asked) {
                                              asked.set("new", "x");
                                              asked.erase("f1");
                                              return edit(asked);
                                            }),
                           code));
    EXPECT_EQ(before, Facts::of(cache));
    EXPECT_EQ(whole(cache, "g"), entries);
  };
  refused(Errc::not_found, [](GroupEdit&) { return Error{Errc::not_found, "mine"}; });
  const auto after = [](auto act) {
    return [act](GroupEdit& edit) -> Result<void> { return act(edit), Result<void>{}; };
  };
  refused(Errc::name_too_long,
          after([](GroupEdit& edit) { edit.set(std::string(k_name_max_bytes + 1, 'n'), "v"); }));
  refused(Errc::value_too_long,
          after([](GroupEdit& edit) { edit.set("f", std::string(3 * k_mib, 'v')); }));
  refused(Errc::ttl_out_of_range, after([](GroupEdit& edit) { edit.set("f", "v", {.ttl = 0ms}); }));
  refused(Errc::invalid_argument,
          after([](GroupEdit& edit) { edit.set("f", "v", {.ttl = 5ms, .keep_ttl = true}); }));
  refused(Errc::invalid_argument,
          after([](GroupEdit& edit) { edit.set_kind(k_group_kind_max + 1); }));
  refused(Errc::group_too_large, after([](GroupEdit& edit) {
            for (std::uint64_t i = 0; i < k_group_edit_max_fields; ++i)
              edit.set(numbered("many", i), "");
          }));
  EXPECT_TRUE(fails_with(cache.edit_group(std::string(k_name_max_bytes + 1, 'n'),
                                          [](GroupEdit&) -> Result<void> { return {}; }),
                         Errc::name_too_long));
  EXPECT_TRUE(
      succeeded(cache.read_group(std::string(k_name_max_bytes + 1, 'n'), [](const GroupView& view) {
        EXPECT_TRUE(view.entries.empty());
      })));
}

TEST_P(GroupEdits, OfGroupsThatAreTooLargeAreRefused) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i <= k_group_edit_max_fields; ++i)
    put(cache, "g", numbered("f", i), "v");
  if (cache.group_size("g") > k_group_edit_max_fields) {
    const auto none = [](GroupEdit&) -> Result<void> { return {}; };
    EXPECT_TRUE(fails_with(cache.edit_group("g", none), Errc::group_too_large));
    EXPECT_TRUE(fails_with(cache.read_group("g", [](const GroupView&) {}), Errc::group_too_large));
    EXPECT_TRUE(cache.erase("g", "f0"));
    EXPECT_TRUE(succeeded(cache.edit_group("g", none)));
    EXPECT_EQ(whole(cache, "g").size(), k_group_edit_max_fields);
  }
}

TEST_P(GroupEdits, DoNotReenter) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  const auto done = cache.edit_group("g", [&](GroupEdit& edit) -> Result<void> {
    EXPECT_TRUE(fails_with(cache.set("g", "f", "x"), Errc::reentered));
    EXPECT_TRUE(fails_with(cache.edit_group("h", [](GroupEdit&) -> Result<void> { return {}; }),
                           Errc::reentered));
    EXPECT_TRUE(fails_with(cache.read_group("g", [](const GroupView&) {}), Errc::reentered));
    EXPECT_EQ(cache.group_kind("g"), std::nullopt);
    edit.set("f", "w");
    return {};
  });
  EXPECT_TRUE(succeeded(done));
  EXPECT_TRUE(succeeded(cache.read_group("g", [&](const GroupView& view) {
    EXPECT_EQ(view.entries[0].value, "w");
    EXPECT_TRUE(succeeded(cache.set("g", "f", "inside")));  // a look holds nothing
  })));
  EXPECT_EQ(fetch(cache, "g", "f"), "inside");
}

TEST_P(GroupEdits, ThatThrowChangeNothing) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  EXPECT_THROW(static_cast<void>(cache.edit_group("g",
                                                  [](GroupEdit& edit) -> Result<void> {
                                                    edit.set("f", "w");
                                                    throw std::runtime_error("mine");
                                                  })),
               std::runtime_error);
  EXPECT_EQ(fetch(cache, "g", "f"), "v");
  put(cache, "g", "f", "and the shard is free");
}

TEST_P(GroupEdits, GiveAGroupItsKind) {
  Cache& cache = open();
  for (const std::uint64_t count : {1U, 10U, 400U}) {
    const std::string group = numbered("g", count);
    become(cache, group, some(count, 1));
    EXPECT_EQ(of(cache, group).kind, 0);
    make_of_kind(cache, group, 7);
    EXPECT_EQ(of(cache, group).kind, 7);
    EXPECT_FALSE(of(cache, group).has_losses);
    EXPECT_EQ(cache.group_kind(group)->kind, 7);
    // Everything else works on it as on any group.
    put(cache, group, "single", "v");
    EXPECT_EQ(fetch(cache, group, "single"), "v");
    put(cache, group, "single", "longer than it was");
    EXPECT_EQ(cache.increment(group, "n", 5).value(), 5);
    EXPECT_TRUE(cache.expire_group(group, 1h).value());
    EXPECT_TRUE(cache.set_group_limits(group, {.max_fields = 10'000}).value());
    become(cache, group, some(count, 1));
    EXPECT_EQ(cache.group_ttl(group)->remaining, 1h);
    EXPECT_EQ(cache.group_limits(group)->max_fields, 10'000U);
    ASSERT_TRUE(succeeded(cache.rename_group(group, "renamed", true)));
    EXPECT_EQ(cache.group_kind("renamed")->kind, 7);
    EXPECT_FALSE(cache.group_kind("renamed")->has_losses) << "all that went was erased";
    EXPECT_EQ(whole(cache, "renamed"), some(count, 1));
    EXPECT_EQ(cache.group_kind(group), std::nullopt);
    make_of_kind(cache, "renamed", 0);
    EXPECT_EQ(cache.group_kind("renamed")->kind, 0);
  }
}

TEST_P(GroupEdits, TellWhatExpiryTook) {
  Cache& cache = open();
  for (const std::uint64_t others : {1U, 300U}) {
    const std::string group = numbered("g", others);
    become(cache, group, some(others, 1));
    make_of_kind(cache, group, 1);
    put(cache, group, "t", "x", {.ttl = 1s});
    EXPECT_FALSE(of(cache, group).has_losses);
    clock->advance(1s);
    EXPECT_TRUE(of(cache, group).has_losses) << "at once";
    pass_time(cache, 2s);
    EXPECT_TRUE(of(cache, group).has_losses) << "and once it was taken out";
    EXPECT_TRUE(cache.group_kind(group)->has_losses);
    become(cache, group, some(others, 1));
    EXPECT_TRUE(of(cache, group).has_losses) << "until told otherwise";
    make_of_kind(cache, group, 1);
    EXPECT_FALSE(of(cache, group).has_losses);
    put(cache, group, "t", "x", {.ttl = 1s});
    clock->advance(1s);
    put(cache, group, "t", "y");
    EXPECT_FALSE(of(cache, group).has_losses) << "written anew before anybody missed it";
  }
}

TEST_P(GroupEdits, TellWhatALimitTook) {
  Cache& cache = open();
  for (const std::uint64_t count : {5U, 300U}) {
    const std::string group = numbered("g", count);
    become(cache, group, some(count, 1));
    make_of_kind(cache, group, 1);
    EXPECT_TRUE(cache.set_group_limits(group, {.max_fields = count}).value());
    EXPECT_FALSE(of(cache, group).has_losses);
    put(cache, group, "one more", "x");
    EXPECT_TRUE(of(cache, group).has_losses);
    EXPECT_EQ(cache.group_size(group), count);
    make_of_kind(cache, group, 1);
    Entries more = some(count, 1);
    more["b"] = more["c"] = "x";
    become(cache, group, more);
    EXPECT_TRUE(of(cache, group).has_losses);
    EXPECT_EQ(cache.group_size(group), count);
  }
}

TEST_P(GroupEdits, TellWhatEvictionTook) {
  Cache& cache = open([](Options& options) { options.memory_limit = 8_MiB; });
  for (std::uint64_t i = 0; i < 20; ++i) {
    become(cache, numbered("g", i), some(i % 2 == 0 ? 8 : 200, 1, 200));
    make_of_kind(cache, numbered("g", i), 1);
  }
  std::uint64_t parts_seen = 0;
  for (std::uint64_t i = 0; i < 40'000; ++i) {
    // More than there is room for, and all of it comes again: the groups do not.
    const std::string other = numbered("other", i * 7919 % 10'000);
    if (!cache.get(other, "f")) put(cache, other, "f", sealed(i, 900));
    if (i % 250 == 0) clock->advance(1s);
    if (i % 125 != 0 || parts_seen > 5) continue;
    for (std::uint64_t g = 0; g < 20; ++g) {
      ASSERT_TRUE(succeeded(cache.read_group(
          numbered("g", g),
          [&](const GroupView& view) {
            if (view.entries.empty()) return;
            const bool is_whole = view.entries.size() == (g % 2 == 0 ? 8U : 200U);
            ASSERT_EQ(view.has_losses, !is_whole) << g << " has " << view.entries.size();
            parts_seen += is_whole ? 0 : 1;
          },
          GroupUse::none)));
    }
  }
  EXPECT_GT(parts_seen, 0U);
}

TEST_P(GroupEdits, FitAFullCache) {
  Cache& cache = open([](Options& options) { options.memory_limit = 8_MiB; });
  for (std::uint64_t i = 0; i < 10'000; ++i)
    put(cache, numbered("flood", i), "f", sealed(i, 1000));
  for (std::uint64_t round = 0; round < 12; ++round) {
    const std::string group = numbered("g", round % 4);
    Entries entries = some(round % 3 == 0 ? 3000 : 150, 1 + round % 2, round % 3 == 0 ? 60 : 900);
    become(cache, group, entries);
    for (const auto& [field, value] : whole(cache, group))
      ASSERT_EQ(entries[field], value);
    for (std::uint64_t i = 0; i < 60; ++i)
      put(cache, numbered("flood", round * 1000 + i), "f", sealed(i, 1000));
  }
  EXPECT_LE(cache.stats().charged_bytes, cache.stats().memory_limit);
}

TEST_P(GroupEdits, AreChargedToTheirClass) {
  Cache& cache = open();
  ASSERT_TRUE(succeeded(cache.define_class("g*", {.max = 300'000})));
  ASSERT_TRUE(succeeded(cache.define_class("t*", {.ttl = 10s})));
  for (const std::uint64_t count : {3U, 500U, 20U, 0U, 1000U}) {
    become(cache, "g1", some(count, 1));
    EXPECT_EQ(cache.class_info("g*")->entries, count);
    ASSERT_EQ(imbalance(cache), "");
  }
  EXPECT_TRUE(fails_with(cache.edit_group("g2",
                                          [](GroupEdit& edit) -> Result<void> {
                                            for (const auto& [field, value] : some(5000, 1, 100))
                                              edit.set(field, value);
                                            return {};
                                          }),
                         Errc::group_too_large));
  for (std::uint64_t i = 0; i < 20; ++i)
    become(cache, numbered("g", i), some(500, 1));  // room within the class is made
  EXPECT_LE(cache.class_info("g*")->bytes, 300'000U);
  become(cache, "t1", some(5, 1));
  EXPECT_EQ(cache.ttl("t1", "f1")->remaining, 10s);
}

TEST_P(GroupEdits, AreUsesOfAGroup) {
  Cache& cache = open([](Options& options) { options.group.idle_ttl = 10s; });
  become(cache, "read", some(5, 1));
  become(cache, "written", some(5, 1));
  become(cache, "large", some(500, 1));
  become(cache, "idle", some(5, 1));
  const Stats before = cache.stats();
  for (int i = 0; i < 10; ++i) {
    pass_time(cache, 2s);
    EXPECT_EQ(whole(cache, "read").size(), 5U);
    EXPECT_EQ(whole(cache, "large").size(), 500U);
    become(cache, "written", some(5, 1));
    EXPECT_TRUE(succeeded(cache.read_group("idle", [](const GroupView&) {}, GroupUse::none)));
  }
  EXPECT_EQ(whole(cache, "idle").size(), 0U);
  const Stats after = cache.stats();
  EXPECT_EQ(after.hits - before.hits, 20U);
  EXPECT_EQ(after.misses - before.misses, 1U);
}

}  // namespace
}  // namespace ullage::test
