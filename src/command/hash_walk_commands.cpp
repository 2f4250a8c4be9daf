// Walks over the fields of a hash: all of them as one step, some at random, or a part at a time.
#include "command/call.h"
#include "command/families.h"
#include "command/glob.h"
#include "command/scan_options.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

/// Whether a hash is small enough to be read as one step; an error is written if not.
bool is_one_step(Call& call, const Key& key) {
  const std::uint64_t fields = call.cache().group_size(key.group());
  if (fields <= k_atomic_fields_max) return true;
  call.error("ERR a hash of " + std::to_string(fields) +
             " fields is too large to be read as one step, which takes at most " +
             std::to_string(k_atomic_fields_max) + ": use HSCAN");
  return false;
}

enum class What : std::uint8_t { both, fields, values };

template <What what>
void reply_all(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (!is_one_step(call, key)) return;
    const std::size_t place = call.reply.later();
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
      call.reply.output().truncate(place);
      return walked ? call.wrong_type() : call.refused(walked.error());
    }
    if (what == What::both) {
      call.reply.map_at(place, count);
    } else {
      call.reply.array_at(place, count);
    }
  });
}

/// The fields of a hash in private memory, to choose from.
class Copy {
 public:
  explicit Copy(Call& call, const Key& key, bool with_values) {
    auto walked =
        call.cache().for_each(key.group(), [&](std::string_view field, std::string_view value) {
          if (is_string_value(field)) {
            is_string_ = true;
            return;
          }
          fields_.push_back(add(decode_field(field)));
          if (with_values) values_.push_back(add(value));
        });
    if (!walked) fields_.clear();
  }
  [[nodiscard]] bool is_string() const noexcept { return is_string_; }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] std::string_view field(std::size_t i) const { return view(fields_[i]); }
  [[nodiscard]] std::string_view value(std::size_t i) const { return view(values_[i]); }

 private:
  struct Stretch {
    std::size_t at = 0;
    std::size_t bytes = 0;
  };
  Stretch add(std::string_view bytes) {
    const Stretch stretch{bytes_.size(), bytes.size()};
    bytes_.append(bytes);
    return stretch;
  }
  [[nodiscard]] std::string_view view(Stretch s) const {
    return std::string_view(bytes_).substr(s.at, s.bytes);
  }

  std::string bytes_;
  std::vector<Stretch> fields_;
  std::vector<Stretch> values_;
  bool is_string_ = false;
};

void reply_chosen(Call& call, const Copy& copy, const std::vector<std::size_t>& chosen,
                  bool with_values) {
  // RESP3 has a pair an element, RESP2 a flat list.
  call.reply.array(with_values && !call.reply.is_resp3() ? 2 * chosen.size() : chosen.size());
  for (const std::size_t i : chosen) {
    if (with_values && call.reply.is_resp3()) call.reply.array(2);
    call.reply.bulk(copy.field(i));
    if (with_values) call.reply.bulk(copy.value(i));
  }
}

void hrandfield(Call& call) {
  std::optional<std::int64_t> count;
  bool with_values = false;
  if (call.args.size() > 4) return call.syntax_error();
  if (call.args.size() > 2) {
    constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();
    count = call.integer_in(2, -k_most, k_most);
    if (!count) return;
    if (call.args.size() == 4) {
      if (!call.is_word(3, "WITHVALUES")) return call.syntax_error();
      with_values = true;
      if (*count < -k_most / 2 || *count > k_most / 2)
        return call.error("ERR value is out of range");
    }
  }
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (!is_one_step(call, key)) return;
    const Copy copy(call, key, with_values);
    if (copy.is_string()) return call.wrong_type();
    thread_local std::minstd_rand random(std::random_device{}());
    if (!count) {
      if (copy.size() == 0) return call.reply.null();
      return call.reply.bulk(copy.field(random() % copy.size()));
    }
    std::vector<std::size_t> chosen;
    if (copy.size() != 0 && *count < 0) {
      const std::int64_t wanted = -*count;
      if (wanted > static_cast<std::int64_t>(k_atomic_fields_max)) {
        return call.error("ERR a count of " + std::to_string(wanted) + " is more than " +
                          std::to_string(k_atomic_fields_max));
      }
      for (std::int64_t i = 0; i < wanted; ++i)
        chosen.push_back(random() % copy.size());
    } else if (copy.size() != 0) {
      std::vector<std::size_t> all(copy.size());
      for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = i;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(
          static_cast<std::uint64_t>(*count), static_cast<std::uint64_t>(copy.size())));
      std::sample(all.begin(), all.end(), std::back_inserter(chosen), wanted, random);
    }
    reply_chosen(call, copy, chosen, with_values);
  });
}

void hscan(Call& call) {
  if (!ScanOptions::parse_cursor(call, 2)) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_string(key)) return call.wrong_type();
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
