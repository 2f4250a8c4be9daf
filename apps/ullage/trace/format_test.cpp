#include "trace/format.h"

#include "base/failure.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::app {
namespace {

// Gives out a few bytes at a time, so that every boundary falls somewhere inside a record.
class TrickleSource final : public ByteSource {
 public:
  explicit TrickleSource(std::string bytes, std::size_t step = 7)
      : bytes_(std::move(bytes)), step_(step) {}
  std::size_t read(char* to, std::size_t size) override {
    const std::size_t got = std::min({size, step_, bytes_.size() - at_});
    std::memcpy(to, bytes_.data() + at_, got);
    at_ += got;
    return got;
  }
  [[nodiscard]] std::uint64_t consumed() const override { return at_; }

 private:
  const std::string bytes_;
  const std::size_t step_;
  std::size_t at_ = 0;
};

struct Read {
  std::string group;
  std::string field;
  std::uint64_t size;
};

std::vector<Read> read_all(TraceFormat format, const std::string& bytes,
                           std::vector<std::string>* errors = nullptr) {
  InputBuffer input(std::make_unique<TrickleSource>(bytes));
  const auto parser = make_parser(format, {});
  std::vector<Read> reads;
  Request request;
  for (;;) {
    try {
      if (!parser->next(input, request)) return reads;
      reads.push_back({std::string(request.group), std::string(request.field), request.size});
    } catch (const MalformedRecord& bad) {
      if (errors == nullptr) throw;
      errors->emplace_back(bad.what());
    }
  }
}

TEST(CsvFormat, ReadsGroupFieldAndSizeWithEitherLineEnd) {
  const auto reads = read_all(TraceFormat::csv, "group,field,size\nt30:0,1,0\r\nuser 1,,17\n,x,99");
  ASSERT_EQ(reads.size(), 3u);
  EXPECT_EQ(reads[0].group, "t30:0");
  EXPECT_EQ(reads[0].field, "1");
  EXPECT_EQ(reads[1].field, "");
  EXPECT_EQ(reads[1].size, 17u);
  EXPECT_EQ(reads[2].group, "");
  EXPECT_EQ(reads[2].size, 99u);
}

TEST(CsvFormat, NamesWhatIsWrongAndGoesOn) {
  std::vector<std::string> errors;
  const auto reads =
      read_all(TraceFormat::csv,
               "a,b\na,b,c,d\na,b,-1\na,b,1x\na,b,99999999999999999999\n\na,b,\n" +
                   std::string(1025, 'g') + ",f,1\n" + std::string(200'000, 'y') + "\ngood,one,1\n",
               &errors);
  ASSERT_EQ(errors.size(), 9u);
  EXPECT_EQ(errors[0], "expected group,field,size but found 2 column(s)");
  EXPECT_EQ(errors[1], "expected group,field,size but found 4 column(s)");
  EXPECT_EQ(errors[2], "the size is not a number");
  EXPECT_EQ(errors[3], "the size is not a number");
  EXPECT_EQ(errors[4], "the size is above 1099511627776");
  EXPECT_EQ(errors[5], "an empty line");
  EXPECT_EQ(errors[6], "the size is not a number");
  EXPECT_EQ(errors[7], "the group has 1025 bytes, at most 1024 are allowed");
  EXPECT_EQ(errors[8], "a line has at most 65536 bytes");
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].group, "good");
}

