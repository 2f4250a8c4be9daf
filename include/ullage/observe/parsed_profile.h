// A profile read back: profile.proto as pprof's tools exchange it, gzipped or not.
#pragma once

#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::observe {

struct ParsedProfile {
  /// More than this, unpacked, is refused.
  static constexpr std::size_t k_bytes_max = std::size_t{256} << 20;

  struct ValueType {
    std::string type;  ///< "inuse_space"
    std::string unit;  ///< "bytes"
  };
  struct Sample {
    std::vector<std::uint32_t> frames;  ///< numbers in `functions`, the leaf first
    std::vector<std::int64_t> values;   ///< as many as there are types
  };
  std::vector<ValueType> types;
  std::size_t default_type = 0;  ///< which of them is shown first
  std::vector<std::string> functions;
  std::vector<Sample> samples;
  std::vector<std::string> comments;
  std::int64_t time_ns = 0;
  std::int64_t duration_ns = 0;
  std::int64_t period = 0;
};

/// What a frame is: a function, or a line of its source, "name file.cpp:12", where that is known.
enum class FrameNames : std::uint8_t { functions, lines };

/// Of a stranger's bytes as well: whatever they are, the answer is a profile whose numbers are
/// within bounds, or an error (invalid_argument). Linear in their length, unpacked.
[[nodiscard]] Result<ParsedProfile> parse_profile(std::string_view bytes,
                                                  FrameNames names = FrameNames::functions);

}  // namespace ullage::observe
