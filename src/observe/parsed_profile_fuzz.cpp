// Profiles of strangers: read, and with lines put in, read again.
#include <ullage/observe/parsed_profile.h>
#include <ullage/observe/source_lines.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace ullage::observe;

// All that the reader promises.
std::size_t frames_of(const ParsedProfile& profile) {
  if (profile.types.empty() || profile.default_type >= profile.types.size()) std::abort();
  std::size_t frames = 0;
  for (const auto& sample : profile.samples) {
    if (sample.values.size() != profile.types.size()) std::abort();
    for (const std::uint32_t frame : sample.frames) {
      if (frame >= profile.functions.size()) std::abort();
    }
    frames += sample.frames.size();
  }
  return frames;
}

std::vector<SourceLines> find(const CodeFile&, std::span<const std::uint64_t> offsets) {
  std::vector<SourceLines> lines(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); i += 2)
    lines[i] = {{.function = "_Z1fv", .file = "a.h", .line = 1},
                {.function = "g", .file = "b.cpp", .line = 2}};
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_profile(bytes);
  if (!parsed) return 0;
  const std::size_t frames = frames_of(parsed.value());
  const auto with_lines = add_lines(bytes, find);
  if (!with_lines) return 0;  // a profile without texts
  const auto again = parse_profile(with_lines.value(), FrameNames::lines);
  // Inlined ones may be too many; none gets lost.
  if (again && frames_of(again.value()) < frames / 16) std::abort();
  return 0;
}
