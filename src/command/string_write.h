// What the commands that write plain strings have in common.
#pragma once

#include "command/call.h"

#include <optional>
#include <string_view>

namespace ullage::command {

/// Whether the key may become or stay a string: it is one, or nothing. An error is written if not.
/// REQUIRES: its stripe is held.
bool may_be_string(Call& call, const Key& key);

/// Gives a key a string, whatever it held; false with an error written if the cache refuses.
bool put_string(Call& call, const Key& key, Writing& held, std::string_view value,
                const SetOptions& options);

/// From now on commands look whether a key is a string. To be called before the first is written.
inline void see_strings(Call& call) noexcept {
  if (!call.services.seen.strings.load(std::memory_order_relaxed))
    call.services.seen.strings.store(true, std::memory_order_relaxed);
}

}  // namespace ullage::command
