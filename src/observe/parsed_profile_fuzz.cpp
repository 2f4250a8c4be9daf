// Profiles of strangers.
#include <ullage/observe/parsed_profile.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = ullage::observe::parse_profile({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  const auto& profile = parsed.value();
  if (profile.types.empty() || profile.default_type >= profile.types.size()) std::abort();
  for (const auto& sample : profile.samples) {
    if (sample.values.size() != profile.types.size()) std::abort();
    for (const std::uint32_t frame : sample.frames) {
      if (frame >= profile.functions.size()) std::abort();
    }
  }
  return 0;
}
