// Replies, byte by byte, in both protocols.
#include "resp/reply.h"

#include "resp/string_output_testing.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::resp {
namespace {

std::string written(Protocol protocol, const std::function<void(Reply&)>& write) {
  StringOutput out;
  Reply reply(out, protocol);
  write(reply);
  EXPECT_FALSE(out.failed());
  return std::string(out.view());
}

TEST(Reply, WritesEachTypeAsEitherProtocolHasIt) {
  const struct {
    const char* what;
    std::function<void(Reply&)> write;
    std::string resp2;
    std::string resp3;
  } cases[] = {
      {"simple", [](Reply& r) { r.simple("PONG"); }, "+PONG\r\n", "+PONG\r\n"},
      {"ok", [](Reply& r) { r.ok(); }, "+OK\r\n", "+OK\r\n"},
      {"error", [](Reply& r) { r.error("ERR a\r\nb"); }, "-ERR a  b\r\n", "-ERR a  b\r\n"},
      {"integer", [](Reply& r) { r.integer(-42); }, ":-42\r\n", ":-42\r\n"},
      {"digit", [](Reply& r) { r.integer(7); }, ":7\r\n", ":7\r\n"},
      {"bulk", [](Reply& r) { r.bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
      {"empty", [](Reply& r) { r.bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {"null", [](Reply& r) { r.null(); }, "$-1\r\n", "_\r\n"},
      {"null array", [](Reply& r) { r.null_array(); }, "*-1\r\n", "_\r\n"},
      {"boolean", [](Reply& r) { r.boolean(true); }, ":1\r\n", "#t\r\n"},
      {"real", [](Reply& r) { r.real(3.1); }, "$3\r\n3.1\r\n", ",3.1\r\n"},
      {"infinite", [](Reply& r) { r.real(-std::numeric_limits<double>::infinity()); },
       "$4\r\n-inf\r\n", ",-inf\r\n"},
      {"verbatim", [](Reply& r) { r.verbatim("txt", "hi"); }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
      {"array", [](Reply& r) { r.array(12); }, "*12\r\n", "*12\r\n"},
      {"map", [](Reply& r) { r.map(2); }, "*4\r\n", "%2\r\n"},
      {"set", [](Reply& r) { r.set(2); }, "*2\r\n", "~2\r\n"},
      {"push", [](Reply& r) { r.push(2); }, "*2\r\n", ">2\r\n"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(written(Protocol::resp2, c.write), c.resp2) << c.what;
    EXPECT_EQ(written(Protocol::resp3, c.write), c.resp3) << c.what;
  }
}

TEST(Reply, IntegersOfEveryLength) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{9}, std::int64_t{10}, std::int64_t{-1},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(written(Protocol::resp2, [&](Reply& r) { r.integer(value); }),
              ":" + std::to_string(value) + "\r\n");
    EXPECT_EQ(parse_integer(std::to_string(value)), value);
  }
}

TEST(Reply, AHeadMayComeAfterItsElements) {
  for (const std::size_t count : {0U, 3U, 1000U}) {
    std::string want = "+before\r\n*" + std::to_string(count) + "\r\n";
    const std::string got = written(Protocol::resp2, [&](Reply& r) {
      r.simple("before");
      const std::size_t place = r.later();
      for (std::size_t i = 0; i < count; ++i)
        r.integer(static_cast<std::int64_t>(i));
      r.array_at(place, count);
    });
    for (std::size_t i = 0; i < count; ++i)
      want += ":" + std::to_string(i) + "\r\n";
    EXPECT_EQ(got, want);
  }
}

TEST(Reply, ABulkStringMayComeBeforeWhatIsWritten) {
  EXPECT_EQ(written(Protocol::resp2,
                    [](Reply& r) {
                      r.array(3);
                      const std::size_t place = r.later();
                      r.integer(1);
                      r.bulk("last");
                      r.bulk_at(place, "a\r\nb");
                    }),
            "*3\r\n$4\r\na\r\nb\r\n:1\r\n$4\r\nlast\r\n");
  EXPECT_EQ(written(Protocol::resp3,
                    [](Reply& r) {
                      r.array(2);
                      const std::size_t place = r.later();
                      r.bulk("x");
                      r.array_at(place, 1);
                      r.bulk_at(place, "");  // before the head that was put there
                    }),
            "*2\r\n$0\r\n\r\n*1\r\n$1\r\nx\r\n");
  StringOutput out(32);
  Reply reply(out);
  reply.integer(1);
  reply.bulk(std::string(100, 'x'));
  ASSERT_TRUE(out.failed());
  const std::string before(out.view());
  reply.bulk_at(0, "y");
  EXPECT_EQ(out.view(), before) << "nothing comes into a reply that has failed";
}

TEST(Reply, AGuessedCountIsCorrectedIfItWasWrong) {
  for (const std::size_t guessed : {0U, 3U, 9U, 10U, 12345U}) {
    for (const std::size_t count : {0U, 1U, 3U, 10U}) {
      for (const Protocol protocol : {Protocol::resp2, Protocol::resp3}) {
        std::string want = protocol == Protocol::resp3
                               ? "+first\r\n%" + std::to_string(count) + "\r\n"
                               : "+first\r\n*" + std::to_string(2 * count) + "\r\n";
        for (std::size_t i = 0; i < count; ++i)
          want += "$1\r\nf\r\n$1\r\nv\r\n";
        EXPECT_EQ(written(protocol,
                          [&](Reply& r) {
                            r.simple("first");
                            const Reply::Guess head = r.guess_map(guessed);
                            for (std::size_t i = 0; i < count; ++i) {
                              r.bulk("f");
                              r.bulk("v");
                            }
                            r.correct(head, count);
                          }),
                  want);
      }
      EXPECT_EQ(written(Protocol::resp3,
                        [&](Reply& r) {
                          const Reply::Guess head = r.guess_array(guessed);
                          r.correct(head, count);
                        }),
                "*" + std::to_string(count) + "\r\n");
    }
  }
}

TEST(Reply, BulkStringsOfEveryLength) {
  for (std::size_t length = 0; length < 1100; ++length) {
    const std::string text(length, 'x');
    const std::string want = "$" + std::to_string(length) + "\r\n" + text + "\r\n";
    ASSERT_EQ(written(Protocol::resp2, [&](Reply& r) { r.bulk(text); }), want);
  }
}

TEST(Reply, WhatDoesNotFitFailsAsAWhole) {
  StringOutput out(64);
  Reply reply(out);
  reply.simple("fits");
  const std::size_t kept = out.size();
  reply.bulk(std::string(100, 'x'));
  reply.simple("lost");
  EXPECT_TRUE(out.failed());
  out.truncate(kept);
  reply.error("ERR too long");
  EXPECT_EQ(out.view(), "+fits\r\n-ERR too long\r\n");
}

TEST(Number, OneFormForEachInteger) {
  for (const std::string_view bad :
       {"", "-", "+1", "01", "-0", "00", " 1", "1 ", "1.0", "9223372036854775808", "0x1",
        "-9223372036854775809", "123456789012345678901"})
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-7"), -7);
}

}  // namespace
}  // namespace ullage::resp
