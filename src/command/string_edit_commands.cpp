// Plain strings, in part: as numbers, and by ranges of their bytes.
#include "command/families.h"
#include "command/real.h"
#include "command/string_write.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace ullage::command {

namespace {

// --- numbers ---

void add(Call& call, std::int64_t by) {
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  if (!may_be_string(call, key)) return;
  const auto value = call.cache().increment(key.group(), k_string_field, by);
  if (!value) {
    if (value.error().code == Errc::not_a_number) return call.error(k_not_an_integer);
    if (value.error().code == Errc::out_of_range)
      return call.error("ERR increment or decrement would overflow");
    return call.refused(value.error());
  }
  call.changed(key, k_event_incrby);
  call.reply.integer(*value);
}
template <std::int64_t by>
void step(Call& call) {
  add(call, by);
}
void incrby(Call& call) {
  if (const auto by = call.integer(2)) add(call, *by);
}
void decrby(Call& call) {
  const auto by = call.integer(2);
  if (!by) return;
  if (*by == std::numeric_limits<std::int64_t>::min())
    return call.error("ERR decrement would overflow");
  add(call, -*by);
}

/// Writes what `edit(text, exists)` makes of the string ("" if there is none); it may refuse with
/// an error that is not empty. True if it was written.
template <class Edit>
bool edit_string(Call& call, const Key& key, const Event& event, Edit edit) {
  if (!may_be_string(call, key)) return false;
  std::string_view failure;
  const auto done = call.cache().update(
      key.group(), k_string_field,
      [&](std::optional<std::string_view> present) -> std::optional<std::string> {
        std::string text(present.value_or(std::string_view()));
        failure = edit(text, present.has_value());
        if (!failure.empty()) return std::nullopt;
        return text;
      },
      {.keep_ttl = true});
  if (!failure.empty()) {
    call.error(failure);
    return false;
  }
  if (!done) {
    call.refused(done.error());
    return false;
  }
  call.changed(key, event);
  return true;
}

void incrbyfloat(Call& call) {
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  if (!may_be_string(call, key)) return;
  const auto by = parse_real(call.args[2]);
  if (!by) return call.error("ERR value is not a valid float");
  std::string sum;
  const bool done =
      edit_string(call, key, k_event_incrbyfloat, [&](std::string& text, bool exists) {
        const auto value = !exists ? std::optional<long double>(0) : parse_real(text);
        if (!value) return std::string_view("ERR value is not a valid float");
        const long double real = *value + *by;
        if (std::isnan(real) || std::isinf(real))
          return std::string_view("ERR increment would produce NaN or Infinity");
        sum = text = real_text(real);
        return std::string_view();
      });
  if (done) call.reply.bulk(sum);
}

// --- ranges ---

constexpr std::string_view k_too_long =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

void append(Call& call) {
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::one_entry);
  std::size_t bytes = 0;
  const bool done = edit_string(call, key, k_event_append, [&](std::string& text, bool /*exists*/) {
    if (text.size() + call.args[2].size() > call.services.limits.value_max_bytes) return k_too_long;
    text += call.args[2];
    bytes = text.size();
    return std::string_view();
  });
  if (done) call.reply.integer(static_cast<std::int64_t>(bytes));
}

void reply_length(Call& call, const Key& key) {
  if (call.is_document(key)) return call.wrong_type();
  const auto bytes = call.cache().value_size(key.group(), k_string_field);
  if (!bytes && call.exists(key)) return call.wrong_type();
  call.reply.integer(static_cast<std::int64_t>(bytes.value_or(0)));
}

void strlen_of(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] { reply_length(call, key); });
}

void setrange(Call& call) {
  const auto offset = call.integer(2);
  if (!offset) return;
  if (*offset < 0) return call.error("ERR offset is out of range");
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const std::string_view bytes = call.args[3];
  const Writing held(call, key, Writing::Changes::one_entry);
  if (bytes.empty()) return reply_length(call, key);
  const auto at = static_cast<std::uint64_t>(*offset);
  std::size_t length = 0;
  const bool done =
      edit_string(call, key, k_event_setrange, [&](std::string& text, bool /*exists*/) {
        const std::size_t most = call.services.limits.value_max_bytes;
        if (at > most || bytes.size() > most - at) return k_too_long;
        if (text.size() < at + bytes.size()) text.resize(at + bytes.size());
        text.replace(at, bytes.size(), bytes);
        length = text.size();
        return std::string_view();
      });
  if (done) call.reply.integer(static_cast<std::int64_t>(length));
}

/// From `first` to `last`, both counted from the end if negative, within `text`.
std::string_view range_of(std::string_view text, std::int64_t first, std::int64_t last) {
  if (first < 0 && last < 0 && first > last) return {};
  const auto size = static_cast<std::int64_t>(text.size());
  first = first < 0 ? std::max<std::int64_t>(first + size, 0) : first;
  last = last < 0 ? std::max<std::int64_t>(last + size, 0) : last;
  last = std::min(last, size - 1);
  if (first > last || size == 0) return {};
  return text.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1));
}

void getrange(Call& call) {
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_document(key)) return call.wrong_type();
    const auto seen = call.cache().visit(key.group(), k_string_field, [&](std::string_view text) {
      call.reply.bulk(range_of(text, *first, *last));
    });
    if (seen && *seen) return;
    if (call.exists(key)) return call.wrong_type();
    call.reply.bulk("");
  });
}

constexpr std::uint32_t k_writes = k_write | k_denyoom;

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, std::string_view since, Run run) {
  return make_row(Family::string, name, arity, flags, k_one_key, syntax, summary, since,
                  "O(N) for N bytes", run);
}

constexpr Row k_rows[] = {
    row("INCR", 2, k_access | k_writes | k_fast, "key", "Adds 1 to the integer in a string.",
        "1.0.0", step<1>),
    row("DECR", 2, k_access | k_writes | k_fast, "key", "Takes 1 from the integer in a string.",
        "1.0.0", step<-1>),
    row("INCRBY", 3, k_access | k_writes | k_fast, "key increment",
        "Adds to the integer in a string.", "1.0.0", incrby),
    row("DECRBY", 3, k_access | k_writes | k_fast, "key decrement",
        "Takes from the integer in a string.", "1.0.0", decrby),
    row("INCRBYFLOAT", 3, k_access | k_writes | k_fast, "key increment",
        "Adds to the number in a string.", "2.6.0", incrbyfloat),
    row("APPEND", 3, k_access | k_writes | k_fast, "key value",
        "Puts bytes at the end of a string.", "2.0.0", append),
    row("STRLEN", 2, k_readonly | k_fast, "key", "The length of a string.", "2.2.0", strlen_of),
    row("SETRANGE", 4, k_access | k_writes, "key offset value", "Overwrites a part of a string.",
        "2.2.0", setrange),
    row("GETRANGE", 4, k_readonly, "key start end", "A part of a string.", "2.4.0", getrange),
    row("SUBSTR", 4, k_readonly, "key start end", "A part of a string, as GETRANGE.", "1.0.0",
        getrange),
};

}  // namespace

std::span<const Row> string_edit_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
