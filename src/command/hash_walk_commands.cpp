// Walks over the fields of a hash: all of them as one step, some at random, or a part at a time.
#include "command/call.h"
#include "command/families.h"
#include "command/glob.h"
#include "command/scan_options.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

/// Whether a hash is small enough to be read as one step; an error is written if not.
/// How many fields the hash has, if so many can be read as one step; else the error is written.
std::optional<std::uint64_t> fields_of_one_step(Call& call, const Key& key) {
  const std::uint64_t fields = call.cache().group_size(key.group());
  if (fields <= k_atomic_fields_max) return fields;
  call.error("ERR a hash of " + std::to_string(fields) +
             " fields is too large to be read as one step, which takes at most " +
             std::to_string(k_atomic_fields_max) + ": use HSCAN");
  return std::nullopt;
}

enum class What : std::uint8_t { both, fields, values };

template <What what>
void reply_all(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_document(key)) return call.wrong_type();
    const auto fields = fields_of_one_step(call, key);
    if (!fields) return;
    const resp::Reply::Guess head =
        what == What::both ? call.reply.guess_map(*fields) : call.reply.guess_array(*fields);
    std::size_t count = 0;
    bool is_string = false;
    const auto walked =
        call.cache().for_each(key.group(), [&](std::string_view field, std::string_view value) {
          if (is_string_value(field)) {
            is_string = true;
            return;
          }
          if (what != What::values) call.reply.bulk(decode_field(field));
          if (what != What::fields) call.reply.bulk(value);
          ++count;
        });
    if (!walked || is_string) {
      call.reply.output().truncate(head.place);
      return walked ? call.wrong_type() : call.refused(walked.error());
    }
    call.reply.correct(head, count);
  });
}

/// What HRANDFIELD was asked for.
struct Wanted {
  std::optional<std::int64_t> count;  ///< none: one, as a bulk; negative: with repetitions
  bool with_values = false;
};

std::optional<Wanted> parse_wanted(Call& call) {
  Wanted wanted;
  if (call.args.size() > 4) {
    call.syntax_error();
    return std::nullopt;
  }
  if (call.args.size() == 2) return wanted;
  constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();
  wanted.count = call.integer_in(2, -k_most, k_most);
  if (!wanted.count) return std::nullopt;
  if (call.args.size() == 4) {
    if (!call.is_word(3, "WITHVALUES")) {
      call.syntax_error();
      return std::nullopt;
    }
    wanted.with_values = true;
    if (*wanted.count < -k_most / 2 || *wanted.count > k_most / 2) {
      call.error("ERR value is out of range");
      return std::nullopt;
    }
  }
  if (*wanted.count < -static_cast<std::int64_t>(k_atomic_fields_max)) {
    call.error("ERR a count of " + std::to_string(-*wanted.count) + " is more than " +
               std::to_string(k_atomic_fields_max));
    return std::nullopt;
  }
  return wanted;
}

/// Numbers below `fields`, in ascending order: as many as are wanted, each once or with
/// repetitions.
std::vector<std::uint64_t> choose(RandomSource& random, std::int64_t count, std::uint64_t fields) {
  std::vector<std::uint64_t> chosen;
  if (count < 0) {
    for (std::int64_t i = 0; i < -count; ++i)
      chosen.push_back(random() % fields);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  }
  // Selection sampling: Knuth, The Art of Computer Programming 2, algorithm S.
  std::uint64_t left = std::min(static_cast<std::uint64_t>(count), fields);
  for (std::uint64_t i = 0; left != 0; ++i) {
    if (random() % (fields - i) >= left) continue;
    chosen.push_back(i);
    --left;
  }
  return chosen;
}

/// Writes the fields whose numbers were chosen, as the walk meets them: nothing of the hash is
/// copied but what is answered. False if the hash had another number of fields than was thought.
bool reply_chosen(Call& call, const Key& key, const std::vector<std::uint64_t>& chosen,
                  std::uint64_t fields, const Wanted& wanted) {
  const bool pairs = wanted.with_values && call.reply.is_resp3();  // RESP2 has a flat list
  const std::size_t place = call.reply.later();
  std::size_t count = 0;
  std::size_t next = 0;
  std::uint64_t number = 0;
  static_cast<void>(
      call.cache().for_each(key.group(), [&](std::string_view field, std::string_view value) {
        for (; next < chosen.size() && chosen[next] == number; ++next, ++count) {
          if (pairs) call.reply.array(2);
          call.reply.bulk(decode_field(field));
          if (wanted.with_values) call.reply.bulk(value);
        }
        ++number;
      }));
  if (wanted.count) {
    call.reply.array_at(place, wanted.with_values && !pairs ? 2 * count : count);
  } else if (count == 0) {
    call.reply.null();
  }
  return number == fields;
}

