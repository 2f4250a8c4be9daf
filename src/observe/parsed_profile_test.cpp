#include <ullage/observe/parsed_profile.h>

#include "observe/profile.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

std::string example(bool gzipped) {
  constexpr std::array<Profile::ValueType, 2> k_types{{{"objects", "count"}, {"space", "bytes"}}};
  Profile profile(k_types);
  const auto leaf = profile.name("leaf");
  const auto root = profile.name("root");
  const auto mapping = profile.add_mapping({.start = 1, .limit = 9, .file = "f", .build_id = "b"});
  const auto unnamed = profile.address(5, mapping, "");
  profile.add_sample(std::array{leaf, root}, std::array<std::int64_t, 2>{1, 300});
  profile.add_sample(std::array{unnamed, root}, std::array<std::int64_t, 2>{-2, 5'000'000'000});
  profile.set_time(1234, 77);
  profile.set_period({"space", "bytes"}, 99);
  profile.set_default_type("objects");
  profile.add_comment("a comment");
  return gzipped ? profile.encode_gzipped() : profile.encode();
}

TEST(ParsedProfile, IsWhatWasWritten) {
  for (const bool gzipped : {false, true}) {
    const auto parsed = parse_profile(example(gzipped));
    ASSERT_TRUE(parsed);
    const ParsedProfile& profile = parsed.value();
    ASSERT_EQ(profile.types.size(), 2U);
    EXPECT_EQ(profile.types[1].type, "space");
    EXPECT_EQ(profile.types[1].unit, "bytes");
    EXPECT_EQ(profile.default_type, 0U);
    ASSERT_EQ(profile.samples.size(), 2U);
    const auto name = [&](std::size_t sample, std::size_t frame) {
      return profile.functions.at(profile.samples[sample].frames.at(frame));
    };
    EXPECT_EQ(name(0, 0), "leaf");
    EXPECT_EQ(name(0, 1), "root");
    EXPECT_EQ(name(1, 0), "?");
    EXPECT_EQ(profile.samples[1].values, (std::vector<std::int64_t>{-2, 5'000'000'000}));
    EXPECT_EQ(profile.comments, std::vector<std::string>{"a comment"});
    EXPECT_EQ(profile.time_ns, 1234);
    EXPECT_EQ(profile.duration_ns, 77);
    EXPECT_EQ(profile.period, 99);
  }
}

TEST(ParsedProfile, LittleThatSaysMuchIsRefused) {
  // One text of a megabyte, which is the name of a thousand functions, and as many comments.
  for (const bool is_comment : {false, true}) {
    ProtoWriter profile;
    ProtoWriter type;
    type.number(1, std::uint64_t{1});
    profile.message(1, type);
    profile.bytes(6, "");
    profile.bytes(6, std::string(1 << 20, 'x'));
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      if (is_comment) {
        profile.varint(13, 1);
        continue;
      }
      ProtoWriter function;
      function.number(1, i);
      function.number(2, std::uint64_t{1});
      profile.message(5, function);
      ProtoWriter line;
      line.number(1, i);
      ProtoWriter location;
      location.number(1, i);
      location.message(4, line);
      profile.message(4, location);
    }
    const auto refused = parse_profile(profile.text());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("more than can be read"), std::string::npos);
  }
}

TEST(ParsedProfile, CutAnywhereIsRefusedOrWithinBounds) {
  for (const bool gzipped : {false, true}) {
    const std::string whole = example(gzipped);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      const auto parsed = parse_profile(std::string_view(whole).substr(0, cut));
      EXPECT_TRUE(!gzipped || !parsed) << cut;
      if (!parsed) continue;
      for (const auto& sample : parsed.value().samples) {
        EXPECT_EQ(sample.values.size(), parsed.value().types.size());
        for (const auto frame : sample.frames)
          EXPECT_LT(frame, parsed.value().functions.size());
      }
    }
  }
}

TEST(ParsedProfile, OfSomethingElseIsRefused) {
  for (const std::string_view text : {"", "heap_v2/524288\n", "<html>", "\x1f\x8b", "\x0a\xff"})
    EXPECT_FALSE(parse_profile(text)) << text;
}

}  // namespace
}  // namespace ullage::observe
