// A reader of a value under rewriting sees one whole write or nothing, whatever happens to the
// value's page meanwhile: it moves, splits, is dropped, renamed, evicted, or given to another
// value.
#include "threads.h"

#include <set>

namespace ullage::test {
namespace {

/// Reads an entry in all ways and answers the id seen last; fails on anything that is not whole.
class Reader {
 public:
  explicit Reader(Cache& cache) : cache_(cache), buffer_(k_sealed_max, '\0') {}

  std::optional<std::uint64_t> read(std::string_view group, std::string_view field) {
    ++reads_;
    switch (reads_ % 5) {
      case 0: {
        const std::optional<Value> value = cache_.get(group, field);
        if (!value) return std::nullopt;
        return whole(value->view(), "get");
      }
      case 1: {
        const std::optional<std::size_t> size = cache_.get_into(group, field, buffer_);
        if (!size || *size > buffer_.size()) return std::nullopt;
        return whole({buffer_.data(), *size}, "get_into");
      }
      case 2: {
        std::optional<std::uint64_t> id;
        EXPECT_TRUE(succeeded(cache_.visit(
            group, field, [&](std::string_view value) { id = whole(value, "visit"); })));
        return id;
      }
      case 3: {
        std::string pieces;
        const Result<bool> visited = cache_.visit_chunks(
            group, field, [&](std::string_view piece, std::size_t offset, std::size_t) {
              EXPECT_EQ(pieces.size(), offset);
              pieces += piece;
              return true;
            });
        if (!visited) {
          EXPECT_TRUE(fails_with(visited, Errc::busy));
          return std::nullopt;
        }
        if (!*visited) return std::nullopt;
        return whole(pieces, "visit_chunks");
      }
      default: {
        const Key keys[] = {{group, field}};
        std::optional<Value> out[1];
        EXPECT_TRUE(succeeded(cache_.get_many(keys, out)));
        if (!out[0]) return std::nullopt;
        return whole(out[0]->view(), "get_many");
      }
    }
  }

 private:
  static constexpr std::size_t k_sealed_max = 100 * 1024;
  static std::optional<std::uint64_t> whole(std::string_view value, const char* how) {
    const std::optional<std::uint64_t> id = unseal(value);
    EXPECT_TRUE(id.has_value()) << how << " saw a torn value of " << value.size() << " bytes";
    return id;
  }

