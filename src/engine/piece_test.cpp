// Chains of pieces: what was appended is what is read, from any offset, until something is not as
// it should be.
#include "engine/piece.h"

#include "base/random.h"
#include "engine/engine_testing.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

class PieceChain : public ::testing::Test {
 protected:
  static std::string value_of(std::size_t bytes) {
    base::Random random(bytes);
    std::string value;
    for (std::size_t i = 0; i < bytes; ++i)
      value.push_back(static_cast<char>(random.next()));
    return value;
  }
  /// All pieces of a value, first to last; fewer if the arena is full.
  std::vector<Ref> append_all(std::string_view value) {
    std::vector<Ref> chain;
    for (std::size_t offset = 0; offset < value.size();) {
      std::size_t held = 0;
      const Ref ref =
          pieces_.append(value, offset, chain.empty() ? k_no_ref : chain.back(), yard_.work, held);
      if (ref == k_no_ref) break;
      EXPECT_GT(held, 0U);
      offset += held;
      chain.push_back(ref);
    }
    return chain;
  }
  bool reads(PieceLink link, std::size_t offset, std::size_t bytes, std::string& to) {
    to.assign(bytes, '?');
    return pieces_.read(link, offset, to.data(), bytes);
  }

  Yard yard_{64};
  Pieces pieces_{yard_.state};
  std::string got_;
};

