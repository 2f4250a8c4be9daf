// The arena says no at every single place where the engine asks it for a page, once and many times
// in a row. Each call must then do what it says or answer no_room with its entry as it was, nothing
// may be forgotten without a recorded removal, and the books must balance in the end.
//
// One script of calls touches every kind of allocation: pages of buckets and leaves, both kinds of
// nodes, anchors, pieces, the name of a dropped group. It runs once to count what it takes; then it
// runs again for each of them.
#include <ullage/cache.h>

#include "base/check.h"
#include "engine/core_testing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#if defined(ULLAGE_HAS_DEBUG_CHECKS)

namespace ullage::engine {
namespace {

constexpr std::uint64_t k_for_ever = ~std::uint64_t{0};

/// A cache and what it was told; every call checks what it did to the entry it is about.
class ToldCache {
 public:
  explicit ToldCache(std::vector<std::string> neighbours)
      : cache_(open()), neighbours_(std::move(neighbours)) {}
  ToldCache() : ToldCache(std::vector<std::string>{}) {
    for (int number = 0; neighbours_.size() < 20; ++number) {
      std::string name = "neighbour" + std::to_string(number);
      const State& state = core_of(cache_).state;
      if (state.shard_index(state.hash_group(name)) == 0) neighbours_.push_back(std::move(name));
    }
  }
  /// Groups of one shard, so that their buckets split and grow a node; found by trying many names.
  [[nodiscard]] const std::vector<std::string>& neighbours() const { return neighbours_; }

  void refuse(std::uint64_t successes, std::uint64_t refusals) {
    core_of(cache_).state.arena->refuse_after(successes, refusals);
    refusing_ = true;
  }
  [[nodiscard]] std::uint64_t pages_taken() { return core_of(cache_).state.arena->pages_taken(); }
  [[nodiscard]] std::uint64_t pages_refused() {
    return core_of(cache_).state.arena->pages_refused();
  }
  [[nodiscard]] std::uint64_t calls_refused() const { return calls_refused_; }

  void script();

  void check_all() {
    // No page is refused any more: what was left open can be finished.
    core_of(cache_).state.arena->refuse_after(0, 0);
    std::uint64_t present = 0;
    std::uint64_t believed = 0;
    for (const auto& [group, fields] : told_) {
      for (const auto& [field, entry] : fields) {
        ++believed;
        const auto got = cache_.get(group, field);
        if (!got) continue;
        ++present;
        ASSERT_TRUE(got->view() == entry.value) << "a stale or torn " << group << "/" << field;
        expect_ttl(group, field, entry);
      }
    }
    ASSERT_EQ(cache_.size(), present) << "entries that nobody wrote";
    const Stats before = cache_.stats();
    const std::uint64_t lost = before.removed(RemovalCause::evicted);
    ASSERT_LE(believed - present, lost + before.removed(RemovalCause::limit))
        << "forgotten without a removal";
    ASSERT_LE(before.removed(RemovalCause::erased), erasures_)
        << "a refused call has erased something";
    if (!refusing_) {
      ASSERT_EQ(lost, 0U) << "nothing is evicted while there is room";
      ASSERT_EQ(before.removed(RemovalCause::erased), erasures_);
    }
    while (cache_.tick(1000) == 1000) {
    }
    const Validation validation = cache_.validate();
    for (const std::string& finding : validation.findings)
      ADD_FAILURE() << finding;
    ASSERT_TRUE(validation.ok);
    const Stats stats = cache_.stats();
    std::uint64_t removals = 0;
    for (const std::uint64_t count : stats.removals)
      removals += count;
    ASSERT_EQ(*heard_ + stats.removal_events_lost, removals);
    // All of it goes, and so does every page: what was half made is not left lying about.
    cache_.clear();
    while (cache_.tick(1000) == 1000) {
    }
    ASSERT_TRUE(cache_.validate().ok);
    ASSERT_EQ(cache_.size(), 0U);
    ASSERT_EQ(cache_.group_count(), 0U);
    std::size_t stray = 0;
    core_of(cache_).state.arena->for_each_page([&](Ref ref, std::size_t) {
      const PageKind kind = load_header(core_of(cache_).state.page(ref)).page_kind();
      stray += kind == PageKind::shard_node ? 0U : 1U;
    });
    ASSERT_EQ(stray, 0U) << "pages in use in an empty cache";
  }

