// Patterns, as Redis reads them.
#include "command/glob.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

TEST(Glob, Matches) {
  const struct {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  } cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "abc", true},
      {"a*c", "abbbc", true},
      {"a*c", "abbbd", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"user:*", "user:42", true},
      {"*:*:*", "a:b:c", true},
      {"*:*:*", "a:b", false},
      {"h[ae]llo", "hello", true},
      {"h[ae]llo", "hillo", false},
      {"h[^e]llo", "hallo", true},
      {"h[^e]llo", "hello", false},
      {"h[a-b]llo", "hbllo", true},
      {"h[b-a]llo", "hallo", true},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"[\\]]", "]", true},
      {"[a", "a", true},
      {"a**b", "ab", true},
      {"abc", "abcd", false},
      {"*abc", "ababc", true},
      {"[", "[", false},
      {"\\", "\\", true},
  };
  for (const auto& c : cases)
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << ' ' << c.text;
  EXPECT_TRUE(glob_matches_nocase("MAX*", "maxmemory"));
  EXPECT_FALSE(glob_matches("MAX*", "maxmemory"));
}

TEST(Glob, ManyStarsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 500; ++i)
    pattern += "a*";
  pattern += 'b';
  EXPECT_FALSE(glob_matches(pattern, std::string(10'000, 'a')));
}

}  // namespace
}  // namespace ullage::command
