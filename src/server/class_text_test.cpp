// Classes as text: what is read is what was written, and what is wrong is named.
#include "server/class_text.h"

#include <ullage/limits.h>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::server {
namespace {

using namespace std::chrono_literals;
using namespace ullage::literals;

std::vector<ClassDefinition> parsed(std::string_view text) {
  std::string problem;
  auto classes = parse_classes(text, problem);
  EXPECT_TRUE(classes.has_value()) << problem;
  return classes ? *classes : std::vector<ClassDefinition>{};
}
std::string problem_of(std::string_view text) {
  std::string problem;
  EXPECT_FALSE(parse_classes(text, problem).has_value()) << text;
  return problem;
}

TEST(ClassText, ReadsAndWritesTheSame) {
  const auto classes = parsed(
      "session:* min=8mb LOW=9mb high=32mb max=48mb, user:*  MaxFields=1000 idle_ttl=30m "
      "max-bytes=64kb\n weight=200 ttl=1500 *");
  ASSERT_EQ(3U, classes.size());
  EXPECT_EQ("session:*", classes[0].pattern);
  EXPECT_EQ((ClassLimits{.min = 8_MiB, .low = 9_MiB, .high = 32_MiB, .max = 48_MiB}),
            classes[0].limits);
  EXPECT_EQ((ClassLimits{.max_fields = 1000,
                         .max_bytes = 64_KiB,
                         .idle_ttl = 30min,
                         .ttl = 1500ms,
                         .weight = 200}),
            classes[1].limits);
  EXPECT_EQ("*", classes[2].pattern);
  EXPECT_EQ(ClassLimits{}, classes[2].limits);
  const std::string text = classes_text(classes);
  EXPECT_EQ(
      "session:* min=8mb low=9mb high=32mb max=48mb user:* max_fields=1000 max_bytes=64kb "
      "idle_ttl=30m ttl=1500ms weight=200 *",
      text);
  EXPECT_EQ(text, classes_text(parsed(text)));
  EXPECT_TRUE(parsed(" , ").empty());
}

TEST(ClassText, PatternsMayHoldAnyByte) {
  const std::string pattern("a b,\"'\\\x01\xff=*", 11);
  const ClassDefinition one{pattern, {.max = 1}};
  const auto again = parsed(classes_text(std::span(&one, 1)));
  ASSERT_EQ(1U, again.size());
  EXPECT_EQ(pattern, again[0].pattern);
  EXPECT_EQ(1U, again[0].limits.max);
}

TEST(ClassText, SaysWhatIsWrong) {
  EXPECT_NE(std::string::npos, problem_of("max=1mb").find("max=1mb"));
  EXPECT_NE(std::string::npos, problem_of("session: max=1mb").find("session:"));
  EXPECT_NE(std::string::npos, problem_of("a:* maximum=1mb").find("maximum"));
  EXPECT_NE(std::string::npos, problem_of("a:* max=lots").find("lots"));
  EXPECT_NE(std::string::npos, problem_of("a:* max=-1").find("-1"));
  EXPECT_NE(std::string::npos, problem_of("a:* idle_ttl=5x").find("5x"));
  EXPECT_NE(std::string::npos, problem_of("a:* weight=20000").find("10000"));
  EXPECT_NE(std::string::npos, problem_of("a:* max_fields=many").find("many"));
  EXPECT_NE(std::string::npos, problem_of("a\\y*").find("\\xHH"));
  EXPECT_NE(std::string::npos, problem_of("a\\x1").find("a\\x1"));
}

}  // namespace
}  // namespace ullage::server
