// The time to live of a key: of a string's only entry, or of a hash as a group.
#pragma once

#include "command/call.h"
#include "command/moments.h"

#include <cstdint>
#include <optional>

namespace ullage::command {

struct KeyEnd {
  bool exists = false;
  std::optional<std::int64_t> at_ms;  ///< Unix time; none: it does not end by itself
};

inline KeyEnd key_end(const Call& call, const Key& key) {
  const auto ttl = call.is_string(key) ? call.cache().ttl(key.group(), k_string_field)
                                       : call.cache().group_ttl(key.group());
  KeyEnd end;
  end.exists = ttl.has_value();
  if (ttl && ttl->remaining) end.at_ms = call.now_ms() + ttl->remaining->count();
  return end;
}

/// Gives a key an end after now, or none. REQUIRES: it fits (moment_fits()).
inline bool set_key_end(const Call& call, const Key& key, std::optional<std::int64_t> at_ms) {
  std::optional<Millis> ttl;
  if (at_ms) ttl = ttl_until(*at_ms, call.now_ms());
  const auto done = call.is_string(key) ? call.cache().expire(key.group(), k_string_field, ttl)
                                        : call.cache().expire_group(key.group(), ttl);
  return done && *done;
}

}  // namespace ullage::command
