// Documents under threads: whole or not at all to who asks for that, one load at a time.
#include <ullage/document.h>

#include "threads.h"

#include <atomic>

namespace ullage::test {
namespace {

/// A document all of whose leaves are of one version; how many there are follows from it.
std::uint64_t leaves_of(std::uint64_t version) {
  constexpr std::uint64_t k_counts[] = {1, 5, 30, 200, 2, 90};
  return k_counts[version % std::size(k_counts)];
}
std::string document_of(std::uint64_t version) {
  const std::string number = std::to_string(version);
  std::string json = "{\"version\":";
  json += number;
  for (std::uint64_t i = 0; i < leaves_of(version); ++i) {
    json += numbered(",\"part ", i);
    json += R"(":{"of":)";
    json += number;
    json += R"(,"list":[)";
    json += number;
    json += "]}";
  }
  return json += "}";
}

/// The version of a text, which must be all of a document; 0 if it is not.
std::uint64_t version_of(const std::string& json) {
  constexpr std::string_view k_begin = "{\"version\":";
  EXPECT_TRUE(json.starts_with(k_begin)) << json;
  if (!json.starts_with(k_begin)) return 0;
  const std::uint64_t version = std::stoull(json.substr(k_begin.size()));
  EXPECT_EQ(json, document_of(version)) << "a document of several versions, or less than one";
  return json == document_of(version) ? version : 0;
}

/// Where documents come from: each time a newer version.
class Source {
 public:
  explicit Source(std::size_t documents) : under_way_(documents) {}

  Loader loader_of(std::size_t which) {
    return [this, which](std::string_view, std::string_view) {
      EXPECT_EQ(under_way_[which].fetch_add(1), 0) << "two loads of one document at once";
      Loaded loaded = Loaded::of(document_of(++loads_));
      under_way_[which].fetch_sub(1);
      return loaded;
    };
  }
  [[nodiscard]] std::uint64_t loads() const { return loads_.load(); }

 private:
  std::vector<std::atomic<int>> under_way_;
  std::atomic<std::uint64_t> loads_{0};
};

TEST(DocumentsOfThreads, AreLoadedOnceForAllWhoAsk) {
  Cache cache = open_cache(64_MiB);
  Documents documents(cache);
  constexpr std::size_t k_documents = 40;
  Source source(k_documents);
  const auto ask = [&] {
    for (std::size_t i = 0; i < k_documents; ++i) {
      const auto json =
          documents.get_or_load(numbered("d", i), "", source.loader_of(i), {.strict = true});
      ASSERT_TRUE(succeeded(json));
      ASSERT_TRUE(json->has_value());
      EXPECT_NE(version_of((*json)->text), 0U);
    }
  };
  together({ask, ask, ask, ask});
  EXPECT_EQ(source.loads(), k_documents);
  expect_balanced(cache);
}

TEST(DocumentsOfThreads, AreWholeToStrictReadersOfAFullCache) {
  Cache cache = open_cache(8_MiB);
  Documents documents(cache);
  constexpr std::size_t k_documents = 8;
  Source source(k_documents);
  std::atomic<std::uint64_t> hits{0};
  const auto ask = [&] {
    for (std::uint64_t i = 0; i < rounds(6000); ++i) {
      const std::size_t which = i % k_documents;
      const std::string group = numbered("d", which);
      if (i % 3 == 0) {
        const auto json =
            documents.get_or_load(group, "", source.loader_of(which), {.strict = true});
        if (!json) {
          EXPECT_TRUE(json.error().code == Errc::no_room || json.error().code == Errc::load_failed)
              << json.error().message;
          continue;
        }
        ASSERT_TRUE(json->has_value()) << "there always is one";
        EXPECT_NE(version_of((*json)->text), 0U);
        continue;
      }
      const auto json = documents.get(group, "", {.strict = i % 3 == 1});
      ASSERT_TRUE(succeeded(json));
      if (!*json) continue;
      if ((*json)->is_complete) {
        EXPECT_NE(version_of((*json)->text), 0U);
        ++hits;
      } else {
        EXPECT_NE(i % 3, 1U) << "a strict reader sees what lost leaves";
      }
    }
  };
  const auto flood = [&] {
    for (std::uint64_t i = 0; i < 400; ++i)
      static_cast<void>(cache.set(numbered("flood", i * 37 % 50'000), "f", sealed(i, 300)));
  };
  const auto lose = [&] {
    for (std::size_t i = 0; i < k_documents; ++i)
      cache.erase_group(numbered("d", i));
    cache.tick(10);
  };
  together_with({ask, ask}, {flood, lose});
  EXPECT_GT(source.loads(), k_documents);
  EXPECT_GT(hits.load(), 0U);
  EXPECT_LE(cache.stats().charged_bytes, cache.stats().memory_limit);
  expect_balanced(cache);
}

TEST(DocumentsOfThreads, LosePartsToStrictReadersAllOrNothing) {
  Cache cache = open_cache(64_MiB);
  Documents documents(cache);
  const auto write = [&] {
    for (std::uint64_t version = 1; version < rounds(3000); ++version) {
      ASSERT_TRUE(succeeded(documents.put("d", document_of(version))));
      // A limit takes leaves away, as eviction does.
      if (version % 4 == 0) {
        ASSERT_TRUE(succeeded(cache.set_group_limits("d", {.max_fields = leaves_of(version)})));
        ASSERT_TRUE(succeeded(cache.set_group_limits("d", {})));
      }
    }
  };
  const auto look = [&] {
    for (int i = 0; i < 40; ++i) {
      const auto strict = documents.get("d", "", {.strict = true});
      ASSERT_TRUE(succeeded(strict));
      if (*strict) {
        EXPECT_TRUE((*strict)->is_complete);
        EXPECT_NE(version_of((*strict)->text), 0U);
      }
      const auto any = documents.get("d");
      ASSERT_TRUE(succeeded(any));
      if (*any && (*any)->is_complete) {
        EXPECT_NE(version_of((*any)->text), 0U);
      }
    }
  };
  together_with({write}, {look, look});
  expect_balanced(cache);
}

}  // namespace
}  // namespace ullage::test
