// The directory beside a plain list of (prefix, page): every hash finds the page of its prefix, an
// ordered walk meets each page once, and splitting needs no more than widen() and set().
#include "engine/directory.h"

#include "base/random.h"
#include "engine/engine_testing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

TEST(HashRanges, LeadingBitsAndWhatComesAfter) {
  EXPECT_EQ(leading_bits(0xf000'0000'0000'0000ULL, 0, 4), 0xfU);
  EXPECT_EQ(leading_bits(0x0f00'0000'0000'0000ULL, 4, 4), 0xfU);
  EXPECT_EQ(leading_bits(~0ULL, 0, 0), 0U);
  EXPECT_EQ(leading_bits(~0ULL, 63, 1), 1U);
  EXPECT_EQ(after_range(0, 1), 0x8000'0000'0000'0000ULL);
  EXPECT_EQ(after_range(0x8000'0000'0000'0000ULL, 1), 0U) << "the last range";
  EXPECT_EQ(after_range(123, 0), 0U) << "the whole";
  EXPECT_EQ(after_range(0x1234'5678'9abc'def0ULL, 16), 0x1235'0000'0000'0000ULL);
}

/// One level of a directory and what it should say.
class Beside {
 public:
  explicit Beside(bool group_level, std::uint64_t seed) : random_(seed) {
    level_ = group_level ? directory_.group_level(yard_.shard(), stub_bytes(), k_anchor)
                         : directory_.shard_level(yard_.shard());
  }

  /// A page for everything.
  void plant() {
    const Found found = directory_.find(level_, 0);
    ASSERT_EQ(found.page, k_no_ref);
    const unsigned depth = directory_.empty_depth(found, 0);
    ASSERT_EQ(depth, 0U) << "nothing beside it";
    const Ref page = page_of(0, 0);
    const Change change(yard_.shard());
    directory_.set(found.slot, 0, 0, page);
    pages_.push_back({0, 0, page});
  }

  /// Splits the page of a hash in two; half of the time one half stays empty.
  void split(std::uint64_t hash) {
    Found found = directory_.find(level_, hash);
    if (found.page == k_no_ref) return;
    const unsigned depth = found.header.depth;
    if (depth >= k_depth_max) return;
    for (int tries = 0; depth == found.slot.base + found.slot.bits; ++tries) {
      ASSERT_LT(tries, 1) << "one widening makes room for one split";
      ASSERT_TRUE(directory_.widen(level_, found, hash, yard_.work));
      check_hash(hash);
      found = directory_.find(level_, hash);
      ASSERT_EQ(found.header.depth, depth);
    }
    const std::uint64_t bit = std::uint64_t{1} << (63 - depth);
    const std::uint64_t prefix = hash & ~(bit - 1) & ~bit;
    const Ref left = page_of(prefix, depth + 1);
    const Ref right = random_.below(2) == 0 ? page_of(prefix | bit, depth + 1) : k_no_ref;
    {
      const Change change(yard_.shard());
      directory_.set(found.slot, hash & ~bit, depth + 1, left);
      directory_.set(found.slot, hash | bit, depth + 1, right);
    }
    yard_.state.arena->free(found.page);
    std::erase_if(pages_, [&](const Page& page) { return page.ref == found.page; });
    pages_.push_back({prefix, depth + 1, left});
    if (right != k_no_ref) pages_.push_back({prefix | bit, depth + 1, right});
  }

  /// Puts a page into an empty range, the largest that has nothing else in its node.
  void fill(std::uint64_t hash) {
    const Found found = directory_.find(level_, hash);
    if (found.page != k_no_ref) return;
    const unsigned depth = directory_.empty_depth(found, hash);
    ASSERT_GE(depth, found.slot.base);
    ASSERT_LE(depth, found.slot.base + found.slot.bits);
    const std::uint64_t prefix = depth == 0 ? 0 : hash >> (64 - depth) << (64 - depth);
    for (const Page& page : pages_)
      ASSERT_FALSE(covers(prefix, depth, page.prefix)) << "not empty at all";
    const Ref page = page_of(prefix, depth);
    const Change change(yard_.shard());
    directory_.set(found.slot, hash, depth, page);
    pages_.push_back({prefix, depth, page});
  }

  void drop(std::uint64_t hash) {
    const Found found = directory_.find(level_, hash);
    if (found.page == k_no_ref) return;
    {
      const Change change(yard_.shard());
      directory_.set(found.slot, hash, found.header.depth, k_no_ref);
    }
    yard_.state.arena->free(found.page);
    std::erase_if(pages_, [&](const Page& page) { return page.ref == found.page; });
  }

  void check_hash(std::uint64_t hash) {
    const Found found = directory_.find(level_, hash);
    ASSERT_FALSE(found.broken);
    Ref expected = k_no_ref;
    for (const Page& page : pages_) {
      if (covers(page.prefix, page.depth, hash)) expected = page.ref;
    }
    ASSERT_EQ(found.page, expected);
    if (expected != k_no_ref) {
      ASSERT_GE(found.depth(), found.slot.base);
      ASSERT_LE(found.depth(), found.slot.base + found.slot.bits);
      ASSERT_EQ(found.slot.load(), expected);
    }
    if (found.slot.node != k_no_ref) {
      ASSERT_EQ(found.parent.load(), found.slot.node);
    }
  }

  void check() {
    for (int i = 0; i < 20; ++i)
      check_hash(random_.next());
    for (const Page& page : pages_) {
      check_hash(page.prefix);
      check_hash(after_range(page.prefix, page.depth) - 1);
    }
    std::vector<Ref> walked;
    std::uint64_t at = 0;
    do {
      const Found found = directory_.find(level_, at);
      ASSERT_FALSE(found.broken);
      if (found.page != k_no_ref) walked.push_back(found.page);
      at = after_range(at, found.depth());
    } while (at != 0);
    check_each_once(walked);
  }

  /// Walks by next_page(); answers how often it stopped before a page.
  int check_next_page(int empty_max) {
    std::vector<Ref> walked;
    int stops = 0;
    std::uint64_t at = 0;
    do {
      std::uint64_t h = at;
      const Found found = directory_.next_page(level_, at, empty_max);
      int passed = 0;
      // Without a page something was passed: from 0 to 0 is the whole level.
      while (h != at || (passed == 0 && found.page == k_no_ref)) {
        const Found empty = directory_.find(level_, h);
        EXPECT_EQ(empty.page, k_no_ref) << "no page is passed";
        h = after_range(h, empty.depth());
        ++passed;
      }
      EXPECT_LE(passed, empty_max);
      if (found.page != k_no_ref) {
        EXPECT_EQ(directory_.find(level_, at).page, found.page);
        walked.push_back(found.page);
        at = after_range(at, found.depth());
      } else if (at != 0) {
        EXPECT_EQ(passed, empty_max);
        ++stops;
      }
    } while (at != 0 && !::testing::Test::HasFailure());
    check_each_once(walked);
    return stops;
  }

  [[nodiscard]] std::uint64_t some_hash() {
    // Half of them near a page that is there, so that some branches grow deep.
    if (pages_.empty() || random_.below(2) == 0) return random_.next();
    const Page& page = pages_[random_.below(static_cast<std::uint32_t>(pages_.size()))];
    return page.prefix | (random_.next() >> page.depth >> 1);
  }
  [[nodiscard]] unsigned deepest() const {
    unsigned depth = 0;
    for (const Page& page : pages_)
      depth = std::max(depth, page.depth);
    return depth;
  }
  Yard& yard() noexcept { return yard_; }
  [[nodiscard]] const Level& level() const noexcept { return level_; }
  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }

 private:
  /// In order, each page once.
  void check_each_once(const std::vector<Ref>& walked) const {
    std::vector<Page> sorted = pages_;
    std::ranges::sort(sorted, {}, &Page::prefix);
    ASSERT_EQ(walked.size(), sorted.size());
    for (std::size_t i = 0; i < walked.size(); ++i)
      ASSERT_EQ(walked[i], sorted[i].ref);
  }

  static constexpr Ref k_anchor = 77;
  struct Page {
    std::uint64_t prefix;
    unsigned depth;
    Ref ref;
  };
  static bool covers(std::uint64_t prefix, unsigned depth, std::uint64_t hash) {
    return leading_bits(prefix, 0, depth) == leading_bits(hash, 0, depth);
  }
  std::byte* stub_bytes() { return reinterpret_cast<std::byte*>(stub_); }
  Ref page_of(std::uint64_t prefix, unsigned depth) {
    const Ref ref = yard_.state.alloc(64, yard_.work);
    EXPECT_NE(ref, k_no_ref);
    PageHeader header;
    header.kind = static_cast<std::uint8_t>(level_.page_kind);
    header.depth = static_cast<std::uint8_t>(depth);
    header.used = k_header_bytes;
    header.owner = level_.owner(prefix);
    store_header(yard_.state.page(ref), header);
    return ref;
  }

  Yard yard_{200};
  Directory directory_{yard_.state};
  alignas(8) std::uint64_t stub_[4] = {};
  Level level_;
  base::Random random_;
  std::vector<Page> pages_;
};

class DirectoryOf : public ::testing::TestWithParam<bool> {};

TEST_P(DirectoryOf, EveryHashFindsThePageOfItsPrefix) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Beside beside(GetParam(), seed);
    beside.check();
    beside.plant();
    for (int i = 0; i < 400; ++i) {
      const std::uint64_t hash = beside.some_hash();
      if (i % 9 == 0) {
        beside.drop(hash);
      } else if (i % 7 == 0) {
        beside.fill(hash);
      } else {
        beside.split(hash);
      }
      if (i % 10 == 0) beside.check();
      if (::testing::Test::HasFatalFailure()) return;
    }
    beside.check();
  }
}

TEST_P(DirectoryOf, OneBranchGrowsToTheGreatestDepth) {
  Beside beside(GetParam(), 5);
  beside.plant();
  const std::uint64_t hash = 0x0123'4567'89ab'cdefULL;
  for (unsigned i = 0; i < 2 * k_depth_max; ++i) {
    beside.split(hash);
    // The half without a page is filled, so that the branch goes on whichever way the hash turns.
    beside.fill(hash);
    beside.check();
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_EQ(beside.deepest(), k_depth_max);
}

TEST_P(DirectoryOf, AWalkPassesAsManyEmptyReferencesAsItMay) {
  Beside beside(GetParam(), 9);
  EXPECT_EQ(beside.check_next_page(8), 0) << "nothing in the references of the top";
  beside.plant();
  EXPECT_EQ(beside.check_next_page(1), 0) << "one page, no reference empty";
  for (int i = 0; i < 400; ++i)
    beside.split(beside.some_hash());
  for (int left = 0; left < 3; ++left) {
    EXPECT_GT(beside.check_next_page(1), 0);
    beside.check_next_page(2);
    beside.check_next_page(k_empty_refs_a_hold);
    for (int i = 0; i < 150; ++i)
      beside.drop(beside.some_hash());
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(beside.check_next_page(k_empty_refs_a_hold), 0);
}

INSTANTIATE_TEST_SUITE_P(Levels, DirectoryOf, ::testing::Bool());

TEST(Directory, AFullArenaRefusesToWidenAndChangesNothing) {
  Beside beside(true, 6);
  beside.plant();
  auto& arena = *beside.yard().state.arena;
  while (const Ref ref = arena.alloc(4000, 0))
    arena.at(ref)[0] = std::byte{7};
  while (const Ref ref = arena.alloc(48, 0))
    arena.at(ref)[0] = std::byte{7};
  const Found found = beside.directory().find(beside.level(), 42);
  const auto version = beside.yard().shard().lock.begin_read();
  EXPECT_FALSE(beside.directory().widen(beside.level(), found, 42, beside.yard().work));
  EXPECT_TRUE(beside.yard().shard().lock.validate(version)) << "no reader has to look again";
  beside.check();
}

TEST(Directory, GarbageReferencesAreBrokenNotFollowed) {
  Beside beside(true, 7);
  base::Random random(8);
  beside.plant();
  const std::uint64_t hash = random.next();
  for (int i = 0; i < 6; ++i)
    beside.split(hash);
  auto& state = beside.yard().state;
  // Every word of every node overwritten in turn, as a stale reader might find it.
  state.arena->for_each_page([&](Ref ref, std::size_t) {
    if (load_header(state.page(ref)).page_kind() != PageKind::group_node) return;
    std::vector<std::uint64_t> saved(state.arena->page_bytes(ref) / 8);
    std::memcpy(saved.data(), state.page(ref), saved.size() * 8);
    for (int round = 0; round < 200; ++round) {
      for (std::size_t word = 0; word < saved.size(); ++word) {
        std::uint64_t bits = random.next();
        // Half of them lead into the arena, at pages or between them.
        if (random.below(2) == 0)
          bits = (std::uint64_t{ref} + random.below(2000)) * 0x1'0000'0001ULL;
        if (random.below(3) != 0) base::store_bytes(state.page(ref) + word * 8, &bits, 8);
      }
      for (int look = 0; look < 8; ++look) {
        const Found found = beside.directory().find(beside.level(), random.next());
        if (!found.broken && found.page != k_no_ref) {
          ASSERT_EQ(found.header.page_kind(), PageKind::leaf);
          ASSERT_TRUE(state.arena->plausible(found.page));
        }
      }
    }
    std::memcpy(state.page(ref), saved.data(), saved.size() * 8);
  });
  beside.check();
}

}  // namespace
}  // namespace ullage::engine
