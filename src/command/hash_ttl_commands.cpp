// Times to live of the fields of a hash, as Redis has them since 7.4 and 8.0.
#include "command/call.h"
#include "command/families.h"
#include "command/moments.h"

#include <limits>
#include <string>

namespace ullage::command {

namespace {

// What a field's part of the answer says.
constexpr std::int64_t k_no_field = -2;
constexpr std::int64_t k_no_ttl = -1;
constexpr std::int64_t k_condition_failed = 0;
constexpr std::int64_t k_done = 1;
constexpr std::int64_t k_deleted = 2;

/// `FIELDS n field ...` at the end of a command.
struct FieldList {
  std::size_t first = 0;
  std::size_t count = 0;

  /// Reads it from argument i on, whose elements have `width` arguments each; none with an error
  /// written.
  static std::optional<FieldList> parse(Call& call, std::size_t i, std::size_t width = 1) {
    if (i >= call.args.size() || !call.is_word(i, "FIELDS")) {
      call.error("ERR Mandatory argument FIELDS is missing or not at the right position");
      return std::nullopt;
    }
    if (i + 1 >= call.args.size()) {
      call.wrong_number_of_arguments();
      return std::nullopt;
    }
    const auto count = call.integer_in(i + 1, 1, std::numeric_limits<std::int64_t>::max(),
                                       "ERR Parameter `numFields` should be greater than 0");
    if (!count) return std::nullopt;
    const std::size_t rest = call.args.size() - i - 2;
    if (rest % width != 0 || static_cast<std::uint64_t>(*count) != rest / width) {
      call.error("ERR The `numfields` parameter must match the number of arguments");
      return std::nullopt;
    }
    return FieldList{i + 2, static_cast<std::size_t>(*count)};
  }
};

/// Does something to each of the fields that argument i begins to list, all as one step, and
/// replies with an array of what `change(key, field)` replies. That answers whether it changed
/// anything, which `event` tells others.
template <class Change>
void for_each_field(Call& call, std::size_t i, const Event& event, Change change) {
  const auto fields = FieldList::parse(call, i);
  if (!fields) return;
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::several);
  if (call.is_no_hash(key)) return call.wrong_type();
  call.reply.array(fields->count);
  bool changed = false;
  for (std::size_t f = 0; f < fields->count; ++f)
    changed |= change(key, FieldName(call.args[fields->first + f]));
  if (changed) call.changed_or_gone(key, event);
}

enum class Condition : std::uint8_t { always, none_yet, has_one, greater, less };

bool condition_holds(Condition condition, std::optional<std::int64_t> present_ms,
                     std::int64_t at_ms) noexcept {
  switch (condition) {
    case Condition::always:
      return true;
    case Condition::none_yet:
      return !present_ms;
    case Condition::has_one:
      return present_ms.has_value();
    case Condition::greater:  // no time to live is the longest
      return present_ms && at_ms > *present_ms;
    case Condition::less:
      return !present_ms || at_ms < *present_ms;
  }
  return false;
}

/// When a field ends, as Unix time; the outer optional says whether it exists.
std::optional<std::optional<std::int64_t>> field_end_ms(Call& call, const Key& key,
                                                        const FieldName& field) {
  const auto ttl = call.cache().ttl(key.group(), field);
  if (!ttl) return std::nullopt;
  if (!ttl->remaining) return std::optional<std::int64_t>();
  return std::optional(call.now_ms() + ttl->remaining->count());
}

std::int64_t expire_field(Call& call, const Key& key, const FieldName& field, Condition condition,
                          std::int64_t at_ms) {
  const auto end = field_end_ms(call, key, field);
  if (!end) return k_no_field;
  if (!condition_holds(condition, *end, at_ms)) return k_condition_failed;
  if (at_ms <= call.now_ms()) {
    call.cache().erase(key.group(), field);
    return k_deleted;
  }
  const auto done = call.cache().expire(key.group(), field, ttl_until(at_ms, call.now_ms()));
  return done && *done ? k_done : k_no_field;
}

template <TimeForm form>
void hexpire(Call& call) {
  const auto given = call.integer(2);
  if (!given) return;
  if (*given < 0) return call.error("ERR invalid expire time, must be >= 0");
  const auto at_ms = moment_ms(*given, form, call.now_ms());
  if (!at_ms) return invalid_expire_time(call);
  if (!moment_fits(call, *at_ms)) return;
  std::size_t i = 3;
  Condition condition = Condition::always;
  if (call.is_word(i, "NX")) {
    condition = Condition::none_yet;
  } else if (call.is_word(i, "XX")) {
    condition = Condition::has_one;
  } else if (call.is_word(i, "GT")) {
    condition = Condition::greater;
  } else if (call.is_word(i, "LT")) {
    condition = Condition::less;
  }
  if (condition != Condition::always) ++i;
  for_each_field(call, i, k_event_hexpire, [&](const Key& key, const FieldName& field) {
    const std::int64_t done = expire_field(call, key, field, condition, *at_ms);
    call.reply.integer(done);
    return done > 0;
  });
}

template <TimeForm form>
void httl(Call& call) {
  const auto fields = FieldList::parse(call, 2);
  if (!fields) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    call.reply.array(fields->count);
    for (std::size_t f = 0; f < fields->count; ++f) {
      const auto end = field_end_ms(call, key, FieldName(call.args[fields->first + f]));
      if (!end) {
        call.reply.integer(k_no_field);
      } else if (!*end) {
        call.reply.integer(k_no_ttl);
      } else {
        const std::int64_t ms = form.absolute ? **end : **end - call.now_ms();
        call.reply.integer(form.seconds ? (ms + 999) / 1000 : ms);
      }
    }
  });
}