 private:
  static constexpr std::int64_t k_no_deadline = INT64_MAX;
  struct Entry {
    std::string value;
    std::int64_t deadline = k_no_deadline;
  };
  using Fields = std::map<std::string, Entry>;

  Cache open() {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.clock = clock_;
    options.hash_key[0] = 11;
    options.hash_key[1] = 12;
    options.random_seed = 13;
    options.on_removal = [heard = heard_](const Removal&) { ++*heard; };
    return Cache::open(std::move(options)).value();
  }

  [[nodiscard]] std::uint64_t evicted() const {
    const Stats stats = cache_.stats();
    return stats.removed(RemovalCause::evicted) + stats.removed(RemovalCause::limit);
  }
  const Entry* told(const std::string& group, const std::string& field) {
    const auto found = told_.find(group);
    if (found == told_.end()) return nullptr;
    const auto entry = found->second.find(field);
    return entry == found->second.end() ? nullptr : &entry->second;
  }
  void expect_ttl(const std::string& group, const std::string& field, const Entry& entry) {
    const auto ttl = cache_.ttl(group, field);
    ASSERT_TRUE(ttl);
    if (entry.deadline == k_no_deadline) {
      ASSERT_FALSE(ttl->remaining) << group << "/" << field;
    } else {
      ASSERT_TRUE(ttl->remaining) << group << "/" << field;
      ASSERT_EQ(ttl->remaining->count(), entry.deadline - clock_->now_ms());
    }
  }
  /// The entry is as it was told, or was evicted and counted.
  void expect_as_told(const std::string& group, const std::string& field) {
    const auto got = cache_.get(group, field);
    const Entry* const entry = told(group, field);
    if (!got) {
      ASSERT_TRUE(entry == nullptr || evicted() != 0) << "forgotten: " << group << "/" << field;
      return;
    }
    ASSERT_NE(entry, nullptr) << "nobody wrote " << group << "/" << field;
    ASSERT_TRUE(got->view() == entry->value) << group << "/" << field;
    expect_ttl(group, field, *entry);
  }
  /// A refused call: only for want of room, and only while pages are refused.
  void expect_no_room(const Error& error) {
    ++calls_refused_;
    ASSERT_EQ(error.code, Errc::no_room) << error.message;
    ASSERT_TRUE(refusing_) << error.message;
  }
  void believe(const std::string& group, const std::string& field, std::string value,
               std::int64_t deadline) {
    told_[group][field] = {std::move(value), deadline};
    const auto got = cache_.get(group, field);
    ASSERT_TRUE(got) << "written and not there: " << group << "/" << field;
    expect_as_told(group, field);
  }
  std::int64_t deadline_after(std::optional<Millis> ttl) const {
    return ttl ? clock_->now_ms() + ttl->count() : k_no_deadline;
  }
  /// Different for each write, in every byte for some writes on.
  std::string value_of(std::size_t bytes) {
    std::string value = std::to_string(++writes_) + ":";
    value.resize(bytes, static_cast<char>('a' + writes_ % 26));
    return value;
  }

