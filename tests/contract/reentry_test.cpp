// Callbacks that call the cache: allowed where it can end, detected where it cannot.
#include "contract.h"

#include <stdexcept>

namespace ullage::test {
namespace {

class Reentry : public Contract {};
ULLAGE_EVERY_SETTING(Reentry);

/// Nests visits of f0, f1, ... down to `depth` and checks that each view holds while those inside
/// run.
Result<bool> nest(Cache& cache, std::uint64_t level, std::uint64_t depth) {
  Result<bool> innermost = true;
  Result<bool> visited = cache.visit("g", numbered("f", level), [&](std::string_view value) {
    EXPECT_EQ(level, unseal(value));
    if (level + 1 < depth) innermost = nest(cache, level + 1, depth);
    EXPECT_EQ(level, unseal(value)) << "a visit inside overwrote the view";
  });
  if (!visited) return visited;
  return innermost;
}

TEST_P(Reentry, VisitorsNestAsDeepAsAllowed) {
  Cache& cache = open();
  for (std::uint64_t level = 0; level < 2 * k_visitor_depth_max; ++level) {
    put(cache, "g", numbered("f", level), sealed(level, 20 + level * 30'000));
  }
  EXPECT_TRUE(nest(cache, 0, k_visitor_depth_max).value());
  const Result<bool> too_deep = nest(cache, 0, k_visitor_depth_max + 1);
  EXPECT_TRUE(fails_with(too_deep, Errc::reentered));
  EXPECT_TRUE(nest(cache, 0, k_visitor_depth_max).value()) << "a refusal must not use the depth up";
}

TEST_P(Reentry, AllIteratorsCountAsVisitors) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  std::size_t depth = 0;
  std::optional<Errc> refused;
  const std::function<void()> deeper = [&] {
    if (++depth > 2 * k_visitor_depth_max) return;
    Result<std::uint64_t> result = std::uint64_t{0};
    switch (depth % 4) {
      case 0:
        result = cache.for_each("g", [&](auto, auto) { deeper(); });
        break;
      case 1:
        result = cache.for_each_group([&](auto, auto) { deeper(); });
        break;
      case 2:
        result = cache.scan("g", 0, 10, [&](auto, auto) { deeper(); });
        break;
      default:
        result = cache.erase_if("g", [&](auto, auto) {
          deeper();
          return false;
        });
        break;
    }
    if (!result) refused = result.error().code;
  };
  deeper();
  EXPECT_EQ(Errc::reentered, refused);
  EXPECT_EQ(k_visitor_depth_max + 1, depth) << "refused at the first level too deep";
  EXPECT_EQ("v", fetch(cache, "g", "f"));
}

TEST_P(Reentry, AVisitorMayDoAnything) {
  Cache& cache = open();
  put(cache, "g", "f", sealed(1, 5000));
  EXPECT_TRUE(cache
                  .visit("g", "f",
                         [&](std::string_view value) {
                           put(cache, "g", "f", "changed");
                           put(cache, "g", "new", "v");
                           EXPECT_EQ("changed", fetch(cache, "g", "f"));
                           EXPECT_TRUE(cache.erase("g", "f"));
                           EXPECT_TRUE(cache.erase_group("g"));
                           cache.clear();
                           settle(cache);
                           EXPECT_TRUE(cache.validate().ok);
                           put(cache, "h", "f", "v");
                           EXPECT_EQ(1U, unseal(value)) << "the view is this thread's own";
                         })
                  .value());
  EXPECT_EQ(1U, cache.size());
}

TEST_P(Reentry, AnIteratorsVisitorMayDropWhatItWalks) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 5000; ++i)
    put(cache, "g", numbered("f", i), "v");
  std::uint64_t seen = 0;
  EXPECT_TRUE(succeeded(cache.for_each("g", [&](auto, auto) {
    if (++seen == 10) {
      EXPECT_TRUE(cache.erase_group("g"));
      settle(cache);
    }
  })));
  EXPECT_LE(seen, 5000U);
  EXPECT_FALSE(cache.contains_group("g"));
  for (std::uint64_t i = 0; i < 500; ++i)
    put(cache, numbered("g", i), "f", "v");
  EXPECT_TRUE(succeeded(
      cache.for_each_group([&](std::string_view group, auto) { cache.erase_group(group); })));
  EXPECT_EQ(0U, cache.size());
}

TEST_P(Reentry, AThrowingVisitorLeavesTheCacheWhole) {
  Cache& cache = open();
  for (std::uint64_t i = 0; i < 100; ++i)
    put(cache, "g", numbered("f", i), sealed(i, 200));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THROW(
        static_cast<void>(cache.visit("g", "f1", [](auto) { throw std::runtime_error("v"); })),
        std::runtime_error);
    EXPECT_THROW(
        static_cast<void>(cache.for_each("g", [](auto, auto) { throw std::runtime_error("v"); })),
        std::runtime_error);
    EXPECT_THROW(
        static_cast<void>(cache.scan("g", 0, 5, [](auto, auto) { throw std::runtime_error("v"); })),
        std::runtime_error);
    EXPECT_THROW(
        static_cast<void>(cache.update(
            "g", "f1", [](auto) -> std::optional<std::string> { throw std::runtime_error("v"); })),
        std::runtime_error);
  }
  EXPECT_EQ(sealed(1, 200), fetch(cache, "g", "f1"));
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f1", "w"));
  EXPECT_TRUE(cache.visit("g", "f1", [](std::string_view value) { EXPECT_EQ("w", value); }).value())
      << "thrown visitors must not use the depth up";
}

