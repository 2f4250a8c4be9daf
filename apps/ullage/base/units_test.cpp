#include "base/units.h"

#include "base/failure.h"

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Units, BytesArePowersOf1024InEverySpelling) {
  EXPECT_EQ(parse_bytes("--x", "64mb"), 64u << 20);
  EXPECT_EQ(parse_bytes("--x", "64MiB"), 64u << 20);
  EXPECT_EQ(parse_bytes("--x", "64 M"), 64u << 20);
  EXPECT_EQ(parse_bytes("--x", "1.5gb"), std::uint64_t{3} << 29);
  EXPECT_EQ(parse_bytes("--x", "4096"), 4096u);
  EXPECT_EQ(parse_bytes("--x", "0"), 0u);
}

TEST(Units, ABadSizeNamesTheOptionTheValueAndWhatIsAllowed) {
  for (const char* bad :
       {"", "mb", "-1mb", "64xb", "1e3", "nan", "inf", "64mb!", "0x10", "99999999tb"}) {
    try {
      parse_bytes("--memory-limit", bad);
      ADD_FAILURE() << bad;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.exit_code(), k_exit_usage);
      const std::string text = failure.what();
      EXPECT_NE(text.find("--memory-limit"), std::string::npos) << text;
      EXPECT_NE(text.find("\"" + std::string(bad) + "\""), std::string::npos) << text;
      EXPECT_NE(text.find("64mb"), std::string::npos) << text;
    }
  }
}

TEST(Units, CountsTakeThousands) {
  EXPECT_EQ(parse_count("--requests", "250k"), 250'000u);
  EXPECT_EQ(parse_count("--requests", "1.5M"), 1'500'000u);
  EXPECT_THROW(parse_count("--requests", "5mb"), Failure);
}

TEST(Units, TextKeepsThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(8.0 * 1024 * 1024), "8.00 MiB");
  EXPECT_EQ(format_bytes(46.35 * 1024 * 1024), "46.4 MiB");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(5'000'000), "5,000,000");
  EXPECT_EQ(format_short(2'400'000), "2.40M");
  EXPECT_EQ(format_short(5'000'000), "5M");
  EXPECT_EQ(format_percent(0.9342), "93.42 %");
  EXPECT_EQ(format_seconds(1.23), "1.2 s");
  EXPECT_EQ(format_seconds(125), "2 min 5 s");
}

}  // namespace
}  // namespace ullage::app
