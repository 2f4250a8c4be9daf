#include "trace/find.h"

#include "base/failure.h"
#include "trace/trace_testing.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

TEST(FindTrace, TakesPathsAndNamesWithKnownEndings) {
  const TestFolder first;
  const TestFolder second;
  (void)second.write("busy.csv.xz", "");
  (void)second.write("other.csv", "");
  const std::string path = first.write("direct", "");
  const std::vector<std::filesystem::path> folders = {first.path(), second.path()};
  EXPECT_EQ(find_trace(path, folders), path);
  EXPECT_EQ(find_trace("busy", folders), second.path() / "busy.csv.xz");
  EXPECT_EQ(find_trace("other", folders), second.path() / "other.csv");
  EXPECT_FALSE(find_trace("third", folders));
  EXPECT_FALSE(find_trace("../busy", folders));  // a path is not looked for elsewhere
  (void)first.write("busy.csv", "");
  EXPECT_EQ(find_trace("busy", folders), first.path() / "busy.csv");
}

TEST(FindTrace, TheFailureListsWhereItLooked) {
  const TestFolder folder;
  ::setenv("ULLAGE_TRACES", folder.path().c_str(), 1);
  try {
    (void)require_trace("no-such-trace");
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find(folder.path().string()), std::string::npos)
        << failure.what();
    EXPECT_NE(std::string(failure.what()).find("\"no-such-trace\""), std::string::npos)
        << failure.what();
  }
  ::unsetenv("ULLAGE_TRACES");
}

}  // namespace
}  // namespace ullage::app
