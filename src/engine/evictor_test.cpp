// Victims are the worst, whatever is asked for, and can be taken out in the order given.
#include "engine/evictor.h"

#include "base/random.h"
#include "engine/core_testing.h"
#include "engine/rebase.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

struct Ranked {
  EntryPlace place;
  float score;
  std::string field;
};

class EvictorOf : public ::testing::TestWithParam<PageKind> {
 protected:
  EvictorOf() : cache_(open()), core_(core_of(cache_)) {}
  static Cache open() {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    return Cache::open(std::move(options)).value();
  }
  static std::byte* put(std::byte* to, std::string_view field, std::size_t value) {
    encode_entry(to, {field, std::string(value, 'v'), k_never_ms, false}, 0);
    return to;
  }
  static std::uint32_t size_of(std::string_view field, std::size_t value) {
    return encoded_bytes({field, std::string(value, 'v'), k_never_ms, false}, 0);
  }
  /// A page of about `count` entries of all ages, some alike.
  void fill(std::uint32_t count, std::uint64_t seed) {
    base::Random random(seed);
    image_.reset(GetParam(), 0, 1);
    std::uint32_t n = 0;
    const auto entry = [&] { return "f" + std::to_string(n++); };
    const auto rank = [&] { return static_cast<policy::Rank>(random.below(64) * 50); };
    while (n < count) {
      if (GetParam() == PageKind::leaf) {
        const std::string field = entry();
        const std::size_t value = random.below(3) * 10;
        put(image_.slots().append(0, rank(), size_of(field, value)), field, value);
        continue;
      }
      RecordImage record;
      RecordDraft head;
      head.name = "group";
      record.start(head, false);
      for (std::uint32_t fields = 1 + random.below(6); fields > 0; --fields) {
        const std::string field = entry();
        const std::size_t value = random.below(3) * 10;
        put(record.append(0, rank(), size_of(field, value), 0), field, value);
      }
      std::byte* to = image_.slots().append(0, record.slot_rank(), record.size());
      std::memcpy(to, record.bytes(), record.size());
    }
  }
  std::vector<Ranked> ranked() const {
    std::vector<Ranked> all;
    const auto score = core_.state.ranking->scorer();
    for_each_entry(image_.items(), [&](EntryPlace place, const std::byte* at, std::uint32_t size,
                                       policy::Rank rank) {
      const EntryHead e = decode_entry<PlainBytes>(at, size, 0);
      all.push_back({place, score(rank, size + static_cast<std::uint32_t>(k_slot_bytes)),
                     std::string(chars(at + e.field_at, e.field_bytes))});
    });
    std::sort(all.begin(), all.end(),
              [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
    return all;
  }
  void expect_the_worst(const Wanted& wanted, const Names* keep, std::size_t at_least) {
    Victims victims;
    CallWork work;
    core_.evictor.pick(image_, keep, wanted, victims, work);
    EXPECT_GE(work.candidates_ranked, at_least);
    std::vector<float> want;
    std::size_t bytes = 0;
    for (const Ranked& one : ranked()) {
      if (want.size() >= wanted.entries || bytes >= wanted.page_bytes) break;
      if (one.score < wanted.score) break;
      if (keep != nullptr && one.field == keep->field) continue;
      want.push_back(one.score);
      // Entries of one score differ in bytes: only whole numbers of entries are compared then.
      bytes += wanted.page_bytes == ~std::size_t{0} ? 0 : 1;
    }
    std::vector<float> got;
    for (const Victims::One* one = victims.begin(); one != victims.end(); ++one) {
      got.push_back(one->score);
      if (one != victims.begin()) {
        const EntryPlace before = (one - 1)->place;
        EXPECT_TRUE(before.item > one->place.item ||
                    (before.item == one->place.item && before.field > one->place.field))
            << "the last first";
      }
    }
    std::sort(got.rbegin(), got.rend());
    EXPECT_EQ(got, want);
  }

  Cache cache_;
  CacheCore& core_;
  PageImage image_;
};

TEST_P(EvictorOf, TakesTheWorstOfAnyNumber) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    fill(40, seed);
    for (const std::size_t entries : {1U, 2U, 3U, 4U, 5U, 8U, 39U, 100U})
      expect_the_worst({.entries = entries}, nullptr, 40);
  }
}

TEST_P(EvictorOf, KeepsTheOneItIsToldTo) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    fill(30, seed);
    const auto all = ranked();
    for (const std::size_t kept : {0U, 1U, 3U, 4U, 9U}) {
      const Names keep{.group = "group", .field = all[kept].field};
      for (const std::size_t entries : {1U, 4U, 6U, 50U})
        expect_the_worst({.entries = entries}, &keep, 30);
    }
  }
}

TEST_P(EvictorOf, LeavesWhatScoresLess) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    fill(30, seed);
    const auto all = ranked();
    for (const std::size_t last : {0U, 1U, 2U, 3U, 7U, 20U})
      expect_the_worst({.entries = 50, .score = all[last].score}, nullptr, 30);
  }
}

TEST_P(EvictorOf, StopsWhenEnoughBytesAreGivenBack) {
  fill(40, 5);
  for (std::size_t bytes = 1; bytes < 600; bytes += 13) {
    Victims victims;
    CallWork work;
    core_.evictor.pick(image_, nullptr, {.page_bytes = bytes}, victims, work);
    EXPECT_GE(victims.page_bytes(), bytes);
    std::size_t without_one = 0;
    for (const auto& one : victims)
      without_one += one.page_bytes;
    EXPECT_EQ(without_one, victims.page_bytes());
    float least = victims.begin()->score;
    for (const auto& one : victims)
      least = std::min(least, one.score);
    std::size_t worse = 0;
    for (const Ranked& one : ranked())
      worse += one.score > least ? 1 : 0;
    EXPECT_LE(worse, victims.size()) << "nobody worse than a victim stays";
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, EvictorOf, ::testing::Values(PageKind::bucket, PageKind::leaf),
                         [](const auto& kind) {
                           return kind.param == PageKind::leaf ? "Leaf" : "Bucket";
                         });

}  // namespace
}  // namespace ullage::engine