// A hash that changes all the while is chosen from so often.
constexpr int k_choices_max = 4;

/// A place at random, and one of the fields that lie together there. For hashes that are not read
/// as one step.
void reply_any(Call& call, const Key& key) {
  std::string any;
  std::uint64_t seen = 0;
  for (int tries = 0; tries < 64 && seen == 0; ++tries) {
    static_cast<void>(call.cache().scan(key.group(), call.services.random(), 1,
                                        [&](std::string_view field, std::string_view) {
                                          if (call.services.random() % ++seen == 0)
                                            any = decode_field(field);
                                        }));
  }
  seen == 0 ? call.reply.null() : call.reply.bulk(any);
}

void hrandfield(Call& call) {
  const auto wanted = parse_wanted(call);
  if (!wanted) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    const std::size_t place = call.reply.output().size();
    for (int tries = 0;; ++tries) {
      const std::uint64_t fields = call.cache().group_size(key.group());
      if (fields == 0) return wanted->count ? call.reply.array(0) : call.reply.null();
      if (!wanted->count && fields > k_atomic_fields_max) return reply_any(call, key);
      if (!fields_of_one_step(call, key)) return;
      const auto chosen = choose(call.services.random, wanted->count.value_or(1), fields);
      const bool agreed = reply_chosen(call, key, chosen, fields, *wanted);
      // Somebody adds or removes fields one by one: rather a few less than no end.
      if (agreed || tries == k_choices_max) break;
      call.reply.output().truncate(place);
    }
  });
}

void hscan(Call& call) {
  if (!ScanOptions::parse_cursor(call, 2)) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_no_hash(key)) return call.wrong_type();
    if (!call.exists(key)) {  // before the options are looked at
      call.reply.array(2);
      call.reply.bulk("0");
      return call.reply.array(0);
    }
    const auto options = ScanOptions::parse(call, 2, ScanOptions::Of::fields);
    if (!options) return;
    call.reply.array(2);
    const std::size_t place = call.reply.later();
    std::size_t count = 0;
    const auto next = call.cache().scan(key.group(), options->cursor, options->count,
                                        [&](std::string_view stored, std::string_view value) {
                                          if (is_string_value(stored)) return;
                                          const std::string_view field = decode_field(stored);
                                          if (!options->matches(field)) return;
                                          call.reply.bulk(field);
                                          if (!options->no_values) call.reply.bulk(value);
                                          ++count;
                                        });
    call.reply.array_at(place, options->no_values ? count : 2 * count);
    // The cursor stands before the elements.
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, next ? *next : 0);
    call.reply.bulk_at(place, {text, static_cast<std::size_t>(end.ptr - text)});
  });
}

constexpr Row k_rows[] = {
    {.name = "HGETALL",
     .arity = 2,
     .flags = k_readonly,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key",
     .summary = "All fields and values of a hash, as they were at one moment.",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .entries = Entries::string,
     .run = reply_all<What::both>},
    {.name = "HKEYS",
     .arity = 2,
     .flags = k_readonly,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key",
     .summary = "All fields of a hash.",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .entries = Entries::string,
     .run = reply_all<What::fields>},
    {.name = "HVALS",
     .arity = 2,
     .flags = k_readonly,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key",
     .summary = "All values of a hash.",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .entries = Entries::string,
     .run = reply_all<What::values>},
    {.name = "HRANDFIELD",
     .arity = -2,
     .flags = k_readonly,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key [count [WITHVALUES]]",
     .summary = "Fields chosen at random.",
     .since = "6.2.0",
     .complexity = "O(N) for N fields of the hash",
     .run = hrandfield},
    {.name = "HSCAN",
     .arity = -3,
     .flags = k_readonly,
     .keys = {1, 1, 1},
     .family = Family::hash,
     .syntax = "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
     .summary = "Some of a hash's fields, and where to go on.",
     .since = "2.8.0",
     .complexity = "O(1) for each call, O(N) for a whole walk",
     .run = hscan},
};

}  // namespace

std::span<const Row> hash_walk_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