  Cache& cache_;
  std::string buffer_;
  std::uint64_t reads_ = 0;
};

TEST(TornReads, ValuesOfEverySizeUnderRewriting) {
  Cache cache = open_cache(64_MiB);
  put(cache, "g", "f", sealed(1, 16));
  const auto write = [&] {
    for (std::uint64_t id = 2; id < rounds(30'000); ++id)
      put(cache, "g", "f", sealed(id, crossing_size(id)));
  };
  const auto read = [&] {
    Reader reader(cache);
    std::uint64_t last = 0;
    for (int i = 0; i < 100; ++i) {
      const std::optional<std::uint64_t> id = reader.read("g", "f");
      if (!id) continue;
      EXPECT_GE(*id, last) << "time went backwards";
      last = *id;
    }
  };
  together_with({write}, {read, read, read});
  expect_balanced(cache);
}

TEST(TornReads, ValuesOfOneSizeUnderRewriting) {
  // The same size each time: the value stays where it is and only its bytes change.
  for (const std::size_t size :
       {std::size_t{24}, std::size_t{64}, std::size_t{500}, std::size_t{2048}, std::size_t{5120}}) {
    Cache cache = open_cache(8_MiB);
    put(cache, "g", "f", sealed(1, size));
    const auto write = [&] {
      for (std::uint64_t id = 2; id < rounds(20'000); ++id)
        put(cache, "g", "f", sealed(id, size));
    };
    const auto read = [&] {
      Reader reader(cache);
      for (int i = 0; i < 100; ++i)
        static_cast<void>(reader.read("g", "f"));
    };
    together_with({write}, {read, read});
    expect_balanced(cache);
  }
}

TEST(TornReads, WithRoomARewrittenValueIsNeverAbsent) {
  Cache cache = open_cache(64_MiB);
  put(cache, "g", "f", sealed(1, 16));
  const auto write = [&] {
    for (std::uint64_t id = 2; id < rounds(30'000); ++id)
      put(cache, "g", "f", sealed(id, crossing_size(id)));
  };
  const auto read = [&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(cache.get("g", "f").has_value());
      ASSERT_TRUE(cache.contains("g", "f"));
      ASSERT_TRUE(cache.value_size("g", "f").has_value());
    }
  };
  together_with({write}, {read, read});
}

TEST(TornReads, WhileGroupsAreDroppedAndWrittenAnew) {
  Cache cache = open_cache(64_MiB);
  const auto write = [&] {
    for (std::uint64_t id = 1; id < rounds(60'000); ++id) {
      put(cache, numbered("g", id % 3), numbered("f", id % 200), sealed(id, crossing_size(id % 7)));
      if (id % 500 == 0) cache.erase_group(numbered("g", id / 500 % 3));
    }
  };
  const auto read = [&] {
    Reader reader(cache);
    for (std::uint64_t i = 0; i < 600; ++i)
      static_cast<void>(reader.read(numbered("g", i % 3), numbered("f", i % 200)));
  };
  together_with({write}, {read, read});
  expect_balanced(cache);
}

TEST(TornReads, WhileAGroupIsRenamedToAndFro) {
  Cache cache = open_cache(64_MiB);
  for (std::uint64_t i = 0; i < 300; ++i)
    put(cache, "a", numbered("f", i), sealed(i + 1, crossing_size(i % 7)));
  const auto rename = [&] {
    for (std::uint64_t i = 0; i < rounds(10'000); ++i) {
      ASSERT_TRUE(succeeded(cache.rename_group(i % 2 == 0 ? "a" : "b", i % 2 == 0 ? "b" : "a")));
    }
  };
  const auto read = [&] {
    Reader reader(cache);
    for (std::uint64_t i = 0; i < 300; ++i) {
      for (const char* group : {"a", "b"}) {
        const std::optional<std::uint64_t> id = reader.read(group, numbered("f", i));
        if (id) {
          EXPECT_EQ(i + 1, *id);
        }
      }
    }
  };
  together_with({rename}, {read, read});
  EXPECT_EQ(300U, cache.size());
  expect_balanced(cache);
}

TEST(TornReads, WhileEverythingIsEvicted) {
  for (const Policy policy : {Policy::adaptive, Policy::lru}) {
    Cache cache = open_cache(8_MiB, policy);
    const auto write = [&] {
      for (std::uint64_t id = 1; id < rounds(40'000); ++id) {
        put(cache, numbered("g", id % 100), numbered("f", id % 1000),
            sealed(id, crossing_size(id)));
      }
    };
    const auto read = [&] {
      Reader reader(cache);
      for (std::uint64_t i = 0; i < 1000; ++i)
        static_cast<void>(reader.read(numbered("g", i % 100), numbered("f", i)));
    };
    together_with({write, write}, {read, read});
    EXPECT_GT(cache.stats().removed(RemovalCause::evicted), 0U);
    expect_balanced(cache);
  }
}

TEST(TornReads, ForEachSeesWholeValuesAndAllThatStays) {
  Cache cache = open_cache(64_MiB);
  for (std::uint64_t i = 0; i < 100; ++i)
    put(cache, "g", numbered("stays", i), sealed(i + 1, 16 + i));
  const auto churn = [&] {
    for (std::uint64_t id = 1; id < rounds(60'000); ++id) {
      const std::string field = numbered("comes and goes", id % 3000);
      if (id % 3 == 0) {
        cache.erase("g", field);
      } else {
        put(cache, "g", field, sealed(id, 16 + id % 900));
      }
    }
  };
  const auto walk = [&] {
    std::uint64_t stayed = 0;
    ASSERT_TRUE(succeeded(cache.for_each("g", [&](std::string_view field, std::string_view value) {
      EXPECT_TRUE(unseal(value).has_value()) << field;
      stayed += field.starts_with("stays") ? 1U : 0U;
    })));
    EXPECT_EQ(100U, stayed);
  };
  const auto scan = [&] {
    std::set<std::string> stayed;
    Cursor cursor = 0;
    do {
      cursor = cache
                   .scan("g", cursor, 20,
                         [&](std::string_view field, std::string_view value) {
                           EXPECT_TRUE(unseal(value).has_value()) << field;
                           if (field.starts_with("stays")) stayed.emplace(field);
                         })
                   .value();
    } while (cursor != 0);
    EXPECT_EQ(100U, stayed.size());
  };
  together_with({churn}, {walk, scan});
  expect_balanced(cache);
}

}  // namespace
}  // namespace ullage::test