void hpersist(Call& call) {
  for_each_field(call, 2, k_event_hpersist, [&](const Key& key, const FieldName& field) {
    const auto end = field_end_ms(call, key, field);
    std::int64_t done = k_no_field;
    if (end && !*end) done = k_no_ttl;
    if (end && *end) {
      const auto cleared = call.cache().expire(key.group(), field, std::nullopt);
      if (cleared && *cleared) done = k_done;
    }
    call.reply.integer(done);
    return done == k_done;
  });
}

void hgetdel(Call& call) {
  for_each_field(call, 2, k_event_hdel, [&](const Key& key, const FieldName& field) {
    return call.value_or_null(key, field) && call.cache().erase(key.group(), field);
  });
}

/// What HGETEX and HSETEX say about the time to live.
struct TtlOption {
  enum class Kind : std::uint8_t { none, until, persist, keep };
  Kind kind = Kind::none;
  std::int64_t at_ms = 0;
};

void hgetex(Call& call) {
  TtlOption option;
  std::size_t i = 2;
  if (const auto form = time_word(call, i)) {
    if (i + 1 >= call.args.size()) return call.syntax_error();
    const auto at_ms = option_moment(call, i + 1, *form);
    if (!at_ms) return;
    option = {TtlOption::Kind::until, *at_ms};
    i += 2;
  } else if (call.is_word(i, "PERSIST")) {
    option.kind = TtlOption::Kind::persist;
    ++i;
  }
  const Event& event = option.kind == TtlOption::Kind::persist ? k_event_hpersist : k_event_hexpire;
  for_each_field(call, i, event, [&](const Key& key, const FieldName& field) {
    if (!call.value_or_null(key, field) || option.kind == TtlOption::Kind::none) return false;
    if (option.kind == TtlOption::Kind::persist) {
      static_cast<void>(call.cache().expire(key.group(), field, std::nullopt));
    } else if (option.at_ms <= call.now_ms()) {
      call.cache().erase(key.group(), field);
    } else {
      static_cast<void>(
          call.cache().expire(key.group(), field, ttl_until(option.at_ms, call.now_ms())));
    }
    return true;
  });
}

void hsetex(Call& call) {
  TtlOption option;
  enum class If : std::uint8_t { always, all_absent, all_present } condition = If::always;
  std::size_t i = 2;
  for (; i < call.args.size() && !call.is_word(i, "FIELDS"); ++i) {
    if (condition == If::always && call.is_word(i, "FNX")) {
      condition = If::all_absent;
    } else if (condition == If::always && call.is_word(i, "FXX")) {
      condition = If::all_present;
    } else if (option.kind == TtlOption::Kind::none && call.is_word(i, "KEEPTTL")) {
      option.kind = TtlOption::Kind::keep;
    } else if (const auto form = time_word(call, i);
               form && option.kind == TtlOption::Kind::none && i + 1 < call.args.size()) {
      const auto at_ms = option_moment(call, ++i, *form);
      if (!at_ms) return;
      option = {TtlOption::Kind::until, *at_ms};
    } else {
      return call.syntax_error();
    }
  }
  const auto fields = FieldList::parse(call, i, 2);
  if (!fields) return;
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  for (std::size_t f = 0; f < fields->count; ++f) {
    if (!call.name_fits(FieldName(call.args[fields->first + 2 * f]))) return;
  }
  const Writing held(call, key, Writing::Changes::several);
  if (call.is_no_hash(key)) return call.wrong_type();
  for (std::size_t f = 0; f < fields->count && condition != If::always; ++f) {
    const bool there =
        call.cache().contains(key.group(), FieldName(call.args[fields->first + 2 * f]));
    if (there != (condition == If::all_present)) return call.reply.integer(0);
  }
  SetOptions options;
  options.keep_ttl = option.kind == TtlOption::Kind::keep;
  const bool past = option.kind == TtlOption::Kind::until && option.at_ms <= call.now_ms();
  if (option.kind == TtlOption::Kind::until && !past)
    options.ttl = ttl_until(option.at_ms, call.now_ms());
  for (std::size_t f = 0; f < fields->count; ++f) {
    const std::size_t at = fields->first + 2 * f;
    const FieldName field(call.args[at]);
    if (past) {
      call.cache().erase(key.group(), field);
      continue;
    }
    const auto outcome = call.cache().set(key.group(), field, call.args[at + 1], options);
    if (!outcome) {
      call.changed(key, k_event_hset);
      return call.refused(outcome.error());
    }
  }
  call.changed_or_gone(key, past ? k_event_hdel : k_event_hset);
  call.reply.integer(1);
}

