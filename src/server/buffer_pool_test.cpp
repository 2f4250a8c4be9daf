#include "server/buffer_pool.h"

#include "server/reply_buffer.h"

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

TEST(BufferPool, GivesPowersOfTwoAndAllOfItself) {
  BufferPool pool(64 * 1024);
  Block whole = pool.take(64 * 1024);
  EXPECT_EQ(whole.size(), 64U * 1024);
  EXPECT_TRUE(pool.take(1).empty());
  EXPECT_EQ(pool.refusals(), 1U);
  whole.reset();
  EXPECT_EQ(pool.used_bytes(), 0U);
  EXPECT_EQ(pool.take(257).size(), 512U);
  EXPECT_EQ(pool.peak_bytes(), 64U * 1024);
}

TEST(BufferPool, ASizeThatIsNoPowerOfTwoIsUsedWhole) {
  BufferPool pool(3 * 1024);
  const Block a = pool.take(2048);
  const Block b = pool.take(1024);
  EXPECT_FALSE(a.empty());
  EXPECT_FALSE(b.empty());
  EXPECT_TRUE(pool.take(256).empty());
}

TEST(BufferPool, HalvesMergeAgain) {
  BufferPool pool(64 * 1024);
  {
    std::vector<Block> blocks;
    for (;;) {
      Block block = pool.take(256);
      if (block.empty()) break;
      blocks.push_back(std::move(block));
    }
    EXPECT_EQ(blocks.size(), 256U);
  }
  EXPECT_EQ(pool.take(64 * 1024).size(), 64U * 1024);
}

TEST(BufferPool, ABlockGrowsWhereItLies) {
  BufferPool pool(16 * 1024);
  Block block = pool.take(1000);
  std::memcpy(block.data(), "hello", 5);
  const char* before = block.data();
  while (pool.extend(block)) {
  }
  EXPECT_EQ(block.size(), 16U * 1024);
  EXPECT_EQ(block.data(), before);
  EXPECT_EQ(std::string(block.data(), 5), "hello");
  block.reset();
  EXPECT_EQ(pool.used_bytes(), 0U);
}

TEST(BufferPool, BlocksNeverOverlap) {
  BufferPool pool(1 << 20);
  std::mt19937 random(7);
  std::map<const char*, Block> held;
  std::size_t bytes = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || held.empty()) {
      Block block = pool.take(1 + random() % (1U << (random() % 16)));
      if (block.empty()) continue;
      const char* begin = block.data();
      const auto next = held.lower_bound(begin);
      if (next != held.end()) {
        ASSERT_LE(begin + block.size(), next->first);
      }
      if (next != held.begin()) {
        const auto before = std::prev(next);
        ASSERT_LE(before->first + before->second.size(), begin);
      }
      bytes += block.size();
      held.emplace(begin, std::move(block));
    } else {
      auto victim = held.begin();
      std::advance(victim, random() % held.size());
      if (random() % 4 == 0) {
        const std::size_t size = victim->second.size();
        if (pool.extend(victim->second)) bytes += size;
      } else {
        bytes -= victim->second.size();
        held.erase(victim);
      }
    }
    ASSERT_EQ(pool.used_bytes(), bytes);
  }
  held.clear();
  EXPECT_EQ(pool.take(1 << 20).size(), 1U << 20);
}

TEST(ReplyBuffer, GrowsIntoThePoolAndLeavesItAgain) {
  BufferPool pool(1 << 20);
  ReplyBuffer buffer(pool, [&](std::size_t bytes) { return pool.take(bytes); });
  const std::string piece(10'000, 'x');
  for (int i = 0; i < 50; ++i)
    buffer.append(piece);
  EXPECT_EQ(buffer.size(), 500'000U);
  EXPECT_GT(pool.used_bytes(), 0U);
  buffer.clear();
  EXPECT_EQ(pool.used_bytes(), 0U);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(ReplyBuffer, WhatThePoolCannotHoldFails) {
  BufferPool pool(256 * 1024);
  ReplyBuffer buffer(pool, [&](std::size_t bytes) { return pool.take(bytes); });
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 4; ++i)
    buffer.append(piece);
  EXPECT_TRUE(buffer.failed());
  buffer.clear();
  EXPECT_FALSE(buffer.failed());
}

TEST(ReplyBuffer, HandsItsBlockOver) {
  BufferPool pool(1 << 20);
  ReplyBuffer buffer(pool, [&](std::size_t bytes) { return pool.take(bytes); });
  buffer.append("small");
  EXPECT_FALSE(buffer.is_mostly_from(0));
  buffer.append(std::string(200'000, 'a') + "tail");
  EXPECT_TRUE(buffer.is_mostly_from(1000));
  EXPECT_FALSE(buffer.is_mostly_from(199'000));
  const Block block = buffer.release();
  EXPECT_EQ(std::string(block.data() + 200'005, 4), "tail");
  EXPECT_EQ(buffer.size(), 0U);
}

}  // namespace
}  // namespace ullage::server
