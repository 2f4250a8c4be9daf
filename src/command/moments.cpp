#include "command/moments.h"

#include "command/words.h"

namespace ullage::command {

std::optional<std::int64_t> moment_ms(std::int64_t given, TimeForm form,
                                      std::int64_t now_ms) noexcept {
  std::int64_t ms = given;
  if (form.seconds && __builtin_mul_overflow(given, std::int64_t{1000}, &ms)) return std::nullopt;
  if (!form.absolute && __builtin_add_overflow(ms, now_ms, &ms)) return std::nullopt;
  return ms;
}

void invalid_expire_time(Call& call) {
  call.error("ERR invalid expire time in '" + call.name() + "' command");
}

bool moment_fits(Call& call, std::int64_t at_ms) {
  if (at_ms <= call.now_ms() + k_ttl_max_ms) return true;
  invalid_expire_time(call);
  return false;
}

std::optional<TimeForm> time_word(const Call& call, std::size_t i) noexcept {
  if (call.is_word(i, "EX")) return k_seconds_left;
  if (call.is_word(i, "PX")) return k_millis_left;
  if (call.is_word(i, "EXAT")) return k_unix_seconds;
  if (call.is_word(i, "PXAT")) return k_unix_millis;
  return std::nullopt;
}

std::optional<std::int64_t> option_moment(Call& call, std::size_t i, TimeForm form) {
  const auto given = call.integer(i);
  if (!given) return std::nullopt;
  const auto at_ms = *given > 0 ? moment_ms(*given, form, call.now_ms()) : std::nullopt;
  if (!at_ms) {
    invalid_expire_time(call);
    return std::nullopt;
  }
  if (!moment_fits(call, *at_ms)) return std::nullopt;
  return at_ms;
}

}  // namespace ullage::command
