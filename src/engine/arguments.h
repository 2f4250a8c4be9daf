// Checks of what callers pass, each with a message that names the value and the bound.
#pragma once

#include <ullage/limits.h>
#include <ullage/options.h>
#include <ullage/result.h>

#include <optional>
#include <string>
#include <string_view>

namespace ullage::engine {

inline std::optional<Error> check_name(std::string_view what, std::string_view name) {
  if (name.size() <= k_name_max_bytes) return std::nullopt;
  return Error{Errc::name_too_long, std::string(what) + " name of " + std::to_string(name.size()) +
                                        " bytes is longer than " +
                                        std::to_string(k_name_max_bytes)};
}
inline std::optional<Error> check_names(std::string_view group, std::string_view field) {
  if (auto bad = check_name("group", group)) return bad;
  return check_name("field", field);
}
inline std::optional<Error> check_value(std::string_view value, std::size_t max) {
  if (value.size() <= max) return std::nullopt;
  return Error{Errc::value_too_long, "value of " + std::to_string(value.size()) +
                                         " bytes is longer than max_value_bytes of " +
                                         std::to_string(max)};
}
inline std::optional<Error> check_ttl(std::string_view what, std::optional<Millis> ttl) {
  if (!ttl || (ttl->count() >= 1 && ttl->count() <= k_ttl_max_ms)) return std::nullopt;
  return Error{Errc::ttl_out_of_range, std::string(what) + " of " + std::to_string(ttl->count()) +
                                           " ms is not within 1 and " +
                                           std::to_string(k_ttl_max_ms)};
}
inline std::optional<Error> check_limits(const GroupLimits& limits) {
  if (limits.idle_ttl.count() >= 0 && limits.idle_ttl.count() <= k_ttl_max_ms) return std::nullopt;
  return Error{Errc::ttl_out_of_range, "idle_ttl of " + std::to_string(limits.idle_ttl.count()) +
                                           " ms is not within 0 and " +
                                           std::to_string(k_ttl_max_ms)};
}
inline std::optional<Error> check_batch(std::size_t n) {
  if (n <= k_batch_max) return std::nullopt;
  return Error{Errc::batch_too_large,
               "batch of " + std::to_string(n) + " is larger than " + std::to_string(k_batch_max)};
}

}  // namespace ullage::engine