  void set(const std::string& group, const std::string& field, std::size_t bytes,
           std::optional<Millis> ttl = {}) {
    const std::string value = value_of(bytes);
    const auto done = cache_.set(group, field, value, {.ttl = ttl});
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    believe(group, field, value, deadline_after(ttl));
  }
  void try_emplace(const std::string& group, const std::string& field, std::size_t bytes) {
    const bool there = cache_.contains(group, field);
    const std::string value = value_of(bytes);
    const auto done = cache_.try_emplace(group, field, value);
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    ASSERT_EQ(*done == SetOutcome::unchanged, there);
    if (*done == SetOutcome::unchanged) return expect_as_told(group, field);
    believe(group, field, value, k_no_deadline);
  }
  void compare_and_set(const std::string& group, const std::string& field, std::size_t bytes) {
    const Entry* const entry = told(group, field);
    if (entry == nullptr) return;  // its set was refused
    const std::int64_t deadline = entry->deadline;
    const std::string desired = value_of(bytes);
    const auto done = cache_.compare_and_set(group, field, entry->value, desired);
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    if (*done) return believe(group, field, desired, deadline);
    ASSERT_FALSE(cache_.contains(group, field)) << "refused the right value";
    expect_as_told(group, field);
  }
  void increment(const std::string& group, const std::string& field, std::int64_t by) {
    const Entry* const entry = told(group, field);
    const std::int64_t before = entry != nullptr ? std::stoll(entry->value) : 0;
    const std::int64_t deadline = entry != nullptr ? entry->deadline : k_no_deadline;
    const auto done = cache_.increment(group, field, by);
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    if (*done != before + by) {
      ASSERT_EQ(*done, by) << "neither from the value nor from nothing";
      ASSERT_NE(evicted(), 0U);
      return believe(group, field, std::to_string(by), k_no_deadline);
    }
    believe(group, field, std::to_string(before + by), deadline);
  }
  void set_many(const std::string& group, std::size_t count, std::size_t bytes) {
    std::vector<std::string> fields;
    std::vector<std::string> values;
    std::vector<Item> items;
    for (std::size_t i = 0; i < count; ++i) {
      fields.push_back("many" + std::to_string(i));
      values.push_back(value_of(bytes));
    }
    for (std::size_t i = 0; i < count; ++i)
      items.push_back({group, fields[i], values[i]});
    const auto done = cache_.set_many(items);
    std::size_t written = count;
    if (!done) {
      expect_no_room(done.error());
      // The message says which item failed: those before it were written.
      written = static_cast<std::size_t>(std::stoul(done.error().message.substr(5)));
    } else {
      ASSERT_EQ(*done, count);
    }
    for (std::size_t i = 0; i < written; ++i)
      told_[group][fields[i]] = {values[i], k_no_deadline};
    for (const std::string& field : fields)
      expect_as_told(group, field);
  }
  /// What is asked again because room had to be made may answer otherwise: its last word holds.
  void update(const std::string& group, const std::string& field, std::size_t bytes) {
    const Entry* const entry = told(group, field);
    const std::int64_t deadline = entry != nullptr ? entry->deadline : k_no_deadline;
    const std::string first = value_of(bytes);
    const std::string later = value_of(bytes);
    int asked = 0;
    bool there = false;
    const auto done = cache_.update(group, field,
                                    [&](std::optional<std::string_view> value) {
                                      there = value.has_value();
                                      return std::optional(++asked == 1 ? first : later);
                                    },
                                    {.ttl = {}, .keep_ttl = true});
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    believe(group, field, asked == 1 ? first : later, there ? deadline : k_no_deadline);
  }
  void erase(const std::string& group, const std::string& field) {
    erasures_ += cache_.erase(group, field) ? 1U : 0U;
    ASSERT_FALSE(cache_.contains(group, field)) << "nothing may keep an erased entry";
    told_[group].erase(field);
  }
  void erase_group(const std::string& group) {
    erasures_ += cache_.group_size(group);
    cache_.erase_group(group);
    ASSERT_FALSE(cache_.contains_group(group));
    for (const auto& [field, entry] : told_[group])
      ASSERT_FALSE(cache_.contains(group, field));
    told_.erase(group);
  }
  void expire(const std::string& group, const std::string& field, std::optional<Millis> ttl) {
    const auto done = cache_.expire(group, field, ttl);
    if (!done) {
      expect_no_room(done.error());
      return expect_as_told(group, field);
    }
    if (*done) told_[group][field].deadline = deadline_after(ttl);
    expect_as_told(group, field);
  }
  void expire_group(const std::string& group, std::optional<Millis> ttl) {
    const auto before = cache_.group_ttl(group);
    const auto done = cache_.expire_group(group, ttl);
    const auto after = cache_.group_ttl(group);
    if (!done) {
      expect_no_room(done.error());
      if (after) {
        ASSERT_EQ(after->remaining, before->remaining);
      }
      return;
    }
    if (*done) {
      ASSERT_TRUE(after);
      ASSERT_EQ(after->remaining, ttl);
    }
  }
  void set_group_limits(const std::string& group, const GroupLimits& limits) {
    const auto before = cache_.group_limits(group);
    const auto done = cache_.set_group_limits(group, limits);
    const auto after = cache_.group_limits(group);
    if (!done) {
      expect_no_room(done.error());
      if (after) {
        ASSERT_EQ(*after, *before);
      }
      return;
    }
    if (*done) {
      ASSERT_EQ(*after, limits);
    }
  }
  void rename(const std::string& from, const std::string& to, bool replace) {
    const bool there = cache_.contains_group(from);
    const bool taken = cache_.contains_group(to);
    const std::uint64_t target_fields = cache_.group_size(to);
    const auto done = cache_.rename_group(from, to, replace);
    if (!done) {
      if (done.error().code == Errc::not_found) {
        ASSERT_TRUE(!there || evicted() != 0);
      } else if (done.error().code == Errc::exists) {
        ASSERT_TRUE(taken && !replace);
      } else {
        expect_no_room(done.error());
      }
    } else {
      erasures_ += target_fields;
      ASSERT_FALSE(cache_.contains_group(from));
      Fields moved = std::move(told_[from]);
      told_.erase(from);
      told_[to] = std::move(moved);
    }
    for (const std::string& group : {from, to}) {
      for (const auto& [field, entry] : told_[group])
        expect_as_told(group, field);
    }
    std::uint64_t seen = 0;
    ASSERT_TRUE(cache_.for_each(to, [&](std::string_view field, std::string_view) {
      seen += told(to, std::string(field)) != nullptr ? 1U : 1'000'000U;
    }));
    ASSERT_LE(seen, told_[to].size()) << "a field of the group that was replaced";
  }
  void advance(Millis by) {
    clock_->advance(by);
    for (auto& [group, fields] : told_) {
      std::erase_if(fields,
                    [&](const auto& field) { return field.second.deadline <= clock_->now_ms(); });
    }
  }
  void tick(std::size_t budget) { cache_.tick(budget); }

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<std::uint64_t> heard_ = std::make_shared<std::uint64_t>(0);
  Cache cache_;
  std::vector<std::string> neighbours_;
  std::map<std::string, Fields> told_;
  std::uint64_t writes_ = 0;
  std::uint64_t calls_refused_ = 0;
  std::uint64_t erasures_ = 0;  ///< at most so many entries were erased
  bool refusing_ = false;
};

void ToldCache::script() {
  const std::string large = "large";
  const std::string wide(900, 'w');  // names that make records grow
  const auto field = [](std::size_t i) { return "field" + std::to_string(i); };
  const auto stop = [] { return ::testing::Test::HasFailure(); };

  // A bucket, its growth, and entries in it replaced in place, shorter and longer.
  for (std::size_t i = 0; i < 6; ++i)
    set("small", field(i), 20 + 10 * i);
  set("small", field(2), 40);
  set("small", field(2), 5);
  set("small", field(2), 300);
  try_emplace("small", field(3), 50);
  try_emplace("small", "new", 50);
  compare_and_set("small", field(4), 90);
  increment("small", "count", 41);
  increment("small", "count", 1'000'000'000);
  if (stop()) return;

  // A group that outgrows its bucket: anchor, leaf, splits, nodes, wider nodes.
  for (std::size_t i = 0; i < 60; ++i)
    set(large, field(i), 300 + i);
  for (std::size_t i = 0; i < 60; i += 7)
    compare_and_set(large, field(i), 500);
  set_many(large, 6, 200);
  increment(large, "count", 5);
  if (stop()) return;

  // A name so long that the stub is larger than the record that it replaces: its bucket grows.
  set(std::string(1020, 'n'), "a", 4);
  set(std::string(1020, 'n'), "b", 4);
  if (stop()) return;

  // Many small groups of one shard: splits of buckets, and nodes of the shard.
  for (const std::string& name : neighbours_)
    set(name, "only", 450);
  for (std::size_t i = 0; i < neighbours_.size(); i += 3)
    set_many(neighbours_[i], 3, 150);
  if (stop()) return;

  // Values in pieces: in a small group, which gets an anchor, and in a large one.
  set("pieces", "one", 10'000);
  set("pieces", "two", 4073);
  set("pieces", "one", 600);
  set("pieces", "one", 30);
  set(large, field(3), 9000);
  set(large, field(3), 20'000);
  compare_and_set("pieces", "two", 5000);
  try_emplace("pieces", "three", 8150);
  update("pieces", "four", 5000);
  update("pieces", "four", 9000);
  update(large, field(8), 250);
  if (stop()) return;

  // Times to live: the time block, deadlines near and far, of fields and of groups.
  set("timed", "near", 30, Millis(50));
  set("timed", "far", 30, Millis(k_ttl_max_ms));
  set("timed", "large", 6000, Millis(70));
  set(large, field(5), 300, Millis(60));
  expire(large, field(6), Millis(65));
  expire(large, field(6), std::nullopt);
  expire("small", field(0), Millis(1000));
  expire("pieces", "two", Millis(2000));
  expire_group("small", Millis(100'000));
  expire_group(neighbours_[1], Millis(100'000));
  expire_group("small", std::nullopt);
  advance(Millis(80));
  set("timed", "near", 35, Millis(50));
  set("timed", "near", 35, Millis(60));
  set("gone", "first", 20, Millis(10));
  advance(Millis(20));
  set("gone", "second", 20);
  tick(20);
  // An idle time that begins when the group is there already: its last use finds no place yet.
  set("idle", "one", 100);
  set_group_limits("idle", {0, 0, Millis(1'000'000)});
  expect_as_told("idle", "one");
  set("idle", "two", 100);
  if (stop()) return;

  // Renames: of small and large groups, into nothing, onto small and large ones, and refused.
  rename("small", wide, false);
  rename(wide, "small", false);
  rename(large, "larger", false);
  rename("larger", neighbours_[2], false);
  rename("larger", neighbours_[2], true);
  rename(neighbours_[2], large, false);
  rename(neighbours_[3], neighbours_[4], true);
  rename("pieces", wide + "p", true);
  rename(wide + "p", "pieces", true);
  for (std::size_t i = 0; i < 15; ++i)
    set("second", field(i), 200);
  rename("second", large, true);
  for (std::size_t i = 0; i < 10; ++i)
    set(large, field(i), 400);
  if (stop()) return;

  // Limits, which evict by themselves.
  set_group_limits("pieces", {2, 0, Millis(0)});
  set_group_limits(large, {12, 0, Millis(0)});
  set(large, "over", 100);
  set_group_limits(neighbours_[0], {0, 700, Millis(0)});
  set_many(neighbours_[0], 4, 300);
  if (stop()) return;

  // Back again: erasing shrinks, merges and drops.
  for (std::size_t i = 0; i < 30; i += 2)
    erase(large, field(i));
  for (std::size_t i = 0; i < neighbours_.size(); i += 2)
    erase(neighbours_[i], "only");
  erase("pieces", "two");
  for (std::size_t i = 0; i < 20; ++i)
    set("third", field(i), 300);
  erase_group("third");
  erase_group("pieces");
  erase_group(neighbours_[1]);
  tick(30);
  set("last", "one", 100);
}

TEST(ArenaFull, TheScriptItselfIsSound) {
  ToldCache cache;
  cache.script();
  ASSERT_FALSE(::testing::Test::HasFailure());
  EXPECT_EQ(cache.calls_refused(), 0U);
  cache.check_all();
}

/// How many requests are refused in a row, and for which share of the pages.
struct Refusals {
  std::uint64_t in_a_row;
  std::uint64_t every;
};
void PrintTo(const Refusals& refusals, std::ostream* out) {
  *out << refusals.in_a_row << " refusals at every page number " << refusals.every;
}

class ArenaFullFor : public ::testing::TestWithParam<Refusals> {};

TEST_P(ArenaFullFor, EveryAllocationSiteLeavesTheBooksBalanced) {
  std::uint64_t pages = 0;
  std::vector<std::string> neighbours;
  {
    ToldCache cache;
    neighbours = cache.neighbours();
    const std::uint64_t before = cache.pages_taken();
    cache.script();
    pages = cache.pages_taken() - before;
  }
  ASSERT_GT(pages, 300U) << "the script takes pages of every kind";
  std::uint64_t calls_refused = 0;
  for (std::uint64_t nth = 0; nth < pages; nth += GetParam().every) {
    SCOPED_TRACE("page " + std::to_string(nth) + " of " + std::to_string(pages));
    ToldCache cache(neighbours);
    cache.refuse(nth, GetParam().in_a_row);
    cache.script();
    ASSERT_FALSE(::testing::Test::HasFailure());
    ASSERT_NE(cache.pages_refused(), 0U);
    cache.check_all();
    ASSERT_FALSE(::testing::Test::HasFailure());
    calls_refused += cache.calls_refused();
  }
  // One refusal is never the end of a call: reclaim finds room. For ever it is.
  if (GetParam().in_a_row == 1) {
    EXPECT_EQ(calls_refused, 0U);
  }
  if (GetParam().in_a_row == k_for_ever) {
    EXPECT_GT(calls_refused, 0U);
  }
}

// For ever is every 64th page alone: each refused call tries for long before it gives up.
INSTANTIATE_TEST_SUITE_P(InARow, ArenaFullFor,
                         ::testing::Values(Refusals{1, 1}, Refusals{40, 1},
                                           Refusals{k_for_ever, 64}));

}  // namespace
}  // namespace ullage::engine

#endif
