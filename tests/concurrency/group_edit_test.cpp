// Who looks at a group as a whole sees one edit of it, whole; so do edits themselves.
#include "threads.h"

#include <algorithm>
#include <atomic>

namespace ullage::test {
namespace {

/// Rewrites the group so that all of its fields are of one id, and their number follows from it.
std::uint64_t fields_of(std::uint64_t id) {
  constexpr std::uint64_t k_counts[] = {1, 3, 12, 40, 150, 700, 25, 2};
  return k_counts[id % std::size(k_counts)];
}
Result<EditOutcome> rewrite(Cache& cache, std::string_view group, std::uint64_t id) {
  return cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    edit.set_kind(1);
    edit.forget_losses();
    for (const GroupEntry& entry : edit.before().entries)
      edit.erase(entry.field);
    for (std::uint64_t i = 0; i < fields_of(id); ++i)
      edit.set(numbered("f", i), sealed(id, i % 50 == 7 ? 1500 : 16 + (id + i) % 40));
    return {};
  });
}

/// The id that all fields have; fails if they differ or are not all there.
std::uint64_t whole_id(const GroupView& view) {
  std::uint64_t id = 0;
  for (const GroupEntry& entry : view.entries) {
    const std::optional<std::uint64_t> own = unseal(entry.value);
    EXPECT_TRUE(own.has_value()) << "a torn value";
    if (!own) return 0;
    EXPECT_TRUE(id == 0 || id == *own) << "fields of edits " << id << " and " << *own;
    id = *own;
  }
  if (id != 0 && !view.has_losses) {
    EXPECT_EQ(view.entries.size(), fields_of(id)) << id;
  }
  return id;
}

TEST(GroupEdits, AreSeenAsAWhole) {
  Cache cache = open_cache(64_MiB);
  ASSERT_TRUE(succeeded(rewrite(cache, "g", 1)));
  const auto write = [&] {
    for (std::uint64_t id = 2; id < rounds(4000); ++id)
      ASSERT_TRUE(succeeded(rewrite(cache, "g", id)));
  };
  const auto look = [&] {
    std::uint64_t last = 0;
    for (int i = 0; i < 50; ++i) {
      std::uint64_t id = 0;
      EXPECT_TRUE(
          succeeded(cache.read_group("g", [&](const GroupView& view) { id = whole_id(view); })));
      EXPECT_GE(id, last) << "there is always one, and time does not go backwards";
      last = id;
      const auto one = cache.get("g", "f0");
      ASSERT_TRUE(one.has_value());
      EXPECT_GE(unseal(one->view()).value_or(0), last);
    }
  };
  together_with({write}, {look, look});
  expect_balanced(cache);
}

TEST(GroupEdits, OfSeveralThreadsLoseNothing) {
  Cache cache = open_cache(64_MiB);
  constexpr std::uint64_t k_threads = 4;
  const std::uint64_t each = rounds(600);
  std::vector<std::function<void()>> adders;
  for (std::uint64_t t = 0; t < k_threads; ++t) {
    adders.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i) {
        EXPECT_TRUE(succeeded(cache.edit_group("g", [&](GroupEdit& edit) -> Result<void> {
          std::uint64_t sum = 0;
          for (const GroupEntry& entry : edit.before().entries) {
            if (entry.field == "sum") sum = std::stoull(std::string(entry.value));
          }
          edit.set("sum", std::to_string(sum + 1));
          edit.set(numbered("t", t * each + i), std::to_string(sum));
          return {};
        })));
        EXPECT_TRUE(succeeded(cache.set("g", numbered("single", t), std::to_string(i))));
      }
    });
  }
  together(std::move(adders));
  EXPECT_EQ(fetch(cache, "g", "sum"), std::to_string(k_threads * each));
  EXPECT_EQ(cache.group_size("g"), k_threads * each + k_threads + 1);
  expect_balanced(cache);
}

TEST(GroupEdits, AreWholeOrLostInAFullCache) {
  Cache cache = open_cache(8_MiB);
  std::atomic<std::uint64_t> seen{0};
  const auto write = [&] {
    for (std::uint64_t id = 1; id < rounds(3000); ++id) {
      const auto done = rewrite(cache, numbered("g", id % 5), id);
      if (!done) {
        EXPECT_TRUE(fails_with(done, Errc::no_room));
      }
    }
  };
  const auto flood = [&] {
    for (std::uint64_t i = 0; i < 500; ++i)
      static_cast<void>(cache.set(numbered("flood", i * 37 % 50'000), "f", sealed(i, 300)));
  };
  const auto look = [&] {
    for (std::uint64_t i = 0; i < 50; ++i) {
      EXPECT_TRUE(succeeded(cache.read_group(numbered("g", i % 5), [&](const GroupView& view) {
        seen += whole_id(view) != 0 ? 1 : 0;
      })));
      cache.tick(10);
    }
  };
  together_with({write}, {flood, look});
  EXPECT_GT(seen.load(), 0U);
  EXPECT_LE(cache.stats().charged_bytes, cache.stats().memory_limit);
  expect_balanced(cache);
}

TEST(GroupEdits, FollowAGroupThatIsRenamedAndDropped) {
  Cache cache = open_cache(16_MiB);
  const auto write = [&] {
    for (std::uint64_t id = 1; id < rounds(3000); ++id)
      ASSERT_TRUE(succeeded(rewrite(cache, id % 2 == 0 ? "a" : "b", id)));
  };
  const auto disturb = [&] {
    static_cast<void>(cache.rename_group("a", "b", true));
    static_cast<void>(cache.rename_group("b", "c", true));
    cache.erase_group("c");
    cache.tick(20);
  };
  const auto look = [&] {
    for (const char* group : {"a", "b", "c"})
      EXPECT_TRUE(
          succeeded(cache.read_group(group, [](const GroupView& view) { whole_id(view); })));
  };
  together_with({write}, {disturb, look});
  expect_balanced(cache);
}

}  // namespace
}  // namespace ullage::test
