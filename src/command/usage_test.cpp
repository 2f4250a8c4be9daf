// What is said of the use of keys, and which of many are chosen: OBJECT FREQ and IDLETIME, UL.TOP,
// HRANDFIELD.
#include "command/growth.h"
#include "command/house_testing.h"

#include <chrono>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

std::string number(int value) {
  return std::to_string(value);
}

TEST(Usage, OftenUsedKeysAreToldFromOthers) {
  House house;
  house.ask("SET often v");
  house.ask("HSET hash f v");
  for (int i = 0; i < 2'000; ++i) {
    house.ask("SET filler:" + number(i) + " v");
    if (i % 100 == 0) house.ask("GET often");
    if (i == 1'000) house.ask("HGET hash f");
  }
  EXPECT_EQ(house.ask("OBJECT FREQ often"), ":4\r\n");
  EXPECT_EQ(house.ask("OBJECT FREQ hash"), ":2\r\n");
  EXPECT_EQ(house.ask("OBJECT FREQ filler:1"), ":1\r\n");
  EXPECT_EQ(house.ask("OBJECT FREQ none"), "$-1\r\n");
}

TEST(Usage, IdleTimeIsTheLeastThatIsKnown) {
  House house;
  house.cache.tick();
  house.ask("SET old v");
  EXPECT_EQ(house.ask("OBJECT IDLETIME old"), ":0\r\n");
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < 50; ++i)
      house.ask("SET filler:" + number(second * 50 + i) + " v");
    house.time->advance(std::chrono::seconds(1));
    house.cache.tick();
  }
  const int idle = std::stoi(house.ask("OBJECT IDLETIME old").substr(1));
  EXPECT_GE(idle, 90);
  EXPECT_LE(idle, 100);
  house.ask("GET old");
  EXPECT_LE(std::stoi(house.ask("OBJECT IDLETIME old").substr(1)), 2);
  EXPECT_EQ(house.ask("OBJECT IDLETIME none"), "$-1\r\n");
}

TEST(Usage, GrowthIsSinceItWasAskedLast) {
  House house;
  house.ask("HSET still a " + std::string(500, 'x'));
  house.ask("HSET grows a 1");
  EXPECT_EQ(house.ask("UL.TOP GROWTH COUNT 1").substr(0, 16), "*1\r\n*12\r\n$3\r\nkey");
  for (int i = 0; i < 100; ++i)
    house.ask("HSET grows f" + number(i) + " " + std::string(50, 'x'));
  house.time->advance(std::chrono::seconds(5));
  const std::string reply = house.ask("UL.TOP GROWTH COUNT 1");
  EXPECT_NE(reply.find("$5\r\ngrows\r\n"), std::string::npos) << reply;
  const std::size_t at = reply.find("growth-bytes\r\n:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GT(std::stoi(reply.substr(at + 15)), 5'000);
  EXPECT_NE(reply.find("growth-ms\r\n:5000\r\n"), std::string::npos) << reply;
  const std::string after = house.ask("UL.TOP GROWTH");
  EXPECT_EQ(after.find("growth-bytes\r\n:-"), std::string::npos);
  EXPECT_NE(after.find("growth-bytes\r\n:0\r\n"), std::string::npos) << "nothing since";
}

TEST(Usage, ASampleKnowsTheLargestAndBoundsTheRest) {
  GrowthSample sample(1);
  for (int i = 1; i <= 3'000; ++i)
    sample.add("group:" + number(i), static_cast<std::uint64_t>(i));
  sample.finish();
  EXPECT_EQ(sample.growth_of("group:3000", 3'100), 100);
  EXPECT_EQ(sample.growth_of("group:2500", 2'000), -500);
  EXPECT_EQ(sample.growth_of("group:1", 5'000), 3'000) << "it was 2000 at most";
  EXPECT_EQ(sample.growth_of("group:1", 1'500), 0) << "nobody knows";
  EXPECT_EQ(GrowthSample().growth_of("group:1", 1'500), 0);
}

TEST(Usage, FieldsAreChosenAtRandomAndOnceEach) {
  House house;
  for (int i = 0; i < 20; ++i)
    house.ask("HSET h f" + number(i) + " v" + number(i));
  std::map<std::string, int> singles;
  for (int i = 0; i < 2'000; ++i)
    ++singles[house.ask("HRANDFIELD h")];
  EXPECT_EQ(singles.size(), 20U);
  for (const auto& [field, count] : singles) {
    EXPECT_GT(count, 50) << field;
    EXPECT_LT(count, 170) << field;
  }
  for (int i = 0; i < 100; ++i) {
    const std::string reply = house.ask("HRANDFIELD h 7");
    EXPECT_EQ(reply.substr(0, 4), "*7\r\n");
    std::set<std::string> fields;
    for (std::size_t at = reply.find("\nf"); at != std::string::npos;
         at = reply.find("\nf", at + 1))
      fields.insert(reply.substr(at, reply.find('\r', at) - at));
    EXPECT_EQ(fields.size(), 7U) << reply;
  }
  EXPECT_EQ(house.ask("HRANDFIELD h 100").substr(0, 5), "*20\r\n");
  EXPECT_EQ(house.ask("HRANDFIELD h -100 WITHVALUES").substr(0, 6), "*200\r\n");
  EXPECT_EQ(house.ask("HRANDFIELD h -3 WITHVALUES", resp::Protocol::resp3).substr(0, 8),
            "*3\r\n*2\r\n");
  EXPECT_EQ(house.ask("HRANDFIELD h 0"), "*0\r\n");
}

}  // namespace
}  // namespace ullage::command
