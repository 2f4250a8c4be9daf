#include "server/sizes.h"

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

TEST(Sizes, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_size("64mb"), 64U << 20);
  EXPECT_EQ(parse_size("64 MiB"), 64U << 20);
  EXPECT_EQ(parse_size("1.5k"), 1536U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  for (const char* none : {"", "mb", "-1", "1x", "nan", "inf", "1e3", "99999999tb", "1 m b"})
    EXPECT_FALSE(parse_size(none)) << none;
}

TEST(Sizes, AreShownInTheirShortestExactForm) {
  EXPECT_EQ(size_text(64U << 20), "64mb");
  EXPECT_EQ(size_text(1536), "1536");
  EXPECT_EQ(size_text(0), "0");
}

}  // namespace
}  // namespace ullage::server
