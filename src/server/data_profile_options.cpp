#include "server/data_profile_options.h"

#include "command/names.h"

#include <cstdint>
#include <string_view>

namespace ullage::server {

namespace {
std::string_view shown_group(std::string_view stored) {
  return command::decode_group(stored).key;
}
std::string_view shown_field(std::string_view stored) {
  return command::is_string_value(stored) ? "(string)" : command::decode_field(stored);
}
}  // namespace

std::optional<observe::DataProfileOptions> data_profile_options(const command::CommandClock& clock,
                                                                const command::ByteBudget& held,
                                                                command::TakenBytes& taken,
                                                                std::size_t patterns_max) {
  observe::DataProfileOptions options;
  options.cache_name = "ullage";
  options.seed = static_cast<std::uint64_t>(clock.running_ms());
  options.patterns_max = patterns_max;
  options.group_name = shown_group;
  options.field_name = shown_field;
  options.unix_ns = clock.now_ms() * 1'000'000;
  const std::size_t most = (held.limit_bytes() - held.used_bytes()) / 2;
  while (observe::data_profile_bytes(options) > most ||
         !taken.take(observe::data_profile_bytes(options))) {
    if (options.patterns_max <= observe::DataProfileOptions::k_patterns_least) return std::nullopt;
    options.patterns_max /= 2;
  }
  return options;
}

}  // namespace ullage::server
