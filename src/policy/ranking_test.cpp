// The two rankings in a cache of a few hundred entries that evicts the highest score of all: what
// stays when a scan comes by, and in which order least recently used goes.
#include "policy/ranking.h"

#include "base/random.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::policy {
namespace {

/// Evicts by the ranking's word among `sampled` entries, or among all.
class TinyCache {
 public:
  TinyCache(bool adaptive, std::size_t capacity)
      : words_(1024), ranking_(adaptive, std::span(words_)), capacity_(capacity) {}

  /// Whether it was a hit.
  bool use(std::uint64_t key, std::uint32_t bytes = 1) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      found->second.rank = ranking_.on_read(hash_of(key), found->second.rank);
      return true;
    }
    if (entries_.size() >= capacity_) evict();
    std::vector<Rank> residents;
    if (ranking_.census_due()) {
      for (int i = 0; i < 8 && !keys_.empty(); ++i) {
        const std::uint64_t other = keys_[random_.below(static_cast<std::uint32_t>(keys_.size()))];
        residents.push_back(entries_.at(other).rank);
      }
    }
    entries_[key] = {ranking_.on_insert(hash_of(key), entries_.size(), residents), bytes,
                     keys_.size()};
    keys_.push_back(key);
    return false;
  }
  [[nodiscard]] bool has(std::uint64_t key) const { return entries_.contains(key); }
  [[nodiscard]] Rank rank(std::uint64_t key) const { return entries_.at(key).rank; }
  [[nodiscard]] const Ranking& ranking() const { return ranking_; }
  std::uint64_t evict() {
    float worst = -1;
    std::uint64_t victim = 0;
    for (auto& [key, entry] : entries_) {
      entry.rank = ranking_.refreshed(entry.rank);
      const float score = ranking_.score(entry.rank, entry.bytes);
      EXPECT_TRUE(std::isfinite(score));
      EXPECT_GE(score, 0);
      if (score > worst || (score == worst && key < victim)) worst = score, victim = key;
    }
    const Entry gone = entries_.at(victim);
    ranking_.on_evict(hash_of(victim), gone.rank);
    keys_[gone.place] = keys_.back();
    entries_.at(keys_.back()).place = gone.place;
    keys_.pop_back();
    entries_.erase(victim);
    return victim;
  }

 private:
  struct Entry {
    Rank rank;
    std::uint32_t bytes;
    std::size_t place;
  };
  static std::uint64_t hash_of(std::uint64_t key) { return base::Random(key).next(); }

  std::vector<std::atomic<std::uint64_t>> words_;
  Ranking ranking_;
  std::size_t capacity_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::vector<std::uint64_t> keys_;
  base::Random random_{11};
};

TEST(Ranking, LruEvictsInTheOrderOfUse) {
  TinyCache cache(false, 64);  // an insertion a tick
  for (std::uint64_t key = 0; key < 64; ++key)
    cache.use(key);
  // Used again in another order; an insertion between two uses moves the clock.
  std::vector<std::uint64_t> order;
  order.reserve(64);
  for (std::uint64_t key = 0; key < 64; ++key)
    order.push_back(key * 37 % 64);
  std::uint64_t fresh = 1000;
  for (const std::uint64_t key : order) {
    if (!cache.has(key)) continue;
    cache.use(key);
    cache.use(fresh++);
  }
  std::vector<unsigned> ages;
  for (int i = 0; i < 60; ++i) {
    float worst = 0;
    for (std::uint64_t key = 0; key < fresh; ++key) {
      if (cache.has(key)) worst = std::max(worst, cache.ranking().score(cache.rank(key), 1));
    }
    cache.evict();
    ages.push_back(static_cast<unsigned>(worst));
  }
  EXPECT_TRUE(std::is_sorted(ages.rbegin(), ages.rend())) << "the oldest goes first";
  EXPECT_GT(ages.front(), ages.back());
}

TEST(Ranking, LruScoresByAgeAlone) {
  std::vector<std::atomic<std::uint64_t>> words(64);
  Ranking ranking(false, std::span(words));
  const Rank old = ranking.on_insert(1, 64, {});
  std::vector<Rank> ranks{old};
  for (std::uint64_t i = 2; i < 200; ++i)
    ranks.push_back(ranking.on_insert(i, 64, {}));
  for (std::size_t i = 1; i < ranks.size(); ++i) {
    ASSERT_GE(ranking.score(ranks[i - 1], 1), ranking.score(ranks[i], 1)) << i;
    ASSERT_EQ(ranking.score(ranks[i], 1), ranking.score(ranks[i], 1000)) << "not by size";
  }
  EXPECT_GT(ranking.score(ranks.front(), 1), ranking.score(ranks.back(), 1));
  const Rank touched = ranking.on_read(1, old);
  EXPECT_LT(ranking.score(touched, 1), ranking.score(old, 1));
  EXPECT_FALSE(ranking.census_due());
}