TEST_F(PieceChain, WhatWasAppendedIsRead) {
  for (const std::size_t bytes : {9U, 577U, 4000U, 4071U, 4072U, 4073U, 8144U, 8145U, 100'000U}) {
    const std::string value = value_of(bytes);
    const auto chain = append_all(value);
    ASSERT_EQ(chain.size(), (bytes + k_piece_data_max - 1) / k_piece_data_max);
    const PieceLink link{chain.front(), static_cast<std::uint32_t>(bytes)};
    EXPECT_FALSE(reads(link, 0, bytes, got_)) << "it belongs to one thread until it is adopted";
    pieces_.adopt(chain.front(), 0x55aa);
    ASSERT_TRUE(reads(link, 0, bytes, got_));
    EXPECT_TRUE(got_ == value) << bytes;
    for (const Ref ref : chain) {
      EXPECT_EQ(load_header(yard_.state.page(ref)).owner, 0x55aaU);
      EXPECT_EQ(pieces_.first_of(ref), chain.front());
    }
    for (const Ref ref : chain)
      yard_.state.arena->free(ref);
  }
  EXPECT_EQ(yard_.pages_in_use(), 0U);
}

TEST_F(PieceChain, AnyStretchOfIt) {
  const std::string value = value_of(20'000);
  const auto chain = append_all(value);
  pieces_.adopt(chain.front(), 1);
  const PieceLink link{chain.front(), 20'000};
  base::Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t offset = random.below(20'000);
    const std::size_t bytes = random.below(static_cast<std::uint32_t>(20'000 - offset)) + 1;
    ASSERT_TRUE(reads(link, offset, bytes, got_)) << offset << " " << bytes;
    ASSERT_TRUE(got_ == value.substr(offset, bytes)) << offset << " " << bytes;
  }
  EXPECT_FALSE(reads(link, 0, 20'001, got_)) << "there is no more";
  EXPECT_FALSE(reads(link, 20'000, 1, got_));
  EXPECT_TRUE(reads(link, 20'000, 0, got_));
}

TEST_F(PieceChain, EveryWriteHasAnotherStamp) {
  const auto one = append_all(value_of(5000));
  const auto two = append_all(value_of(5000));
  EXPECT_NE(pieces_.stamp(one.front()), pieces_.stamp(two.front()));
}

TEST_F(PieceChain, TakesSmallerPagesRatherThanNone) {
  // Fill everything, then free pages of two sizes.
  auto& arena = *yard_.state.arena;
  std::vector<Ref> all;
  for (const std::size_t bytes : {600U, 300U}) {
    while (const Ref ref = arena.alloc(bytes, bytes == 600 ? 8 : 0)) {
      arena.at(ref)[0] = std::byte{7};
      all.push_back(ref);
    }
  }
  EXPECT_TRUE(append_all(value_of(3000)).empty());
  for (std::size_t i = 0; i < all.size(); i += 3)
    arena.free(all[i]);
  const std::size_t bytes = 50 * (arena.page_bytes(all.front()) - k_piece_data_at);
  const std::string value = value_of(bytes);
  const auto chain = append_all(value);
  EXPECT_EQ(chain.size(), 50U);
  for (const Ref ref : chain)
    EXPECT_EQ(arena.page_bytes(ref), arena.page_bytes(all.front())) << "smaller ones are left";
  pieces_.adopt(chain.front(), 1);
  ASSERT_TRUE(reads({chain.front(), static_cast<std::uint32_t>(bytes)}, 0, bytes, got_));
  EXPECT_TRUE(got_ == value);
}

TEST_F(PieceChain, NeverTakesAnAnchorsPage) {
  // The anchors' bin is never emptied: a tail of a few bytes there would stay for ever.
  for (std::size_t tail = 1; tail < 16; ++tail) {
    const auto chain = append_all(value_of(k_piece_data_max + tail));
    ASSERT_EQ(chain.size(), 2U);
    EXPECT_GT(yard_.state.arena->page_bytes(chain.back()), k_anchor_bytes) << tail;
  }
}

TEST_F(PieceChain, ABrokenChainIsNotRead) {
  const std::string value = value_of(12'000);
  const auto chain = append_all(value);
  ASSERT_EQ(chain.size(), 3U);
  pieces_.adopt(chain.front(), 1);
  const PieceLink link{chain.front(), 12'000};
  ASSERT_TRUE(reads(link, 0, 12'000, got_));
  for (const Ref ref : chain) {
    std::byte* const page = yard_.state.page(ref);
    const PageHeader good = load_header(page);
    for (const PageKind kind : {PageKind::free, PageKind::pending, PageKind::leaf}) {
      PageHeader bad = good;
      bad.kind = static_cast<std::uint8_t>(kind);
      store_header(page, bad);
      EXPECT_FALSE(reads(link, 0, 12'000, got_));
    }
    for (const unsigned used : {0U, 24U, 4097U, 65535U}) {
      PageHeader bad = good;
      bad.used = static_cast<std::uint16_t>(used);
      store_header(page, bad);
      EXPECT_FALSE(reads(link, 0, 12'000, got_));
    }
    store_header(page, good);
  }
  for (const std::uint32_t next : {0U, 1U, 0xffffffffU}) {
    base::store_bytes(yard_.state.page(chain[1]) + k_piece_next_at, &next, 4);
    EXPECT_FALSE(reads(link, 0, 12'000, got_));
  }
  base::store_bytes(yard_.state.page(chain[1]) + k_piece_next_at, &chain[0], 4);
  static_cast<void>(reads(link, 0, 12'000, got_));  // in a circle: ends all the same
  EXPECT_FALSE(reads({k_no_ref, 12'000}, 0, 12'000, got_));
  EXPECT_FALSE(reads({3, 12'000}, 0, 12'000, got_)) << "a table is no piece";
}

TEST_F(PieceChain, TheWayBackEndsAtAnythingOdd) {
  const auto chain = append_all(value_of(12'000));
  EXPECT_EQ(pieces_.first_of(chain[2]), k_no_ref) << "pending";
  pieces_.adopt(chain.front(), 1);
  EXPECT_EQ(pieces_.first_of(chain[2]), chain[0]);
  const std::uint32_t loop = chain[2];
  base::store_bytes(yard_.state.page(chain[1]) + k_piece_back_at, &loop, 4);
  EXPECT_EQ(pieces_.first_of(chain[2]), k_no_ref) << "a circle";
  const std::uint32_t nowhere = 1;
  base::store_bytes(yard_.state.page(chain[1]) + k_piece_back_at, &nowhere, 4);
  EXPECT_EQ(pieces_.first_of(chain[2]), k_no_ref);
}

}  // namespace
}  // namespace ullage::engine
