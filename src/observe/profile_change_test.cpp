#include <ullage/observe/profile_change.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

ParsedProfile example() {
  ParsedProfile profile;
  profile.types = {{"objects", "count"}, {"space", "bytes"}};
  profile.default_type = 1;
  profile.functions = {"main", "leak", "loop"};
  profile.samples = {{.frames = {1, 0}, .values = {3, 3000}},
                     {.frames = {2, 2, 0}, .values = {1, 1024}},
                     {.frames = {0}, .values = {1, 8}}};
  profile.time_ns = 5'000;
  return profile;
}

std::map<std::string, std::vector<std::int64_t>> by_stack(const ParsedProfile& profile) {
  std::map<std::string, std::vector<std::int64_t>> all;
  for (const auto& sample : profile.samples) {
    std::string stack;
    for (const std::uint32_t frame : sample.frames)
      stack += profile.functions[frame] + ";";
    EXPECT_TRUE(all.emplace(stack, sample.values).second) << stack << " is there twice";
  }
  return all;
}

TEST(ProfileChange, IsWhatCameAndWhatWent) {
  ParsedProfile before = example();
  before.time_ns = 2'000;
  before.functions = {"loop", "main", "gone"};  // and in another order
  before.samples = {{.frames = {0, 0, 1}, .values = {1, 1024}},
                    {.frames = {2, 1}, .values = {7, 70}},
                    {.frames = {1}, .values = {1, 5}}};
  const auto changed = difference(example(), before);
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(by_stack(*changed), (std::map<std::string, std::vector<std::int64_t>>{
                                    {"leak;main;", {3, 3000}},
                                    {"gone;main;", {-7, -70}},
                                    {"main;", {0, 3}},
                                }));
  EXPECT_EQ(changed->duration_ns, 3'000);
  EXPECT_TRUE(difference(example(), example())->samples.empty());
}

TEST(ProfileChange, OfOneKindAlone) {
  ParsedProfile other = example();
  other.types[0].type = "samples";
  const auto changed = difference(example(), other);
  ASSERT_FALSE(changed.has_value());
  EXPECT_EQ(changed.error().code, Errc::invalid_argument);
}

TEST(ProfileChange, StaysInItsRange) {
  constexpr std::int64_t k_least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();
  ParsedProfile now = example();
  ParsedProfile before = example();
  now.samples = {{.frames = {0}, .values = {k_most, k_least}}};
  before.samples = {{.frames = {0}, .values = {k_least, k_most}}};
  EXPECT_EQ(difference(now, before)->samples[0].values, (std::vector{k_most, k_least}));
}

TEST(ProfileChange, IsWrittenAsItIsRead) {
  ParsedProfile profile = example();
  profile.comments = {"since noon"};
  const auto read = parse_profile(encode_gzipped(profile));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(by_stack(*read), by_stack(profile));
  EXPECT_EQ(read->comments, profile.comments);
  EXPECT_EQ(read->types[read->default_type].type, "space");
  EXPECT_EQ(read->time_ns, 5'000);
}

}  // namespace
}  // namespace ullage::observe
