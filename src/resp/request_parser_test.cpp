// The request parser: what it takes, what it refuses and with which words, and that it does not
// matter into which pieces the bytes are cut.
#include "resp/request_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::resp {
namespace {

using Request = std::vector<std::string>;

struct Heard {
  std::vector<Request> requests;
  std::string error;
  std::size_t left = 0;  ///< bytes of a request that is not whole
  friend bool operator==(const Heard&, const Heard&) = default;
};

/// Feeds the bytes in pieces: `pieces(i)` says how long the i-th is.
template <class Pieces>
Heard hear(std::string_view bytes, const RequestParser::Limits& limits, Pieces pieces) {
  RequestParser parser;
  Heard heard;
  std::string buffer;
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t n = std::min(bytes.size(), pieces(i));
    buffer.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    for (;;) {
      RequestBatch batch;
      const auto outcome = parser.next(buffer, limits, batch);
      for (std::size_t r = 0; r < batch.size(); ++r) {
        Request& request = heard.requests.emplace_back();
        for (std::size_t a = 0; a < batch[r].size(); ++a)
          request.emplace_back(batch[r][a]);
      }
      if (outcome.status == RequestParser::Status::malformed) {
        heard.error = parser.error();
        return heard;
      }
      if (outcome.status == RequestParser::Status::incomplete) break;
      buffer.erase(0, outcome.consumed);
    }
  }
  heard.left = buffer.size();
  return heard;
}
Heard hear(std::string_view bytes, const RequestParser::Limits& limits = {}) {
  return hear(bytes, limits, [&](std::size_t) { return bytes.size(); });
}

TEST(RequestParser, TakesArraysOfBulkStrings) {
  EXPECT_EQ(hear("*1\r\n$4\r\nPING\r\n").requests, (std::vector<Request>{{"PING"}}));
  using namespace std::string_view_literals;
  EXPECT_EQ(hear("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\nb\0\r\n"sv).requests,
            (std::vector<Request>{{"SET", "", std::string("a\r\nb\0", 5)}}));
}

TEST(RequestParser, TakesAPipeline) {
  const Heard heard = hear("*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\nPING\r\n*1\r\n$1\r\nd");
  EXPECT_EQ(heard.requests, (std::vector<Request>{{"a"}, {"b", "c"}, {"PING"}}));
  EXPECT_EQ(heard.left, std::string_view("*1\r\n$1\r\nd").size());
}

TEST(RequestParser, ManyRequestsShareABatch) {
  RequestParser parser;
  RequestBatch batch;
  const std::string bytes = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING \"a b\"\r\n*1\r\n$4\r\nQUIT\r\n";
  std::string_view left = bytes;
  while (!left.empty()) {
    const auto outcome = parser.next(left, {}, batch);
    ASSERT_EQ(outcome.status, RequestParser::Status::parsed);
    left.remove_prefix(outcome.consumed);
  }
  ASSERT_EQ(batch.size(), 3U);
  EXPECT_EQ(batch[0][1], "k");
  EXPECT_EQ(batch[1][1], "a b");
  EXPECT_EQ(batch[2].size(), 1U);
  EXPECT_EQ(batch[0].from(1).size(), 1U);
  const OwnedRequest kept(batch[1]);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(kept.args()[0], "PING");
  EXPECT_EQ(kept.args()[1], "a b");
}

TEST(RequestParser, EmptyRequestsAreNone) {
  EXPECT_EQ(hear("*0\r\n*-1\r\n\r\n\n  \r\n*1\r\n$1\r\na\r\n").requests,
            (std::vector<Request>{{"a"}}));
}

TEST(RequestParser, TakesInlineLines) {
  EXPECT_EQ(hear("set  k\tv\n").requests, (std::vector<Request>{{"set", "k", "v"}}));
  EXPECT_EQ(hear("a \"b c\" 'd e' \"\\x41\\n\\\"\" 'it\\'s' \"\"\r\n").requests,
            (std::vector<Request>{{"a", "b c", "d e", "A\n\"", "it's", ""}}));
}

