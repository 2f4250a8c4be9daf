#include "observe/profile.h"

#include "observe/gzip.h"
#include "observe/read_profile_testing.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

constexpr std::array<Profile::ValueType, 2> k_types{{{"objects", "count"}, {"space", "bytes"}}};

TEST(Gzip, ReadsBack) {
  for (const std::size_t bytes : {0U, 1U, 1000U, 1'000'000U}) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i)
      text += static_cast<char>(i * i >> 7);
    EXPECT_EQ(gunzip(gzip(text)), text);
  }
}

TEST(Profile, SamplesReadBack) {
  Profile profile(k_types);
  const auto leaf = profile.name("leaf");
  const auto root = profile.name("root");
  EXPECT_EQ(profile.name("leaf"), leaf) << "what is alike is kept once";
  profile.add_sample(std::array{leaf, root}, std::array<std::int64_t, 2>{1, 300});
  profile.add_sample(std::array{root}, std::array<std::int64_t, 2>{2, 5'000'000'000},
                     std::vector<Profile::Label>{{.key = "size", .number = 64, .unit = "bytes"},
                                                 {.key = "thread", .text = "main"}});
  profile.set_time(1234, 0);
  profile.set_period({"space", "bytes"}, 524288);
  profile.set_default_type("space");
  profile.add_comment("a comment");
  const ReadProfile read(gunzip(profile.encode_gzipped()));
  EXPECT_EQ(read.types, (std::vector<std::string>{"objects/count", "space/bytes"}));
  ASSERT_EQ(read.samples.size(), 2U);
  EXPECT_EQ(read.samples[0].frames, (std::vector<std::string>{"leaf", "root"}));
  EXPECT_EQ(read.samples[0].values, (std::vector<std::int64_t>{1, 300}));
  EXPECT_EQ(read.samples[1].values, (std::vector<std::int64_t>{2, 5'000'000'000}));
  EXPECT_EQ(read.samples[1].labels,
            (std::map<std::string, std::string>{{"size", "64 bytes"}, {"thread", "main"}}));
  EXPECT_EQ(read.comments, std::vector<std::string>{"a comment"});
  EXPECT_EQ(read.default_type, "space");
  EXPECT_EQ(read.time_ns, 1234);
  EXPECT_EQ(read.period, 524288);
}

TEST(Profile, AddressesHaveAMappingAndMayHaveAName) {
  Profile profile(k_types);
  const auto mapping = profile.add_mapping({.start = 0x1000,
                                            .limit = 0x9000,
                                            .offset = 0x400,
                                            .file = "/usr/bin/x",
                                            .build_id = "abcdef",
                                            .has_functions = true});
  const auto named = profile.address(0x1234, mapping, "main");
  const auto bare = profile.address(0x1240, mapping, "");
  EXPECT_EQ(profile.address(0x1234, mapping, "main"), named);
  profile.add_sample(std::array{named, bare}, std::array<std::int64_t, 2>{1, 1});
  const std::string encoded = profile.encode();
  const ReadProfile read(encoded);
  EXPECT_EQ(read.samples[0].frames, (std::vector<std::string>{"main", "?"}));
  const ProtoMessage all(encoded);
  ASSERT_TRUE(all.is_whole());
  ASSERT_EQ(all.all(3).size(), 1U);
  const ProtoMessage told = all.all(3)[0].message();
  EXPECT_EQ(told.number(1), mapping);
  EXPECT_EQ(told.number(2), 0x1000U);
  EXPECT_EQ(told.number(3), 0x9000U);
  EXPECT_EQ(told.number(4), 0x400U);
  EXPECT_EQ(told.number(7), 1U);
  EXPECT_EQ(all.all(4)[0].message().number(2), mapping);
  EXPECT_EQ(all.all(4)[0].message().number(3), 0x1234U);
  EXPECT_EQ(all.all(6)[0].bytes, "") << "the first string is empty";
}

TEST(Profile, MoreMayComeAfterItWasEncoded) {
  Profile profile(k_types);
  const auto leaf = profile.name("leaf");
  profile.add_sample(std::array{leaf}, std::array<std::int64_t, 2>{1, 1});
  EXPECT_EQ(ReadProfile(profile.encode()).samples.size(), 1U);
  const Profile::LocationId other = profile.name("other");
  profile.add_sample(std::array{other}, std::array<std::int64_t, 2>{1, 1});
  Profile moved = std::move(profile);
  const auto third = moved.name("third");
  moved.add_sample(std::array{third}, std::array<std::int64_t, 2>{1, 1});
  const ReadProfile read(moved.encode());
  ASSERT_EQ(read.samples.size(), 3U);
  EXPECT_EQ(read.samples[2].frames, std::vector<std::string>{"third"});
}

}  // namespace
}  // namespace ullage::observe
