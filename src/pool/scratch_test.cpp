#include <ullage/scratch.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage {
namespace {

TEST(ScratchMaps, HoldTexts) {
  ScratchMap map;
  EXPECT_EQ(map.get("theme"), std::nullopt);
  map.set("theme", "dark");
  map.set("lang", "en");
  map.set("", "");
  EXPECT_EQ(map.get("theme"), "dark");
  EXPECT_EQ(map.get("lang"), "en");
  EXPECT_EQ(map.get(""), "");
  map.set("theme", "a longer value than before");
  EXPECT_EQ(map.get("theme"), "a longer value than before");
  map.set("theme", "x");
  EXPECT_EQ(map.get("theme"), "x");
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map[1].name, "lang");
  EXPECT_EQ(map[1].value, "en");
  EXPECT_TRUE(map.contains("lang"));
  EXPECT_FALSE(map.contains("none"));
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.get("theme"), std::nullopt);
}

TEST(ScratchMaps, AreAsAMapIs) {
  std::minstd_rand random(3);
  ScratchMap map;
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, std::string> model;
    const auto names = 1 + random() % 300;
    for (int step = 0; step < 400; ++step) {
      const std::string name = "field" + std::to_string(random() % names);
      const std::string value(random() % 30, static_cast<char>('a' + random() % 26));
      map.set(name, value);
      model[name] = value;
    }
    ASSERT_EQ(map.size(), model.size());
    for (const auto& [name, value] : model)
      ASSERT_EQ(map.get(name), value);
    for (std::size_t i = 0; i < map.size(); ++i)
      ASSERT_EQ(model.at(std::string(map[i].name)), map[i].value);
    map.clear();
  }
}

TEST(ScratchMaps, KeepTheirMemoryInAPool) {
  Pool<ScratchMap> maps({.name = "maps"}, {.capacity = 32});
  std::size_t footprint = 0;
  for (int request = 0; request < 100; ++request) {
    auto map = maps.lease();
    EXPECT_TRUE(map->empty());
    for (int i = 0; i < 32; ++i)
      map->set("field" + std::to_string(i), "value" + std::to_string(request));
    if (request == 0) footprint = map->footprint_bytes();
    EXPECT_EQ(map->footprint_bytes(), footprint);
  }
  EXPECT_EQ(maps.stats().misses, 1U);
  maps.lease()->reserve(100'000);
  EXPECT_EQ(maps.stats().drops, 1U) << "one that has grown is not kept";
}

TEST(LeasedMemories, ServePmrContainers) {
  Pool<ScratchBlock> blocks({.name = "blocks"}, {.capacity = 4096});
  for (int request = 0; request < 10; ++request) {
    LeasedMemory memory(blocks);
    std::pmr::map<int, std::pmr::string> map(&memory);
    for (int i = 0; i < 200; ++i)
      map.emplace(i, std::pmr::string(40, static_cast<char>('a' + i % 26), &memory));
    for (int i = 0; i < 200; ++i)
      EXPECT_EQ(map.at(i)[39], static_cast<char>('a' + i % 26));
    EXPECT_GE(memory.blocks(), 4U);
  }
  EXPECT_EQ(blocks.stats().outstanding, 0U);
  EXPECT_LE(blocks.stats().misses, 20U);
}

TEST(LeasedMemories, AlignAndGrow) {
  Pool<ScratchBlock> blocks({.max_object_bytes = 8192}, {.capacity = 1024});
  LeasedMemory memory(blocks);
  std::vector<std::pair<std::byte*, std::size_t>> taken;
  std::minstd_rand random(5);
  for (int i = 0; i < 500; ++i) {
    const std::size_t alignment = std::size_t{1} << random() % 7;
    const std::size_t bytes = random() % 20 == 0 ? 5000 : random() % 100;
    auto* const place = static_cast<std::byte*>(memory.allocate(bytes, alignment));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignment, 0U);
    for (std::size_t b = 0; b < bytes; ++b)
      place[b] = static_cast<std::byte>(i);
    taken.emplace_back(place, bytes);
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    for (std::size_t b = 0; b < taken[i].second; ++b)
      ASSERT_EQ(taken[i].first[b], static_cast<std::byte>(i));
  }
  EXPECT_GT(memory.blocks(), 8U);
  memory.release();
  EXPECT_EQ(memory.blocks(), 1U);
  EXPECT_EQ(blocks.stats().outstanding, 1U);
  void* const again = memory.allocate(8, 8);
  memory.deallocate(again, 8, 8);
  EXPECT_EQ(memory.allocate(8, 8), again) << "the last one's bytes are the next one's";
}

}  // namespace
}  // namespace ullage