TEST(RequestParser, RefusesWithTheWordsOfRedis) {
  const struct {
    std::string bytes;
    std::string error;
  } cases[] = {
      {"*x\r\n", "invalid multibulk length"},
      {"*1 \r\n", "invalid multibulk length"},
      {"*01\r\n", "invalid multibulk length"},
      {"*99999999999\r\n", "invalid multibulk length"},
      {"*1\r\nPING\r\n", "expected '$', got 'P'"},
      {"*1\r\n\x01\r\n", "expected '$', got '?'"},
      {"*1\r\n$x\r\n", "invalid bulk length"},
      {"*1\r\n$-1\r\n", "invalid bulk length"},
      {"*1\r\n$+1\r\n", "invalid bulk length"},
      {"a \"b\r\n", "unbalanced quotes in request"},
      {"a \"b\"c\r\n", "unbalanced quotes in request"},
      {"*" + std::string(k_line_max_bytes + 1, '1'), "too big mbulk count string"},
      {"*1\r\n$" + std::string(k_line_max_bytes + 1, '1'), "too big bulk count string"},
      {std::string(k_line_max_bytes + 1, 'a'), "too big inline request"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(hear(c.bytes).error, "Protocol error: " + c.error) << c.bytes.substr(0, 20);
}

TEST(RequestParser, NamesTheLimitOfWhatIsTooLarge) {
  RequestParser::Limits limits;
  limits.bulk_max_bytes = 100;
  limits.args_max = 5;
  limits.request_max_bytes = 150;
  EXPECT_EQ(hear("*1\r\n$536870912\r\n", limits).error,
            "Protocol error: invalid bulk length: 536870912 bytes, at most 100");
  EXPECT_EQ(hear("*6\r\n", limits).error,
            "Protocol error: invalid multibulk length: 6 arguments, at most 5");
  EXPECT_EQ(hear("*2\r\n$90\r\n" + std::string(90, 'a') + "\r\n$90\r\n", limits).error,
            "Protocol error: request of more than 150 bytes");
  limits.stranger = true;
  limits.bulk_max_bytes = 1 << 20;
  limits.args_max = 100;
  EXPECT_EQ(hear("*11\r\n", limits).error, "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(hear("*1\r\n$16385\r\n", limits).error, "Protocol error: unauthenticated bulk length");
}

std::string mixture() {
  using namespace std::string_view_literals;
  std::string bytes;
  bytes += "*3\r\n$4\r\nHSET\r\n$0\r\n\r\n$11\r\nval\r\nue\0$*\"\r\n"sv;
  bytes += "PING 'a b'\r\n\r\n*0\r\n*1\r\n$4\r\nPING\r\nset k \"v\\r\\n\"\n";
  bytes += "*2\r\n$3\r\nGET\r\n$20\r\n" + std::string(20, '\r') + "\r\n";
  return bytes;
}

TEST(RequestParser, CutAtEveryByteHearsTheSame) {
  const std::string bytes = mixture();
  const Heard whole = hear(bytes);
  EXPECT_EQ(whole.requests.size(), 5U);
  EXPECT_EQ(whole.left, 0U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const Heard heard = hear(bytes, {}, [&](std::size_t i) { return i == 0 ? cut : bytes.size(); });
    ASSERT_EQ(heard, whole) << "cut at " << cut;
  }
  EXPECT_EQ(hear(bytes, {}, [](std::size_t) { return std::size_t{1}; }), whole);
  EXPECT_EQ(hear(bytes, {}, [](std::size_t i) { return 1 + i % 7; }), whole);
}

TEST(RequestParser, ErrorsDoNotDependOnTheCutEither) {
  for (const std::string_view bytes : {"*2\r\n$1\r\na\r\nb\r\n", "*1\r\n$-5\r\n", "*1x\r\n"}) {
    const Heard whole = hear(bytes);
    EXPECT_FALSE(whole.error.empty());
    EXPECT_EQ(hear(bytes, {}, [](std::size_t) { return std::size_t{1}; }), whole) << bytes;
  }
}

TEST(RequestParser, AnAnnouncedLengthHoldsNothing) {
  RequestParser parser;
  RequestBatch batch;
  RequestParser::Limits limits;
  limits.bulk_max_bytes = std::size_t{1} << 29;
  const auto outcome = parser.next("*1\r\n$536870912\r\nab", limits, batch);
  EXPECT_EQ(outcome.status, RequestParser::Status::incomplete);
  EXPECT_GE(parser.announced_bytes(), std::size_t{536870912});
  EXPECT_TRUE(batch.empty());
}

TEST(RequestParser, ALongRequestInSmallPiecesIsReadOnce) {
  // Each argument is looked at once, however many calls it takes: what is left over between calls
  // goes on by offset. Counted in the slices that a call adds to a batch: only the last one does.
  constexpr std::size_t k_args = 2000;
  std::string bytes = "*" + std::to_string(k_args) + "\r\n";
  for (std::size_t i = 0; i < k_args; ++i)
    bytes += "$1\r\nx\r\n";
  RequestParser parser;
  RequestBatch batch;
  for (std::size_t n = 1; n < bytes.size(); ++n) {
    const auto outcome = parser.next(std::string_view(bytes).substr(0, n), {}, batch);
    ASSERT_EQ(outcome.status, RequestParser::Status::incomplete) << n;
    ASSERT_TRUE(batch.empty());
  }
  const auto outcome = parser.next(bytes, {}, batch);
  EXPECT_EQ(outcome.status, RequestParser::Status::parsed);
  EXPECT_EQ(outcome.consumed, bytes.size());
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].size(), k_args);
}

}  // namespace
}  // namespace ullage::resp
