#include "document/json_reader.h"

#include "document/json_text.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::document {
namespace {

std::string read(std::string_view text) {
  const Result<Tree> tree = read_json(text);
  if (!tree) return std::string(to_string(tree.error().code));
  std::string written;
  tree->write(tree->root(), written);
  return written;
}

TEST(JsonReader, TakesWhatIsJson) {
  for (const char* text :
       {"0", "-0", "10", "-1.5e+10", "1E400", "1e-400", "0.0", "\"\"", "[]", "{}",
        "[1,[2,{\"a\":[]}],null]", "\"\xf0\x9f\x98\x80\"", "\"\x7f\"", "{\"a\":{\"a\":{\"a\":{}}}}",
        "[true,false,null]", "18446744073709551616", "-9223372036854775809"})
    EXPECT_EQ(read(text), text);
  EXPECT_EQ(read(" \t\r\n1 \n"), "1");
  EXPECT_EQ(read("[ ]"), "[]");
  EXPECT_EQ(read("{ \"a\" : [ 1 , 2 ] }"), R"({"a":[1,2]})");
  EXPECT_EQ(read(R"("\u0041\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\\u0000")"),
            "\"A\u00e9\U0001F600/\\b\\f\\n\\r\\t\\\"\\\\\\u0000\"");
  EXPECT_EQ(read(R"({"\u0041":1})"), R"({"A":1})");
  EXPECT_EQ(read(R"({"a":1,"\u0061":2})"), R"({"a":2})") << "equal once they are read";
}

TEST(JsonReader, RefusesWhatIsNot) {
  const std::vector<std::string> texts{"",
                                       " ",
                                       "[",
                                       "]",
                                       "{",
                                       "}",
                                       "[1",
                                       "[1,",
                                       "[1,]",
                                       "[,1]",
                                       "[1,,2]",
                                       "[1 2]",
                                       "[1]]",
                                       "[1],",
                                       "1 2",
                                       "1,",
                                       "1]",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{,\"a\":1}",
                                       "{\"a\" 1}",
                                       "{\"a\":1 \"b\":2}",
                                       "{a:1}",
                                       "{1:1}",
                                       "{\"a\":1}}",
                                       "{\"a\":1}x",
                                       "'a'",
                                       "\"a",
                                       "a\"",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\ud800\"",
                                       "\"\\udc00\"",
                                       "\"\\ud800\\u0041\"",
                                       "\"\n\"",
                                       "\"\t\"",
                                       std::string("\"\0\"", 3),
                                       "\"\x1f\"",
                                       "\"\xff\"",
                                       "\"\xc0\x80\"",
                                       "\"\xed\xa0\x80\"",
                                       "\"\xf4\x90\x80\x80\"",
                                       "\"\xe2\x82\"",
                                       "tru",
                                       "truE",
                                       "True",
                                       "nul",
                                       "nulll",
                                       "truee",
                                       "false1",
                                       "NaN",
                                       "Infinity",
                                       "-Infinity",
                                       "+1",
                                       "01",
                                       "-01",
                                       "1.",
                                       ".5",
                                       "-",
                                       "-.5",
                                       "1e",
                                       "1e+",
                                       "1.e1",
                                       "0x1",
                                       "1_000",
                                       "1a",
                                       "--1",
                                       "[-]",
                                       "[1e]",
                                       "[01]",
                                       "[1.]",
                                       "[nan]",
                                       "[tru]",
                                       "[nullx]",
                                       "{\"a\":tru}",
                                       "\xef\xbb\xbf{}",
                                       "// c\n1",
                                       "/* c */ 1",
                                       "[1]//",
                                       "[\"a\",\n4\n,1,",
                                       "[\"\\\"]",
                                       "[\"a\\",
                                       "\\u0041",
                                       "\xc3\xa9",
                                       "[\"a\"\"b\"]",
                                       "{\"a\":\"b\"\"c\"}",
                                       "[\"a\":1]",
                                       "{\"a\",1}",
                                       "{[]:1}",
                                       "[}",
                                       "{]",
                                       "[[]",
                                       "{\"a\":[}",
                                       "{\"a\":[]",
                                       "#1",
                                       "\x01",
                                       std::string("[1\0]", 4),
                                       std::string("1\0", 2),
                                       "[\xff]",
                                       "\"a\"b",
                                       "\"a\" \"b\"",
                                       "{}{}",
                                       "[][]",
                                       "[]{}",
                                       "null null"};
  for (const std::string& text : texts)
    EXPECT_EQ(read(text), "bad_json") << text;
}

TEST(JsonReader, SaysWhereItIsWrong) {
  const auto why = [](std::string_view text) { return read_json(text).error().message; };
  EXPECT_NE(why("{\"a\":1,\n\"b\":}").find("line 2, column 5"), std::string::npos)
      << why("{\"a\":1,\n\"b\":}");
  EXPECT_NE(why("[1,\n2,\n x]").find("line 3, column 2"), std::string::npos) << why("[1,\n2,\n x]");
  EXPECT_NE(why("").find("line 1"), std::string::npos) << why("");
  EXPECT_NE(why("\"\xff\"").find("line 1"), std::string::npos) << why("\"\xff\"");
}

TEST(JsonReader, HasLimits) {
  EXPECT_EQ(read(std::string(100'000, '[')), "too_deep");
  EXPECT_EQ(read(std::string(65, '[') + std::string(65, ']')), "too_deep");
  std::string deep;
  for (int i = 0; i < 200; ++i)
    deep += "{\"a\":";
  EXPECT_EQ(read(deep + "1" + std::string(200, '}')), "too_deep");
  std::string wide = "[";
  for (int i = 0; i < 20'000; ++i)
    wide += "{},";
  EXPECT_EQ(read(wide + "{}]"), "too_many_leaves");
  EXPECT_EQ(read(std::string(k_document_text_max_bytes + 1, ' ')), "value_too_long");
}

TEST(JsonNumbers, AreToldFromOthers) {
  for (const char* number : {"0", "-0", "1", "-12.50", "1e5", "1E+5", "1.5e-5", "100"})
    EXPECT_TRUE(is_json_number(number)) << number;
  for (const char* none : {"", "-", "01", "+1", "1.", ".1", "1e", "1e+", "0x1", " 1", "1 ", "nan"})
    EXPECT_FALSE(is_json_number(none)) << none;
}

TEST(JsonNumbers, AreEqualByWhatTheyAre) {
  EXPECT_TRUE(equal_numbers("1", "1"));
  EXPECT_TRUE(equal_numbers("1", "1.0"));
  EXPECT_TRUE(equal_numbers("-0", "0"));
  EXPECT_TRUE(equal_numbers("1e3", "1000"));
  EXPECT_FALSE(equal_numbers("9007199254740993", "9007199254740992"));
  EXPECT_FALSE(equal_numbers("1", "-1"));
}

TEST(JsonText, IsEscapedAndBack) {
  for (const std::string& raw :
       {std::string("plain"), std::string("a\"b\\c\nd\x01"), std::string("\0", 1),
        std::string("eight by eight and a quote behind it\""), std::string("\x7f\xc3\xa9"),
        std::string("1234567\""), std::string("12345678\""), std::string(50, '\\')}) {
    std::string escaped;
    append_escaped(escaped, raw);
    EXPECT_EQ(unescaped_json(escaped), raw);
    EXPECT_EQ(needs_escape(raw), escaped != raw);
  }
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 12; ++at) {
      std::string raw(12, 'x');
      raw[at] = static_cast<char>(c);
      EXPECT_EQ(needs_escape(raw), c < 0x20 || c == '"' || c == '\\') << c << " at " << at;
    }
  }
}

}  // namespace
}  // namespace ullage::document
