#include <ullage/observe/parsed_profile.h>
#include <ullage/observe/source_lines.h>

#include "observe/loaded_code.h"
#include "observe/profile.h"

#include <array>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

using Values = std::array<std::int64_t, 1>;

std::string example() {
  constexpr std::array<Profile::ValueType, 1> k_types{{{"space", "bytes"}}};
  Profile profile(k_types);
  const auto first = profile.add_mapping({.start = 0x1000,
                                          .limit = 0x2000,
                                          .offset = 0x400,
                                          .file = "/bin/one",
                                          .build_id = "aa",
                                          .has_functions = true});
  const auto second =
      profile.add_mapping({.start = 0x8000, .limit = 0x9000, .file = "two", .build_id = ""});
  const auto leaf = profile.address(0x1010, first, "a::leaf");
  const auto root = profile.address(0x1020, first, "root");
  const auto other = profile.address(0x8004, second, "");
  profile.add_sample(std::array{leaf, root}, Values{7});
  profile.add_sample(std::array{other, root}, Values{8});
  profile.add_comment("said");
  return profile.encode_gzipped();
}

std::vector<std::string> frames(std::string_view bytes, FrameNames names) {
  std::vector<std::string> all;
  const auto profile = parse_profile(bytes, names);
  EXPECT_TRUE(profile);
  if (!profile) return all;
  EXPECT_EQ(profile.value().comments, std::vector<std::string>{"said"});
  for (const auto& sample : profile.value().samples) {
    for (const auto frame : sample.frames)
      all.push_back(profile.value().functions[frame]);
  }
  return all;
}

TEST(SourceLines, ArePutToEachPlaceWithWhatWasInlinedThere) {
  std::vector<std::string> asked;
  const auto done =
      add_lines(example(), [&](const CodeFile& file, std::span<const std::uint64_t> offsets) {
        asked.push_back(file.path + " " + file.build_id);
        for (const std::uint64_t offset : offsets)
          asked.push_back(std::to_string(offset));
        std::vector<SourceLines> lines(offsets.size());
        if (file.path == "/bin/one") {
          lines[0] = {{.function = "_ZN1b7inlinedEi", .file = "/src/b.h", .line = 3},
                      {.function = "leaf", .file = "/src/a.cpp", .line = 12}};
        }
        return lines;
      });
  ASSERT_TRUE(done);
  // 0x410 and 0x420, and 4 of the other.
  EXPECT_EQ(asked, (std::vector<std::string>{"/bin/one aa", "1040", "1056", "two ", "4"}));
  EXPECT_EQ(
      frames(done.value(), FrameNames::lines),
      (std::vector<std::string>{"b::inlined b.h:3", "a::leaf a.cpp:12", "root", "?", "root"}));
  EXPECT_EQ(frames(done.value(), FrameNames::functions),
            (std::vector<std::string>{"b::inlined", "a::leaf", "root", "?", "root"}));
}

TEST(SourceLines, WithoutAnyTheProfileIsAsItWas) {
  const auto done = add_lines(
      example(), [](const CodeFile&, std::span<const std::uint64_t>) -> std::vector<SourceLines> {
        return {};
      });
  ASSERT_TRUE(done);
  EXPECT_EQ(frames(done.value(), FrameNames::lines), frames(example(), FrameNames::functions));
}

TEST(SourceLines, OfWhatIsNoProfileAreNone) {
  const auto nobody = [](const CodeFile&, std::span<const std::uint64_t>) {
    ADD_FAILURE() << "nothing to ask for";
    return std::vector<SourceLines>();
  };
  EXPECT_FALSE(add_lines("nonsense", nobody));
  EXPECT_FALSE(add_lines("", nobody));
  EXPECT_FALSE(add_lines("\x1f\x8b", nobody));
}

TEST(SourceLines, PlacesInThisProgramHaveTheAddressesOfItsTables) {
  const LoadedCode code = loaded_code().front();
  const std::string path = std::filesystem::read_symlink("/proc/self/exe");
  const std::uint64_t here = code.range.begin + 5;
  const auto addresses =
      code_addresses(path, code.build_id, std::array{here - code.range.begin + code.file_offset});
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses.value(), std::vector<std::uint64_t>{here - code.moved_by});
  EXPECT_EQ(code_addresses(path, "abcd", std::array{std::uint64_t{0}}).error().code,
            Errc::not_found);
  EXPECT_EQ(code_addresses("/no/such/file", "", {}).error().code, Errc::not_found);
  const auto outside = code_addresses(path, "", std::array{~std::uint64_t{0}});
  ASSERT_TRUE(outside);
  EXPECT_EQ(outside.value(), std::vector<std::uint64_t>{0});
}

}  // namespace
}  // namespace ullage::observe