TEST_P(Reentry, UpdateMustNotCallTheCache) {
  Cache& cache = open();
  put(cache, "g", "f", "1");
  put(cache, "g", "other", "o");
  put(cache, "h", "f", "h");
  const Result<SetOutcome> outer = cache.update("g", "f", [&](std::optional<std::string_view> now) {
    EXPECT_EQ("1", now.value_or("none"));
    for (const char* group : {"g", "h", "new"}) {
      EXPECT_TRUE(fails_with(cache.set(group, "f", "inner"), Errc::reentered));
      EXPECT_TRUE(fails_with(cache.increment(group, "n"), Errc::reentered));
      EXPECT_TRUE(fails_with(cache.visit(group, "f", [](auto) {}), Errc::reentered));
      EXPECT_TRUE(fails_with(cache.for_each(group, [](auto, auto) {}), Errc::reentered));
      EXPECT_TRUE(
          fails_with(cache.update(group, "f", [](auto) { return std::optional<std::string>("x"); }),
                     Errc::reentered));
      EXPECT_TRUE(
          fails_with(cache.get_or_load(group, "f", [](auto, auto) { return Loaded::of("x"); }),
                     Errc::reentered));
      EXPECT_TRUE(fails_with(cache.load_group(group, [](auto&) { return std::optional<Loaded>(); }),
                             Errc::reentered));
      EXPECT_TRUE(fails_with(cache.expire(group, "f", 10ms), Errc::reentered));
      EXPECT_TRUE(fails_with(cache.set_default_group_limits({.max_fields = 10}), Errc::reentered));
      EXPECT_TRUE(fails_with(cache.set_memory_limit(8_MiB), Errc::reentered));
      EXPECT_FALSE(cache.validate().ok);
    }
    EXPECT_TRUE(fails_with(cache.rename_group("h", "i"), Errc::reentered));
    return std::optional<std::string>("2");
  });
  EXPECT_EQ(SetOutcome::replaced, outer.value());
  EXPECT_EQ("2", fetch(cache, "g", "f"));
  EXPECT_EQ("o", fetch(cache, "g", "other"));
  EXPECT_EQ("h", fetch(cache, "h", "f"));
  EXPECT_FALSE(cache.contains_group("new"));
  EXPECT_EQ(SetOutcome::replaced, put(cache, "g", "f", "after"))
      << "afterwards the cache is open to this thread again";
}

TEST_P(Reentry, UpdateMayCallAnotherCache) {
  Cache& cache = open();
  Cache& other = open();
  put(other, "g", "f", "elsewhere");
  EXPECT_EQ(SetOutcome::inserted,
            cache.update("g", "f", [&](auto) { return fetch(other, "g", "f"); }).value());
  EXPECT_EQ("elsewhere", fetch(cache, "g", "f"));
}

TEST_P(Reentry, ALoaderThatAsksForItsOwnKeyIsToldSo) {
  Cache& cache = open();
  const auto result = cache.get_or_load("g", "f", [&](auto, auto) {
    EXPECT_TRUE(
        fails_with(cache.get_or_load("g", "f", [](auto, auto) { return Loaded::of("inner"); }),
                   Errc::reentered));
    EXPECT_FALSE(cache.get("g", "f").has_value());
    return Loaded::of("outer");
  });
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ("outer", fetch(cache, "g", "f"));
}

TEST_P(Reentry, ALoaderThatComesBackToItsOwnKeyThroughAnotherIsToldSo) {
  Cache& cache = open();
  const auto result = cache.get_or_load("g", "a", [&](auto, auto) {
    const auto inner = cache.get_or_load("g", "b", [&](auto, auto) {
      EXPECT_TRUE(
          fails_with(cache.get_or_load("g", "a", [](auto, auto) { return Loaded::of("x"); }),
                     Errc::reentered));
      return Loaded::of("b");
    });
    EXPECT_TRUE(succeeded(inner));
    return Loaded::of("a");
  });
  EXPECT_TRUE(succeeded(result));
  EXPECT_EQ("a", fetch(cache, "g", "a"));
  EXPECT_EQ("b", fetch(cache, "g", "b"));
}

TEST_P(Reentry, ABulkLoaderThatAsksForItsOwnKeyIsToldSo) {
  Cache& cache = open();
  const std::string_view fields[] = {"a", "b"};
  const auto result = cache.get_or_load_many("g", fields, [&](auto, const auto& missing) {
    EXPECT_TRUE(fails_with(cache.get_or_load("g", "b", [](auto, auto) { return Loaded::of("x"); }),
                           Errc::reentered));
    return std::vector<Loaded>(missing.size(), Loaded::of("v"));
  });
  EXPECT_TRUE(succeeded(result));
  EXPECT_EQ("v", fetch(cache, "g", "b"));
}

TEST_P(Reentry, AVisitorMayLoad) {
  Cache& cache = open();
  put(cache, "g", "f", "v");
  EXPECT_TRUE(cache
                  .visit("g", "f",
                         [&](auto) {
                           EXPECT_TRUE(succeeded(cache.get_or_load(
                               "g", "other", [](auto, auto) { return Loaded::of("x"); })));
                         })
                  .value());
  EXPECT_EQ("x", fetch(cache, "g", "other"));
}

TEST_P(Reentry, AListenerThatRemovesEndsAllTheSame) {
  Cache* reached = nullptr;
  int left = 1000;
  Cache& cache = open([&](Options& chosen) {
    chosen.maintenance = Maintenance::manual;
    chosen.on_removal = [&](const Removal& removal) {
      if (--left > 0) put(*reached, removal.group, removal.field, "again");
      if (left > 0) reached->erase(removal.group, removal.field);
    };
  });
  reached = &cache;
  put(cache, "g", "f", "v");
  cache.erase("g", "f");
  for (int i = 0; i < 2000 && left > 0; ++i)
    cache.tick(10);
  EXPECT_LE(left, 0);
  settle(cache);
}

}  // namespace
}  // namespace ullage::test
