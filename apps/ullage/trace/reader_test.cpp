#include "trace/reader.h"

#include "base/failure.h"
#include "trace/trace_testing.h"

#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace ullage::app {
namespace {

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("g{},f{},{}\n", i % 97, i, i % 1000);
  return text;
}

int count_and_check(const std::string& path, bool decode_in_process) {
  ReaderOptions options;
  options.decode_in_process = decode_in_process;
  TraceReader reader(path, options);
  Request request;
  int count = 0;
  for (; reader.next(request); ++count) {
    if (request.field != fmt::format("f{}", count)) return -1;
  }
  EXPECT_NEAR(reader.progress(), 1.0, 1e-9);
  return count;
}

std::string failure_of(const std::string& path) {
  try {
    TraceReader reader(path, {});
    Request request;
    while (reader.next(request)) {
    }
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), k_exit_failure);
    return failure.what();
  }
  return "";
}

constexpr Compression k_kinds[] = {Compression::none, Compression::xz, Compression::gzip,
                                   Compression::zstd};

TEST(TraceReader, ReadsEveryCompressionInThisProcessAndInAChild) {
  const TestFolder folder;
  const std::string text = numbered_lines(50'000);
  for (const Compression kind : k_kinds) {
    const std::string path = folder.write("trace", compress(kind, text));
    EXPECT_EQ(count_and_check(path, true), 50'000) << static_cast<int>(kind);
    EXPECT_EQ(count_and_check(path, false), 50'000) << static_cast<int>(kind);
  }
}

TEST(TraceReader, ReadsCompressedPiecesInARowAsOneStream) {
  const TestFolder folder;
  for (const Compression kind : k_kinds) {
    const std::string path =
        folder.write("trace", compress(kind, "g,f0,1\ng,f1,1\n") + compress(kind, "g,f2,1\n"));
    EXPECT_EQ(count_and_check(path, true), 3) << static_cast<int>(kind);
  }
}

TEST(TraceReader, SaysThatCompressedDataEndsEarlyOrIsCorrupt) {
  const TestFolder folder;
  for (const Compression kind : {Compression::xz, Compression::gzip, Compression::zstd}) {
    const std::string packed = compress(kind, numbered_lines(50'000));
    EXPECT_NE(
        failure_of(folder.write("cut", packed.substr(0, packed.size() / 2))).find("ends early"),
        std::string::npos)
        << static_cast<int>(kind);
    std::string bent = packed;
    for (std::size_t at = bent.size() / 2; at < bent.size() / 2 + 40; ++at)
      bent[at] = static_cast<char>(bent[at] ^ 0x5a);
    EXPECT_NE(failure_of(folder.write("bent", bent)), "") << static_cast<int>(kind);
  }
}

TEST(TraceReader, AMalformedLineIsNamedByFileLineAndExcerpt) {
  const TestFolder folder;
  const std::string path = folder.write("bad.csv", "a,b,1\na,b,2\na,b\x1b[31m,x\n");
  EXPECT_EQ(failure_of(path), path + ":3: the size is not a number: \"a,b\\x1b[31m,x\"");
}

TEST(TraceReader, SkippedLinesAreCounted) {
  const TestFolder folder;
  ReaderOptions options;
  options.skip_bad = true;
  TraceReader reader(folder.write("bad.csv", "a,b,1\nbad\n\na,b,2\n"), options);
  Request request;
  int good = 0;
  while (reader.next(request))
    ++good;
  EXPECT_EQ(good, 2);
  EXPECT_EQ(reader.skipped(), 2u);
}

TEST(TraceReader, SaysWhyAFileCannotBeOpened) {
  const TestFolder folder;
  EXPECT_NE(failure_of((folder.path() / "none").string()).find("No such file"), std::string::npos);
  EXPECT_NE(failure_of(folder.path().string()).find("directory"), std::string::npos);
  EXPECT_EQ(failure_of(folder.write("empty", "")), "");  // no requests are no error
}

TEST(TraceReader, MayBeLeftBeforeTheEnd) {
  const TestFolder folder;
  const std::string path =
      folder.write("trace.xz", compress(Compression::xz, numbered_lines(200'000)));
  TraceReader reader(path, {});
  Request request;
  EXPECT_TRUE(
      reader.next(request));  // its child is ended by the destructor, in the middle of a write
}

}  // namespace
}  // namespace ullage::app