TEST(TwitterFormat, ReadsOperationsTimesAndKeysWithCommas) {
  InputBuffer input(std::make_unique<TrickleSource>(
      "7,a:b,c:d,7,120,9,get,0\n8,plain,5,0,9,set,3600\n9,x:y,3,1,2,delete,0\n"));
  const auto parser = make_twitter_parser({});
  Request request;
  ASSERT_TRUE(parser->next(input, request));
  EXPECT_EQ(request.group, "a:b,c");
  EXPECT_EQ(request.field, "d");
  EXPECT_EQ(request.size, 120u);
  EXPECT_EQ(request.time_ms, 7000);
  EXPECT_EQ(request.operation, Operation::read);
  ASSERT_TRUE(parser->next(input, request));
  EXPECT_EQ(request.group, "plain");
  EXPECT_EQ(request.field, "");
  EXPECT_EQ(request.ttl_ms, 3'600'000u);
  EXPECT_EQ(request.operation, Operation::write);
  ASSERT_TRUE(parser->next(input, request));
  EXPECT_EQ(request.operation, Operation::erase);
  EXPECT_FALSE(parser->next(input, request));
}

TEST(TwitterFormat, RefusesUnknownOperationsAndMissingColumns) {
  std::vector<std::string> errors;
  read_all(TraceFormat::twitter, "1,k,1,2,3,frob,0\n1,k,1,2\n1,2,3,get,0\nx,k,1,2,3,get,0\n",
           &errors);
  ASSERT_EQ(errors.size(), 4u);
  EXPECT_NE(errors[0].find("operation"), std::string::npos);
  EXPECT_NE(errors[1].find("expected timestamp"), std::string::npos);
  EXPECT_NE(errors[3].find("timestamp"), std::string::npos);
}

std::string oracle_record(std::uint32_t clock, std::uint64_t object, std::uint32_t size,
                          std::int64_t next) {
  std::string record(24, '\0');
  std::memcpy(record.data(), &clock, 4);
  std::memcpy(record.data() + 4, &object, 8);
  std::memcpy(record.data() + 12, &size, 4);
  std::memcpy(record.data() + 16, &next, 8);
  return record;
}

TEST(OracleGeneralFormat, ReadsPackedRecords) {
  std::vector<std::string> errors;
  const auto reads =
      read_all(TraceFormat::oracle_general,
               oracle_record(1, 35, 4096, 2) + oracle_record(2, ~std::uint64_t{0}, 1, -1) +
                   oracle_record(3, 1, 1, -7) + "short",
               &errors);
  ASSERT_EQ(reads.size(), 2u);
  EXPECT_EQ(reads[0].group, "2");
  EXPECT_EQ(reads[0].field, "3");
  EXPECT_EQ(reads[0].size, 4096u);
  EXPECT_EQ(reads[1].group, "1152921504606846975");
  EXPECT_EQ(reads[1].field, "15");
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1], "the last record has 5 of 24 bytes");
}

TEST(KeysFormat, SplitsAtTheLastSeparator) {
  const auto reads = read_all(TraceFormat::keys, "user:42:theme\nplain\n:\n");
  ASSERT_EQ(reads.size(), 3u);
  EXPECT_EQ(reads[0].group, "user:42");
  EXPECT_EQ(reads[0].field, "theme");
  EXPECT_EQ(reads[1].group, "plain");
  EXPECT_EQ(reads[1].field, "");
  EXPECT_EQ(reads[2].group, "");
}

TEST(DetectFormat, GoesByContentAndName) {
  EXPECT_EQ(detect_format("x", "t30:0,1,0\n"), TraceFormat::csv);
  EXPECT_EQ(detect_format("x", "a,b\n"), TraceFormat::csv);  // damaged, and csv says how
  EXPECT_EQ(detect_format("x", "0,key:1,5,10,1,get,0\n"), TraceFormat::twitter);
  EXPECT_EQ(detect_format("x", "user:1:a\n"), TraceFormat::keys);
  EXPECT_EQ(detect_format("x", oracle_record(1, 2, 3, 4)), TraceFormat::oracle_general);
  EXPECT_EQ(detect_format("w.oracleGeneral.zst", "AAAA"), TraceFormat::oracle_general);
  EXPECT_FALSE(parse_format("auto"));
  EXPECT_EQ(parse_format("twitter"), TraceFormat::twitter);
  EXPECT_THROW(parse_format("parquet"), Failure);
}

}  // namespace
}  // namespace ullage::app
