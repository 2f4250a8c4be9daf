#include "observe/addr2line.h"

#include "base/failure.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(Addr2line, IsReadWithItsInlinedLines) {
  const std::string text =
      "0x0000000000001139\n_ZN1a3getEv\n/src/lib/../a.h:5 (discriminator 2)\nmain\n/src/m.c:17\n"
      "0x0000000000000000\n??\n??:0\n"
      "0x0000000000002222\nstart\n/src/s.c:?\n";
  const auto lines = parse_addr2line(text, 4);
  ASSERT_EQ(lines.size(), 4U);
  ASSERT_EQ(lines[0].size(), 2U);
  EXPECT_EQ(lines[0][0].function, "_ZN1a3getEv");
  EXPECT_EQ(lines[0][0].file, "/src/a.h");
  EXPECT_EQ(lines[0][0].line, 5);
  EXPECT_EQ(lines[0][1].function, "main");
  EXPECT_EQ(lines[0][1].line, 17);
  EXPECT_TRUE(lines[1].empty());
  EXPECT_TRUE(lines[2].empty());
  EXPECT_TRUE(lines[3].empty());
}

TEST(Addr2line, MoreThanWasAskedForIsLeftOut) {
  EXPECT_EQ(parse_addr2line("0x1\nf\n/f.c:1\n0x2\ng\n/g.c:1\n", 1).size(), 1U);
  EXPECT_EQ(parse_addr2line("nothing of the kind", 2).size(), 2U);
  EXPECT_TRUE(parse_addr2line("f\n/f.c:1\n", 1)[0].empty());
}

TEST(Addr2line, IsMissedWithAWordOfWhatToDo) {
  const Addr2line tool{.program = "/no/such/tool"};
  try {
    static_cast<void>(source_lines(tool, {.path = "/proc/self/exe", .build_id = ""},
                                   std::array{std::uint64_t{64}}));
    FAIL() << "it ran";
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("--addr2line"), std::string::npos) << failure.what();
  }
  EXPECT_TRUE(source_lines(tool, {.path = "/no/such/file", .build_id = "ab"}, {}).empty());
  EXPECT_TRUE(source_lines(tool, {.path = "[vdso]", .build_id = ""}, {}).empty());
}

}  // namespace
}  // namespace ullage::app
