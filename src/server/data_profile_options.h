// How this server makes a data profile: names as clients know them, and as exact as there is room.
#pragma once

#include <ullage/observe/data_profile.h>

#include "command/byte_budget.h"
#include "command/clock.h"

#include <cstddef>
#include <optional>

namespace ullage::server {

/// Takes what the profile holds while it is made from `taken`'s budget: half of what is left there
/// stays for clients. At most `patterns_max` patterns, fewer where there is less room; none: there
/// is too little for any.
[[nodiscard]] std::optional<observe::DataProfileOptions> data_profile_options(
    const command::CommandClock& clock, const command::ByteBudget& held, command::TakenBytes& taken,
    std::size_t patterns_max);

}  // namespace ullage::server
