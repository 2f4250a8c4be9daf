#include "server/query.h"

#include <string>

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

TEST(Query, NamesAndValues) {
  const auto query = Query::parse("seconds=5&debug=1&flag&name=a%20b%2Bc+d&&seconds=9");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->text("seconds"), "5") << "the first counts";
  EXPECT_EQ(query->text("flag"), "");
  EXPECT_EQ(query->text("name"), "a b+c d");
  EXPECT_FALSE(query->has("none"));
  EXPECT_EQ(query->unknown({"seconds", "debug", "name"}), "flag");
  EXPECT_EQ(query->unknown({"seconds", "debug", "name", "flag"}), std::nullopt);
}

TEST(Query, Numbers) {
  const auto query = Query::parse("a=5&b=&c=5x&d=-1&e=18446744073709551616");
  ASSERT_TRUE(query);
  const Query::Number bounds{.least = 1, .most = 10, .otherwise = 7};
  EXPECT_EQ(query->number("a", bounds), 5U);
  EXPECT_EQ(query->number("none", bounds), 7U);
  EXPECT_EQ(query->number("a", {.least = 6, .most = 10}), std::nullopt);
  EXPECT_EQ(query->number("a", {.least = 1, .most = 4}), std::nullopt);
  for (const char* name : {"b", "c", "d", "e"})
    EXPECT_EQ(query->number(name, bounds), std::nullopt) << name;
}

TEST(Query, WhatIsNoQuery) {
  for (const char* text : {"a=%", "a=%4", "a=%zz", "%g0=1", "a=%+1"})
    EXPECT_FALSE(Query::parse(text)) << text;
  std::string many;
  for (std::size_t i = 0; i < Query::k_pairs_max; ++i)
    many += "a=1&";
  EXPECT_TRUE(Query::parse(many));
  EXPECT_FALSE(Query::parse(many + "b"));
  EXPECT_TRUE(Query::parse(""));
  EXPECT_TRUE(Query::parse("&&&"));
}

}  // namespace
}  // namespace ullage::server
