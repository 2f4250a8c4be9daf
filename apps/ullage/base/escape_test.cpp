#include "base/escape.h"

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Escape, AnExcerptNeverHoldsControlBytes) {
  EXPECT_EQ(escape_excerpt("plain, text"), "plain, text");
  EXPECT_EQ(escape_excerpt(std::string_view("\x1b[31m\0\xff", 7)), "\\x1b[31m\\x00\\xff");
  EXPECT_EQ(escape_excerpt("a\tb\"c\\"), "a\\tb\\\"c\\\\");
  EXPECT_EQ(escape_excerpt(std::string(100, 'x'), 10), "xxxxxxxxxx...");
}

TEST(Escape, HtmlHasNoMarkupLeft) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

}  // namespace
}  // namespace ullage::app
