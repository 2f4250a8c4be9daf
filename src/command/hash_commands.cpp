// Hashes: fields and their values. Their times to live are in hash_ttl_commands.cpp, walks over
// them in hash_walk_commands.cpp.
#include "command/ahead.h"
#include "command/call.h"
#include "command/families.h"
#include "command/real.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

/// Writes the field-value pairs from argument 2 on; answers how many fields are new, or none with
/// an error written.
std::optional<std::int64_t> write_pairs(Call& call, const Key& key) {
  std::int64_t added = 0;
  for (std::size_t i = 2; i + 1 < call.args.size(); i += 2) {
    const FieldName field(call.args[i]);
    const auto outcome = call.cache().set(key.group(), field, call.args[i + 1]);
    if (!outcome) {
      call.refused(outcome.error());
      if (i > 2) call.changed(key, k_event_hset);
      return std::nullopt;
    }
    if (*outcome == SetOutcome::inserted) ++added;
  }
  call.changed(key, k_event_hset);
  return added;
}

/// Whether all names fit, before anything is written.
bool names_fit(Call& call, const Key& key, std::size_t first, std::size_t step) {
  if (!call.name_fits(key)) return false;
  for (std::size_t i = first; i < call.args.size(); i += step) {
    if (call.args[i].size() >= k_name_max_bytes && !call.name_fits(FieldName(call.args[i])))
      return false;
  }
  return true;
}

enum class Answer : std::uint8_t { added, ok };

template <Answer answer>
void hset(Call& call) {
  if (call.args.size() % 2 != 0) return call.wrong_number_of_arguments();
  const Key key = call.key(1);
  if (!names_fit(call, key, 2, 2)) return;
  const Writing held(
      call, key, call.args.size() == 4 ? Writing::Changes::one_entry : Writing::Changes::several);
  if (call.is_no_hash(key)) return call.wrong_type();
  const auto added = write_pairs(call, key);
  if (!added) return;
  if constexpr (answer == Answer::added) {
    call.reply.integer(*added);
  } else {
    call.reply.ok();
  }
}

void hsetnx(Call& call) {
  const Key key = call.key(1);
  const FieldName field(call.args[2]);
  if (!call.name_fits(key) || !call.name_fits(field)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  if (call.is_no_hash(key)) return call.wrong_type();
  const auto outcome = call.cache().try_emplace(key.group(), field, call.args[3]);
  if (!outcome) return call.refused(outcome.error());
  const bool added = *outcome == SetOutcome::inserted;
  if (added) call.changed(key, k_event_hset);
  call.reply.integer(added ? 1 : 0);
}

void hget(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    // A string has no such field: only who finds none need ask.
    if (call.value(key, FieldName(call.args[2]))) return;
    if (call.is_no_hash(key)) return call.wrong_type();
    call.reply.null();
  });
}

/// HGETs that stand together. Their waits for memory overlap, and each is a step of its own.
std::size_t hget_many(Services& services, Session& session, std::span<const resp::Args> requests,
                      resp::Reply& reply) {
  struct One {
    KeyLocks::Stripe stripe;
    KeyLocks::Version version;
    std::size_t place;
    bool is_error;
  };
  // Where there are documents each key is asked for its type.
  if (services.seen.documents.load(std::memory_order_relaxed)) return 0;
  std::array<One, k_ahead_requests> ones;
  std::array<ullage::Key, k_ahead_requests> keys;
  std::size_t count = 0;
  for (const resp::Args& args : requests) {
    // Names that are marked in the cache are rare, and left to hget().
    if (session.database != 0 || is_marked(args[1]) || is_marked(args[2])) break;
    keys[count] = {args[1], args[2]};
    One& one = ones[count++];
    one.stripe = services.locks.stripe_of(args[1]);
    one.version = services.locks.begin_read(one.stripe);
  }
  const bool strings = services.seen.strings.load(std::memory_order_relaxed);
  const auto done = services.cache.visit_many(
      std::span(keys).first(count), [&](std::size_t i, std::optional<std::string_view> value) {
        ones[i].place = reply.output().size();
        ones[i].is_error =
            !value && strings && services.cache.contains(keys[i].group, k_string_field);
        if (value) {
          reply.bulk(*value);
        } else if (ones[i].is_error) {
          reply.error(k_wrong_type);
        } else {
          reply.null();
        }
      });
  if (!done || reply.output().failed()) {
    if (count != 0) reply.output().truncate(ones[0].place);
    return 0;
  }
  // From the first on that met a change of several entries, they are asked again.
  for (std::size_t i = 0; i < count; ++i) {
    if (!services.locks.undisturbed(ones[i].stripe, ones[i].version)) {
      reply.output().truncate(ones[i].place);
      return i;
    }
    if (ones[i].is_error) services.counters.errors.fetch_add(1, std::memory_order_relaxed);
  }
  return count;
}

// As many as the cache looks for together.
constexpr std::size_t k_fields_at_once = 32;

void hmget(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    call.reply.array(call.args.size() - 2);
    std::array<ullage::Key, k_fields_at_once> keys;
    for (std::size_t i = 2; i < call.args.size();) {
      std::size_t count = 0;
      while (count < keys.size() && i < call.args.size() && !is_marked(call.args[i]))
        keys[count++] = {key.group(), call.args[i++]};
      static_cast<void>(
          call.cache().visit_many(std::span(keys).first(count),
                                  [&](std::size_t /*i*/, std::optional<std::string_view> value) {
                                    value ? call.reply.bulk(*value) : call.reply.null();
                                  }));
      // A name that is marked in the cache is asked for by itself.
      if (count < keys.size() && i < call.args.size())
        call.value_or_null(key, FieldName(call.args[i++]));
    }
  });
}

