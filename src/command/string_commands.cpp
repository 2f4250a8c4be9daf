// Plain strings, whole: each is a group with one entry that has no name. What changes a part of
// one is in string_edit_commands.cpp.
#include "command/families.h"
#include "command/key_ttl.h"
#include "command/moments.h"
#include "command/string_write.h"

#include <string>
#include <vector>

namespace ullage::command {

namespace {

/// The string, or null; a hash is an error. False if it was one.
bool reply_string(Call& call, const Key& key) {
  if (call.value(key, k_string_field)) return true;
  if (call.exists(key)) {
    call.wrong_type();
    return false;
  }
  call.reply.null();
  return true;
}

void get(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] { reply_string(call, key); });
}

void mget(Call& call) {
  std::vector<KeyLocks::Stripe> stripes = call.stripes(1, 1);
  call.reading(stripes, [&] {
    call.reply.array(call.args.size() - 1);
    for (std::size_t i = 1; i < call.args.size(); ++i)
      call.value_or_null(call.key(i), k_string_field);
  });
}

/// What SET says besides key and value.
struct SetWords {
  Condition condition = Condition::always;
  bool answer_old = false;
  bool keep_ttl = false;
  std::optional<std::int64_t> at_ms;

  static std::optional<SetWords> parse(Call& call) {
    SetWords words;
    for (std::size_t i = 3; i < call.args.size(); ++i) {
      const bool has_end = words.keep_ttl || words.at_ms;
      if (call.is_word(i, "NX") && words.condition != Condition::if_present) {
        words.condition = Condition::if_absent;
      } else if (call.is_word(i, "XX") && words.condition != Condition::if_absent) {
        words.condition = Condition::if_present;
      } else if (call.is_word(i, "GET")) {
        words.answer_old = true;
      } else if (call.is_word(i, "KEEPTTL") && !words.at_ms) {
        words.keep_ttl = true;
      } else if (const auto form = time_word(call, i);
                 form && !has_end && i + 1 < call.args.size()) {
        words.at_ms = option_moment(call, ++i, *form);
        if (!words.at_ms) return std::nullopt;
      } else {
        call.syntax_error();
        return std::nullopt;
      }
    }
    return words;
  }
};

/// Writes `value` for good, until a moment, or not at all because that has passed.
bool put_until(Call& call, const Key& key, Writing& held, std::string_view value, bool keep_ttl,
               std::optional<std::int64_t> at_ms) {
  if (at_ms && *at_ms <= call.now_ms()) {
    if (call.cache().erase_group(key.group())) call.changed(key, k_event_del);
    return true;
  }
  SetOptions options;
  options.keep_ttl = keep_ttl;
  if (at_ms) options.ttl = ttl_until(*at_ms, call.now_ms());
  if (!put_string(call, key, held, value, options)) return false;
  call.changed(key, k_event_set);
  if (at_ms) call.changed(key, k_event_expire);
  return true;
}

void set(Call& call) {
  const auto words = SetWords::parse(call);
  if (!words) return;
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  Writing held(call, key, Writing::Changes::one_entry);
  const std::size_t place = call.reply.output().size();
  if (words->answer_old && !reply_string(call, key)) return;
  if (words->condition != Condition::always &&
      call.exists(key) != (words->condition == Condition::if_present)) {
    if (!words->answer_old) call.reply.null();
    return;
  }
  // A refusal takes the place of the old value.
  std::string old(call.reply.output().view().substr(place));
  call.reply.output().truncate(place);
  if (!put_until(call, key, held, call.args[2], words->keep_ttl, words->at_ms)) return;
  if (words->answer_old) {
    call.reply.output().append(old);
  } else {
    call.reply.ok();
  }
}

void setnx(Call& call) {
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  Writing held(call, key, Writing::Changes::one_entry);
  if (call.exists(key)) return call.reply.integer(0);
  if (put_until(call, key, held, call.args[2], false, std::nullopt)) call.reply.integer(1);
}

template <TimeForm form>
void setex(Call& call) {
  const auto at_ms = option_moment(call, 2, form);
  if (!at_ms) return;
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  Writing held(call, key, Writing::Changes::one_entry);
  if (put_until(call, key, held, call.args[3], false, at_ms)) call.reply.ok();
}

void getset(Call& call) {
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  Writing held(call, key, Writing::Changes::one_entry);
  if (call.is_no_string(key)) return call.wrong_type();
  const auto old = call.cache().get(key.group(), k_string_field);
  if (!put_until(call, key, held, call.args[2], false, std::nullopt)) return;
  old ? call.reply.bulk(*old) : call.reply.null();
}

