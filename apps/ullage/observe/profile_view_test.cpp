#include "observe/profile_view.h"

#include "base/failure.h"
#include "observe/http_get.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

observe::ParsedProfile example() {
  observe::ParsedProfile profile;
  profile.types = {{"objects", "count"}, {"space", "bytes"}};
  profile.functions = {"main", "leak<&>", "loop"};
  // loop calls itself: once in the stack's sum.
  profile.samples = {{.frames = {1, 0}, .values = {3, 3000}},
                     {.frames = {2, 2, 0}, .values = {1, 1024}},
                     {.frames = {0}, .values = {1, 8}}};
  return profile;
}

TEST(ProfileView, RowsAreFlatAndCumulative) {
  const auto rows = profile_rows(example(), 1);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].name, "leak<&>");
  EXPECT_EQ(rows[0].flat, 3000);
  EXPECT_EQ(rows[0].cumulative, 3000);
  EXPECT_EQ(rows[1].name, "loop");
  EXPECT_EQ(rows[1].cumulative, 1024);
  EXPECT_EQ(rows[2].flat, 8);
  EXPECT_EQ(rows[2].cumulative, 4032);
}

TEST(ProfileView, TheTableHasAsManyRowsAsAreWanted) {
  const std::string table = profile_table(example(), 1, 1);
  EXPECT_NE(table.find("3.94 KiB of space in 3 samples"), std::string::npos) << table;
  EXPECT_NE(table.find("leak<&>"), std::string::npos) << table;
  EXPECT_NE(table.find(" 74.40%"), std::string::npos) << table;
  EXPECT_EQ(table.find("loop"), std::string::npos) << table;
  EXPECT_NE(table.find("... and 2 more"), std::string::npos) << table;
}

TEST(ProfileView, FlamesAreWellFormed) {
  const std::string svg = flame_graph(example(), 1, "a <title>");
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("a &lt;title&gt;"), std::string::npos);
  EXPECT_NE(svg.find("leak&lt;&amp;&gt;"), std::string::npos);
  EXPECT_EQ(svg.find("leak<"), std::string::npos);
  // Nothing at all is a drawing as well.
  observe::ParsedProfile nothing;
  nothing.types = {{"a", "b"}};
  EXPECT_TRUE(flame_graph(nothing, 0, "").ends_with("</svg>\n"));
}

TEST(ProfileView, ValuesHaveTheirUnits) {
  EXPECT_EQ(format_value(2048, "bytes"), "2.00 KiB");
  EXPECT_EQ(format_value(-2048, "bytes"), "-2.00 KiB");
  EXPECT_EQ(format_value(1'500'000'000, "nanoseconds"), "1.5 s");
  EXPECT_EQ(format_value(12345, "count"), "12,345");
}

TEST(Url, IsReadInItsParts) {
  Url url = Url::parse("http://10.0.0.1:99/behind/a/proxy/");
  EXPECT_EQ(url.host, "10.0.0.1");
  EXPECT_EQ(url.port, "99");
  EXPECT_EQ(url.path, "/behind/a/proxy");
  url = Url::parse("localhost");
  EXPECT_EQ(url.port, "7380");
  EXPECT_EQ(url.path, "");
  url = Url::parse("[::1]:80");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, "80");
  for (const char* const text :
       {"", "http://", "https://a", "a:b", "a:", "[::1", "a b", "a:123456"})
    EXPECT_THROW(Url::parse(text), Failure) << text;
}

}  // namespace
}  // namespace ullage::app