void hdel(Call& call) {
  const Key key = call.key(1);
  const Writing held(
      call, key, call.args.size() == 3 ? Writing::Changes::one_entry : Writing::Changes::several);
  if (call.is_no_hash(key)) return call.wrong_type();
  std::int64_t removed = 0;
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    if (call.cache().erase(key.group(), FieldName(call.args[i]))) ++removed;
  }
  if (removed != 0) call.changed_or_gone(key, k_event_hdel);
  call.reply.integer(removed);
}

void hexists(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    call.reply.integer(call.cache().contains(key.group(), FieldName(call.args[2])) ? 1 : 0);
  });
}

void hlen(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    call.reply.integer(static_cast<std::int64_t>(call.cache().group_size(key.group())));
  });
}

void hstrlen(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    const auto bytes = call.cache().value_size(key.group(), FieldName(call.args[2]));
    call.reply.integer(static_cast<std::int64_t>(bytes.value_or(0)));
  });
}

void hincrby(Call& call) {
  const auto by = call.integer(3);
  if (!by) return;
  const Key key = call.key(1);
  const FieldName field(call.args[2]);
  if (!call.name_fits(key) || !call.name_fits(field)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  if (call.is_no_hash(key)) return call.wrong_type();
  const auto value = call.cache().increment(key.group(), field, *by);
  if (!value) {
    if (value.error().code == Errc::not_a_number)
      return call.error("ERR hash value is not an integer");
    if (value.error().code == Errc::out_of_range)
      return call.error("ERR increment or decrement would overflow");
    return call.refused(value.error());
  }
  call.changed(key, k_event_hincrby);
  call.reply.integer(*value);
}

void hincrbyfloat(Call& call) {
  const auto by = parse_real(call.args[3]);
  if (!by) return call.error("ERR value is not a valid float");
  if (std::isinf(*by)) return call.error("ERR value is NaN or Infinity");
  const Key key = call.key(1);
  const FieldName field(call.args[2]);
  if (!call.name_fits(key) || !call.name_fits(field)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  if (call.is_no_hash(key)) return call.wrong_type();
  std::string_view failure;
  std::string text;
  const auto done = call.cache().update(
      key.group(), field,
      [&](std::optional<std::string_view> present) -> std::optional<std::string> {
        const auto value = present ? parse_real(*present) : std::optional<long double>(0);
        failure = {};
        if (!value) {
          failure = "ERR hash value is not a float";
          return std::nullopt;
        }
        const long double sum = *value + *by;
        if (std::isnan(sum) || std::isinf(sum)) {
          failure = "ERR increment would produce NaN or Infinity";
          return std::nullopt;
        }
        text = real_text(sum);
        return text;
      },
      {.keep_ttl = true});
  if (!done) return call.refused(done.error());
  if (!failure.empty()) return call.error(failure);
  call.changed(key, k_event_hincrbyfloat);
  call.reply.bulk(text);
}

constexpr std::uint32_t k_writes_fast = k_write | k_denyoom | k_fast;
constexpr std::uint32_t k_reads_fast = k_readonly | k_fast;

constexpr Row k_rows[] = {
    {.name = "HSET",
     .arity = -4,
     .flags = k_writes_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field value [field value ...]",
     .summary = "Sets fields of a hash; answers how many are new.",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .entries = Entries::pairs,
     .run = hset<Answer::added>},
    {.name = "HSETNX",
     .arity = 4,
     .flags = k_writes_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field value",
     .summary = "Sets a field only if it does not exist.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hsetnx},
    {.name = "HMSET",
     .arity = -4,
     .flags = k_writes_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field value [field value ...]",
     .summary = "Sets fields of a hash, as HSET; answers OK.",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .entries = Entries::pairs,
     .run = hset<Answer::ok>},
    {.name = "HGET",
     .arity = 3,
     .flags = k_reads_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field",
     .summary = "The value of a field.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hget,
     .run_many = hget_many},
    {.name = "HMGET",
     .arity = -3,
     .flags = k_reads_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field [field ...]",
     .summary = "The values of fields.",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .entries = Entries::asked_fields,
     .run = hmget},
    {.name = "HDEL",
     .arity = -3,
     .flags = k_write | k_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field [field ...]",
     .summary = "Removes fields; the last one takes its key along.",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .entries = Entries::fields,
     .run = hdel},
    {.name = "HEXISTS",
     .arity = 3,
     .flags = k_reads_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field",
     .summary = "Whether a field exists.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hexists},
    {.name = "HLEN",
     .arity = 2,
     .flags = k_reads_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key",
     .summary = "How many fields a hash has; expired ones never count.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .entries = Entries::string,
     .run = hlen},
    {.name = "HSTRLEN",
     .arity = 3,
     .flags = k_reads_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field",
     .summary = "The length of a field's value.",
     .since = "3.2.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hstrlen},
    {.name = "HINCRBY",
     .arity = 4,
     .flags = k_access | k_writes_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field increment",
     .summary = "Adds to the integer in a field, 0 if it does not exist.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hincrby},
    {.name = "HINCRBYFLOAT",
     .arity = 4,
     .flags = k_access | k_writes_fast,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key field increment",
     .summary = "Adds to the number in a field, 0 if it does not exist.",
     .since = "2.6.0",
     .complexity = "O(1)",
     .entries = Entries::field,
     .run = hincrbyfloat},
};

}  // namespace

std::span<const Row> hash_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
