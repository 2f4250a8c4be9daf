#include "document/pointer.h"

#include "document/documents_testing.h"

#include <string>
#include <vector>

namespace ullage::document {
namespace {

class Pointers : public DocumentsFixture {};

// RFC 6901, section 5.
TEST_F(Pointers, LeadWhereTheStandardSays) {
  const std::string json =
      R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})";
  put(json);
  EXPECT_EQ(get(""), json);
  EXPECT_EQ(get("/foo"), R"(["bar","baz"])");
  EXPECT_EQ(get("/foo/0"), "\"bar\"");
  EXPECT_EQ(get("/"), "0");
  EXPECT_EQ(get("/a~1b"), "1");
  EXPECT_EQ(get("/c%d"), "2");
  EXPECT_EQ(get("/e^f"), "3");
  EXPECT_EQ(get("/g|h"), "4");
  EXPECT_EQ(get("/i\\j"), "5");
  EXPECT_EQ(get("/k\"l"), "6");
  EXPECT_EQ(get("/ "), "7");
  EXPECT_EQ(get("/m~0n"), "8");
}

TEST_F(Pointers, AreEscapedAndBack) {
  for (const char* name : {"", "a", "~", "/", "~1", "~0", "/~/", "a/b~c", "~01"}) {
    std::string pointer;
    append_token(pointer, name);
    EXPECT_FALSE(check_pointer(pointer)) << name;
    EXPECT_EQ(unescaped(Tokens(pointer).next()), name);
    EXPECT_EQ(unescaped(split_last(pointer).token), name);
  }
}

TEST_F(Pointers, AreTakenApart) {
  const auto steps = [](std::string_view pointer) {
    std::vector<std::string> all;
    for (Tokens tokens(pointer); !tokens.empty();)
      all.emplace_back(tokens.next());
    return all;
  };
  EXPECT_EQ(steps(""), std::vector<std::string>{});
  EXPECT_EQ(steps("/"), std::vector<std::string>{""});
  EXPECT_EQ(steps("//a/"), (std::vector<std::string>{"", "a", ""}));
  EXPECT_EQ(split_last("/a/b").parent, "/a");
  EXPECT_EQ(split_last("/a").parent, "");
  EXPECT_TRUE(is_within("/a/b", "/a"));
  EXPECT_TRUE(is_within("/a", "/a"));
  EXPECT_TRUE(is_within("/a", ""));
  EXPECT_FALSE(is_within("/ab", "/a"));
  EXPECT_FALSE(is_within("/a", "/a/b"));
}

TEST_F(Pointers, HaveIndexesWithoutLeadingZeros) {
  EXPECT_EQ(index_of("0"), 0U);
  EXPECT_EQ(index_of("10"), 10U);
  EXPECT_EQ(index_of("16383"), 16'383U);
  for (const char* none : {"", "00", "01", "-", "-1", "1e0", "16384", "99999", "123456", " 1", "x"})
    EXPECT_EQ(index_of(none), std::nullopt) << none;
}

}  // namespace
}  // namespace ullage::document