constexpr std::string_view k_expire_syntax =
    "key time [NX | XX | GT | LT] FIELDS numfields field [field ...]";
constexpr std::string_view k_fields_syntax = "key FIELDS numfields field [field ...]";
constexpr std::string_view k_each = "O(1) for each field";

constexpr Row expire_row(std::string_view name, std::string_view summary, Run run) {
  Row row;
  row.name = name;
  row.arity = -6;
  row.flags = k_write | k_denyoom | k_fast;
  row.keys = {1, 1, 1};
  row.family = Family::hash;
  row.syntax = k_expire_syntax;
  row.summary = summary;
  row.since = "7.4.0";
  row.complexity = k_each;
  row.entries = Entries::listed;
  row.oracle = Oracle::transcript;
  row.run = run;
  return row;
}
constexpr Row field_row(std::string_view name, std::uint32_t flags, std::string_view summary,
                        Run run) {
  Row row = expire_row(name, summary, run);
  row.arity = -5;
  row.flags = flags;
  row.syntax = k_fields_syntax;
  return row;
}
constexpr Row newer_row(std::string_view name, int arity, std::uint32_t flags,
                        std::string_view syntax, std::string_view summary, Run run) {
  Row row = field_row(name, flags, summary, run);
  row.arity = arity;
  row.syntax = syntax;
  row.since = "8.0.0";
  return row;
}

constexpr Row hsetex_row() {
  Row row =
      newer_row("HSETEX", -6, k_write | k_denyoom | k_fast,
                "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] "
                "FIELDS numfields field value [field value ...]",
                "Sets fields with a time to live, if all or none of them exist.", hsetex);
  row.entries = Entries::listed_pairs;
  return row;
}

constexpr Row k_rows[] = {
    expire_row("HEXPIRE", "Gives fields a time to live in seconds.", hexpire<k_seconds_left>),
    expire_row("HPEXPIRE", "Gives fields a time to live in milliseconds.", hexpire<k_millis_left>),
    expire_row("HEXPIREAT", "Lets fields end at a Unix time in seconds.", hexpire<k_unix_seconds>),
    expire_row("HPEXPIREAT", "Lets fields end at a Unix time in milliseconds.",
               hexpire<k_unix_millis>),
    field_row("HTTL", k_readonly | k_fast, "The time to live of fields in seconds.",
              httl<k_seconds_left>),
    field_row("HPTTL", k_readonly | k_fast, "The time to live of fields in milliseconds.",
              httl<k_millis_left>),
    field_row("HEXPIRETIME", k_readonly | k_fast, "When fields end, as Unix time in seconds.",
              httl<k_unix_seconds>),
    field_row("HPEXPIRETIME", k_readonly | k_fast, "When fields end, as Unix time in milliseconds.",
              httl<k_unix_millis>),
    field_row("HPERSIST", k_write | k_fast, "Takes the time to live of fields away.", hpersist),
    newer_row("HGETDEL", -5, k_access | k_write | k_fast, k_fields_syntax,
              "The values of fields, which are removed.", hgetdel),
    newer_row("HGETEX", -5, k_access | k_write | k_fast,
              "key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST] FIELDS "
              "numfields field [field ...]",
              "The values of fields, and another time to live for them.", hgetex),
    hsetex_row(),
};

}  // namespace

std::span<const Row> hash_ttl_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
