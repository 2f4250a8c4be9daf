// Times to live of keys.
#include "command/call.h"
#include "command/families.h"
#include "command/key_ttl.h"
#include "command/moments.h"

#include <string>

namespace ullage::command {

namespace {

struct Conditions {
  bool none_yet = false;
  bool has_one = false;
  bool greater = false;
  bool less = false;

  /// Reads them from argument 3 on; none with an error written.
  static std::optional<Conditions> parse(Call& call) {
    Conditions c;
    for (std::size_t i = 3; i < call.args.size(); ++i) {
      if (call.is_word(i, "NX")) {
        c.none_yet = true;
      } else if (call.is_word(i, "XX")) {
        c.has_one = true;
      } else if (call.is_word(i, "GT")) {
        c.greater = true;
      } else if (call.is_word(i, "LT")) {
        c.less = true;
      } else {
        call.error("ERR Unsupported option " + std::string(call.args[i]));
        return std::nullopt;
      }
    }
    if (c.none_yet && (c.has_one || c.greater || c.less)) {
      call.error("ERR NX and XX, GT or LT options at the same time are not compatible");
      return std::nullopt;
    }
    if (c.greater && c.less) {
      call.error("ERR GT and LT options at the same time are not compatible");
      return std::nullopt;
    }
    return c;
  }
  [[nodiscard]] bool hold(const std::optional<std::int64_t>& present_ms,
                          std::int64_t at_ms) const noexcept {
    if (none_yet && present_ms) return false;
    if (has_one && !present_ms) return false;
    // No time to live is the longest.
    if (greater && (!present_ms || at_ms <= *present_ms)) return false;
    return !less || !present_ms || at_ms < *present_ms;
  }
};

template <TimeForm form>
void expire(Call& call) {
  const auto conditions = Conditions::parse(call);
  if (!conditions) return;
  const auto given = call.integer(2);
  if (!given) return;
  const auto at_ms = moment_ms(*given, form, call.now_ms());
  if (!at_ms) return invalid_expire_time(call);
  if (!moment_fits(call, *at_ms)) return;
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::one_entry);
  const KeyEnd end = key_end(call, key);
  if (!end.exists || !conditions->hold(end.at_ms, *at_ms)) return call.reply.integer(0);
  if (*at_ms <= call.now_ms()) {
    call.cache().erase_group(key.group());
    call.changed(key, k_event_del);
    return call.reply.integer(1);
  }
  const bool done = set_key_end(call, key, at_ms);
  if (done) call.changed(key, k_event_expire);
  call.reply.integer(done ? 1 : 0);
}

template <TimeForm form>
void ttl(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    const KeyEnd end = key_end(call, key);
    if (!end.exists) return call.reply.integer(-2);
    if (!end.at_ms) return call.reply.integer(-1);
    const std::int64_t ms = form.absolute ? *end.at_ms : *end.at_ms - call.now_ms();
    call.reply.integer(form.seconds ? (ms + 500) / 1000 : ms);
  });
}

void persist(Call& call) {
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::one_entry);
  const KeyEnd end = key_end(call, key);
  const bool done = end.exists && end.at_ms && set_key_end(call, key, std::nullopt);
  if (done) call.changed(key, k_event_persist);
  call.reply.integer(done ? 1 : 0);
}

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, Run run) {
  return make_row(Family::generic, name, arity, flags | k_fast, k_one_key, syntax, summary, since,
                  "O(1)", run);
}
constexpr std::string_view k_seconds = "key seconds [NX | XX | GT | LT]";
constexpr std::string_view k_millis = "key milliseconds [NX | XX | GT | LT]";

constexpr Row k_rows[] = {
    row("EXPIRE", -3, k_write, k_seconds, "Gives a key a time to live in seconds.", "1.0.0",
        expire<k_seconds_left>),
    row("PEXPIRE", -3, k_write, k_millis, "Gives a key a time to live in milliseconds.", "2.6.0",
        expire<k_millis_left>),
    row("EXPIREAT", -3, k_write, "key unix-time-seconds [NX | XX | GT | LT]",
        "Lets a key end at a Unix time in seconds.", "1.2.0", expire<k_unix_seconds>),
    row("PEXPIREAT", -3, k_write, "key unix-time-milliseconds [NX | XX | GT | LT]",
        "Lets a key end at a Unix time in milliseconds.", "2.6.0", expire<k_unix_millis>),
    row("TTL", 2, k_readonly, "key", "The time to live of a key in seconds.", "1.0.0",
        ttl<k_seconds_left>),
    row("PTTL", 2, k_readonly, "key", "The time to live of a key in milliseconds.", "2.6.0",
        ttl<k_millis_left>),
    row("EXPIRETIME", 2, k_readonly, "key", "When a key ends, as Unix time in seconds.", "7.0.0",
        ttl<k_unix_seconds>),
    row("PEXPIRETIME", 2, k_readonly, "key", "When a key ends, as Unix time in milliseconds.",
        "7.0.0", ttl<k_unix_millis>),
    row("PERSIST", 2, k_write, "key", "Takes a key's time to live away.", "2.2.0", persist),
};

}  // namespace

std::span<const Row> expiry_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
