// Times to live as commands are given them: seconds or milliseconds, from now or as a moment.
#pragma once

#include "command/call.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ullage::command {

/// How a command counts time: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT.
struct TimeForm {
  bool seconds = true;
  bool absolute = false;
};
inline constexpr TimeForm k_seconds_left{.seconds = true, .absolute = false};
inline constexpr TimeForm k_millis_left{.seconds = false, .absolute = false};
inline constexpr TimeForm k_unix_seconds{.seconds = true, .absolute = true};
inline constexpr TimeForm k_unix_millis{.seconds = false, .absolute = true};

/// The moment (Unix ms) that `given` means; none if it cannot be counted. Moments before now are
/// answered too: what they mean is the command's to say.
[[nodiscard]] std::optional<std::int64_t> moment_ms(std::int64_t given, TimeForm form,
                                                    std::int64_t now_ms) noexcept;

/// "ERR invalid expire time in 'set' command".
void invalid_expire_time(Call& call);

/// Whether the moment lies within what the cache can keep; an error is written if not. A moment
/// that has passed is within.
bool moment_fits(Call& call, std::int64_t at_ms);

/// EX, PX, EXAT and PXAT, as SET and GETEX and HSETEX take them.
[[nodiscard]] std::optional<TimeForm> time_word(const Call& call, std::size_t i) noexcept;

/// Reads argument i as the time of an option: positive and within bounds, or none with an error
/// written.
std::optional<std::int64_t> option_moment(Call& call, std::size_t i, TimeForm form);

/// The time to live until a moment after now.
inline Millis ttl_until(std::int64_t at_ms, std::int64_t now_ms) noexcept {
  return Millis(at_ms - now_ms);
}

}  // namespace ullage::command