void getdel(Call& call) {
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::one_entry);
  if (!reply_string(call, key)) return;
  if (call.is_string(key) && call.cache().erase_group(key.group())) call.changed(key, k_event_del);
}

void getex(Call& call) {
  const bool persist = call.args.size() == 3 && call.is_word(2, "PERSIST");
  const auto form = call.args.size() == 4 ? time_word(call, 2) : std::optional<TimeForm>();
  if (!persist && !form && call.args.size() != 2) return call.syntax_error();
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::one_entry);
  if (!call.is_string(key)) {
    if (call.exists(key)) return call.wrong_type();
    return call.reply.null();
  }
  std::optional<std::int64_t> at_ms;
  if (form) {
    at_ms = option_moment(call, 3, *form);
    if (!at_ms) return;
  }
  call.value_or_null(key, k_string_field);
  if (at_ms && *at_ms <= call.now_ms()) {
    call.cache().erase_group(key.group());
    call.changed(key, k_event_del);
  } else if (at_ms) {
    set_key_end(call, key, at_ms);
    call.changed(key, k_event_expire);
  } else if (persist && key_end(call, key).at_ms) {
    set_key_end(call, key, std::nullopt);
    call.changed(key, k_event_persist);
  }
}

/// Whether the arguments are pairs whose keys all fit.
bool are_pairs(Call& call) {
  if (call.args.size() % 2 == 0) {
    call.wrong_number_of_arguments();
    return false;
  }
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    if (!call.name_fits(call.key(i))) return false;
  }
  return true;
}

bool put_pairs(Call& call, Writing& held) {
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    if (!put_until(call, call.key(i), held, call.args[i + 1], false, std::nullopt)) return false;
  }
  return true;
}

void mset(Call& call) {
  if (!are_pairs(call)) return;
  Writing held(call, call.stripes(1, 2));
  if (put_pairs(call, held)) call.reply.ok();
}

void msetnx(Call& call) {
  if (!are_pairs(call)) return;
  Writing held(call, call.stripes(1, 2));
  for (std::size_t i = 1; i < call.args.size(); i += 2) {
    if (call.exists(call.key(i))) return call.reply.integer(0);
  }
  if (put_pairs(call, held)) call.reply.integer(1);
}

constexpr std::uint32_t k_writes = k_write | k_denyoom;
constexpr KeyPositions k_pairs{1, -1, 2};
constexpr std::string_view k_constant = "O(1)";

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                  std::string_view syntax, std::string_view summary, std::string_view since,
                  std::string_view complexity, Run run) {
  return make_row(Family::string, name, arity, flags, keys, syntax, summary, since, complexity,
                  run);
}

constexpr Row k_rows[] = {
    row("GET", 2, k_readonly | k_fast, k_one_key, "key", "The value of a string.", "1.0.0",
        k_constant, get),
    row("MGET", -2, k_readonly | k_fast, k_all_keys, "key [key ...]",
        "The values of strings, as they were at one moment.", "1.0.0", "O(1) for each key", mget),
    row("SET", -3, k_writes, k_one_key,
        "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
        "PXAT unix-time-milliseconds | KEEPTTL]",
        "Gives a key a string, whatever it held.", "1.0.0", k_constant, set),
    row("SETNX", 3, k_writes | k_fast, k_one_key, "key value",
        "Gives a key a string, if it holds nothing.", "1.0.0", k_constant, setnx),
    row("SETEX", 4, k_writes, k_one_key, "key seconds value",
        "Gives a key a string with a time to live in seconds.", "2.0.0", k_constant,
        setex<k_seconds_left>),
    row("PSETEX", 4, k_writes, k_one_key, "key milliseconds value",
        "Gives a key a string with a time to live in milliseconds.", "2.6.0", k_constant,
        setex<k_millis_left>),
    row("GETSET", 3, k_access | k_writes | k_fast, k_one_key, "key value",
        "Gives a key a string, and answers the one before.", "1.0.0", k_constant, getset),
    row("GETDEL", 2, k_access | k_write | k_fast, k_one_key, "key",
        "The value of a string, which is removed.", "6.2.0", k_constant, getdel),
    row("GETEX", -2, k_access | k_write | k_fast, k_one_key,
        "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
        "unix-time-milliseconds | PERSIST]",
        "The value of a string, and another time to live for it.", "6.2.0", k_constant, getex),
    row("MSET", -3, k_writes, k_pairs, "key value [key value ...]",
        "Gives keys strings, as one step.", "1.0.1", "O(1) for each key", mset),
    row("MSETNX", -3, k_writes, k_pairs, "key value [key value ...]",
        "Gives keys strings, if none of them holds anything.", "1.0.1", "O(1) for each key",
        msetnx),
};

}  // namespace

std::span<const Row> string_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