TEST(Ranking, AScanDoesNotPushOutWhatWasHitTwice) {
  TinyCache cache(true, 300);
  // 100 entries are used all along, a stream of others comes once each.
  std::uint64_t once = 1'000'000;
  for (int round = 0; round < 60; ++round) {
    for (std::uint64_t key = 0; key < 100; ++key) {
      cache.use(key);
      cache.use(once++);
    }
  }
  // Now the scan alone, twice the cache in length.
  for (int i = 0; i < 600; ++i)
    cache.use(once++);
  int kept = 0;
  for (std::uint64_t key = 0; key < 100; ++key)
    kept += cache.has(key) ? 1 : 0;
  EXPECT_GE(kept, 95);
}

TEST(Ranking, LruLosesItAllToTheSameScan) {
  // What the test above is worth: without the model nothing of it stays.
  TinyCache cache(false, 300);
  std::uint64_t once = 1'000'000;
  for (int round = 0; round < 60; ++round) {
    for (std::uint64_t key = 0; key < 100; ++key) {
      cache.use(key);
      cache.use(once++);
    }
  }
  for (int i = 0; i < 600; ++i)
    cache.use(once++);
  for (std::uint64_t key = 0; key < 100; ++key)
    EXPECT_FALSE(cache.has(key));
}

TEST(Ranking, TheLargerOfEqualRanksGoesFirst) {
  std::vector<std::atomic<std::uint64_t>> words(64);
  Ranking ranking(true, std::span(words));
  const Rank rank = ranking.on_insert(1, 100, {});
  for (std::uint64_t i = 2; i < 300; ++i)
    static_cast<void>(ranking.on_insert(i, 100, {}));
  EXPECT_GT(ranking.score(rank, 501), ranking.score(rank, 500));
}

TEST(Ranking, AnEvictedEntryThatComesBackCarriesAnotherRank) {
  std::vector<std::atomic<std::uint64_t>> words(64);
  Ranking ranking(true, std::span(words));
  const std::uint64_t evicted = 0x1234'5678'9abc'def0ULL;
  const std::uint64_t erased = 0xfedc'ba98'7654'3210ULL;
  const Rank first = ranking.on_insert(evicted, 1000, {});
  EXPECT_EQ(EntryState(first).seen(), 0U);
  ranking.on_evict(evicted, first);
  EXPECT_EQ(EntryState(ranking.on_insert(evicted, 1000, {})).seen(), 1U);
  static_cast<void>(ranking.on_insert(erased, 1000, {}));
  EXPECT_EQ(EntryState(ranking.on_insert(erased, 1000, {})).seen(), 0U) << "nobody pushed it out";
}

TEST(Ranking, AgesDoNotWrapForEntriesThatEvictionsMeet) {
  TinyCache cache(true, 64);
  for (std::uint64_t key = 0; key < 200'000; ++key)
    cache.use(key);  // about 48 turns of the clock, the assertions are in evict()
  std::vector<std::atomic<std::uint64_t>> words(64);
  Ranking ranking(true, std::span(words));
  Rank rank = ranking.on_insert(1, 64, {});
  const Rank start = rank;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    static_cast<void>(ranking.on_insert(i, 64, {}));
    if (i % 1000 == 0) rank = ranking.refreshed(rank);
    if (i > 2000 && i % 97 == 0) {
      const auto now = static_cast<Tick>((EntryState(start).last() + i + 1) & 0xfff);
      ASSERT_EQ(EntryState(rank).age(now), k_age_ticks_max) << i;
    }
  }
}

TEST(Ranking, AHitWithinOneTickStoresNothing) {
  std::vector<std::atomic<std::uint64_t>> words(64);
  for (const bool adaptive : {false, true}) {
    Ranking ranking(adaptive, std::span(words));
    for (std::uint64_t i = 0; i < 10; ++i)
      static_cast<void>(ranking.on_insert(i, 1'000'000, {}));
    const Rank rank = ranking.on_insert(99, 1'000'000, {});
    EXPECT_EQ(ranking.on_write(99, rank), rank) << adaptive;
    EXPECT_TRUE(Ranking::is_unread(rank));
    EXPECT_FALSE(ranking.is_fresh(rank)) << "that it was read has to be noted";
    const Rank read = ranking.on_read(99, rank);
    EXPECT_FALSE(Ranking::is_unread(read));
    EXPECT_TRUE(ranking.is_fresh(read));
    EXPECT_EQ(ranking.on_read(99, read), read) << adaptive;
  }
}

TEST(Ranking, WhatWasReadStaysRead) {
  std::vector<std::atomic<std::uint64_t>> words(64);
  for (const bool adaptive : {false, true}) {
    Ranking ranking(adaptive, std::span(words));
    Rank rank = ranking.on_read(1, ranking.on_insert(1, 64, {}));
    Rank unread = ranking.on_insert(2, 64, {});
    for (std::uint64_t i = 3; i < 10'000; ++i) {
      static_cast<void>(ranking.on_insert(i, 64, {}));
      rank = ranking.refreshed(i % 500 == 0 ? ranking.on_write(1, rank) : rank);
      unread = ranking.refreshed(i % 500 == 0 ? ranking.on_write(2, unread) : unread);
    }
    EXPECT_FALSE(Ranking::is_unread(rank)) << adaptive;
    EXPECT_TRUE(Ranking::is_unread(unread)) << adaptive << ": it was only written";
  }
}

}  // namespace
}  // namespace ullage::policy
