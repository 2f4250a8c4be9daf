// Keys, whatever they hold.
#include "command/call.h"
#include "command/families.h"
#include "command/key_ttl.h"

#include <string>
#include <vector>

namespace ullage::command {

namespace {

void del(Call& call) {
  const Writing held(call, call.stripes(1, 1));
  std::int64_t removed = 0;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    const Key key = call.key(i);
    if (!call.cache().erase_group(key.group())) continue;
    call.changed(key, k_event_del);
    ++removed;
  }
  call.reply.integer(removed);
}

void exists(Call& call) {
  const auto stripes = call.stripes(1, 1);
  call.reading(stripes, [&] {
    std::int64_t there = 0;
    for (std::size_t i = 1; i < call.args.size(); ++i) {
      if (call.exists(call.key(i))) ++there;
    }
    call.reply.integer(there);
  });
}

template <bool replace>
void rename(Call& call) {
  const Key from = call.key(1);
  const Key to = call.key(2);
  if (!call.name_fits(to)) return;
  const Writing held(call, {from.stripe(), to.stripe()});
  if (!call.exists(from)) return call.error(k_no_such_key);
  const bool same = from.group() == to.group();
  if (!replace && (same || call.exists(to))) return call.reply.integer(0);
  if (!same) {
    const auto done = call.cache().rename_group(from.group(), to.group(), replace);
    if (!done) {
      if (done.error().code == Errc::not_found) return call.error(k_no_such_key);
      return call.refused(done.error());
    }
    call.changed(from, k_event_rename_from);
    call.changed(to, k_event_rename_to);
  }
  if (replace) {
    call.reply.ok();
  } else {
    call.reply.integer(1);
  }
}

std::optional<Error> copy_fields(Cache& cache, const Key& from, const Key& to) {
  std::optional<Error> failure;
  const auto walked =
      cache.for_each(from.group(), [&](std::string_view field, std::string_view value) {
        if (failure) return;
        SetOptions options;
        if (const auto ttl = cache.ttl(from.group(), field)) options.ttl = ttl->remaining;
        const auto done = cache.set(to.group(), field, value, options);
        if (!done) failure = done.error();
      });
  if (!walked) failure = walked.error();
  return failure;
}

/// Its leaves as they are, and that it is one.
std::optional<Error> copy_document(Cache& cache, const Key& from, const Key& to) {
  std::optional<Error> failure;
  const auto read = cache.read_group(from.group(), [&](const GroupView& document) {
    const auto done = cache.edit_group(to.group(), [&](GroupEdit& edit) -> Result<void> {
      edit.set_kind(document.kind);
      for (const GroupEntry& leaf : document.entries)
        edit.set(leaf.field, leaf.value, {.ttl = leaf.ttl.remaining, .keep_ttl = false});
      return {};
    });
    if (!done) failure = done.error();
  });
  if (!read) failure = read.error();
  return failure;
}

void copy(Call& call) {
  unsigned database = call.session.database;
  bool replace = false;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    if (call.is_word(i, "REPLACE")) {
      replace = true;
    } else if (call.is_word(i, "DB") && i + 1 < call.args.size()) {
      const auto given = call.integer(++i);
      if (!given) return;
      if (*given < 0 || *given >= k_databases) return call.error("ERR DB index is out of range");
      database = static_cast<unsigned>(*given);
    } else {
      return call.syntax_error();
    }
  }
  const Key from = call.key(1);
  const Key to(call.services.locks, database, call.args[2]);
  if (from.group() == to.group())
    return call.error("ERR source and destination objects are the same");
  if (!call.name_fits(to)) return;
  if (database != 0) call.services.seen.other_databases.store(true, std::memory_order_relaxed);
  const Writing held(call, {from.stripe(), to.stripe()});
  const KeyEnd end = key_end(call, from);
  if (!end.exists) return call.reply.integer(0);
  if (const std::uint64_t fields = call.cache().group_size(from.group());
      fields > k_atomic_fields_max) {
    return call.error("ERR a hash of " + std::to_string(fields) +
                      " fields is too large to be copied as one step, which takes at most " +
                      std::to_string(k_atomic_fields_max));
  }
  if (call.exists(to)) {
    if (!replace) return call.reply.integer(0);
    call.cache().erase_group(to.group());
  }
  const std::optional<Error> failure = call.is_document(from)
                                           ? copy_document(call.cache(), from, to)
                                           : copy_fields(call.cache(), from, to);
  call.changed(to, k_event_copy_to);
  if (failure) {
    call.cache().erase_group(to.group());
    return call.refused(*failure);
  }
  if (end.at_ms && !call.is_string(to)) set_key_end(call, to, end.at_ms);
  call.reply.integer(1);
}

void touch(Call& call) {
  const auto stripes = call.stripes(1, 1);
  call.reading(stripes, [&] {
    std::int64_t there = 0;
    for (std::size_t i = 1; i < call.args.size(); ++i) {
      const Key key = call.key(i);
      if (call.is_string(key)) {
        // A read is what makes an entry recent; without a buffer it copies nothing. A hash is used
        // field by field, and has no entry that could stand for all of them.
        static_cast<void>(call.cache().get_into(key.group(), k_string_field, {}));
      } else if (!call.exists(key)) {
        continue;
      }
      ++there;
    }
    call.reply.integer(there);
  });
}

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                  std::string_view syntax, std::string_view summary, std::string_view since,
                  std::string_view complexity, Run run) {
  return make_row(Family::generic, name, arity, flags, keys, syntax, summary, since, complexity,
                  run);
}
constexpr KeyPositions k_two = {1, 2, 1};

constexpr Row k_rows[] = {
    row("DEL", -2, k_write, k_all_keys, "key [key ...]", "Removes keys, whatever they hold.",
        "1.0.0", "O(1) for each key: a large one is freed in steps afterwards", del),
    row("UNLINK", -2, k_write | k_fast, k_all_keys, "key [key ...]", "Removes keys, as DEL.",
        "4.0.0", "O(1) for each key", del),
    row("EXISTS", -2, k_readonly | k_fast, k_all_keys, "key [key ...]",
        "How many of the keys exist.", "1.0.0", "O(1) for each key", exists),
    row("RENAME", 3, k_access | k_write, k_two, "key newkey", "Gives a key another name.", "1.0.0",
        "O(1), whatever the key holds", rename</*replace=*/true>),
    row("RENAMENX", 3, k_access | k_write | k_fast, k_two, "key newkey",
        "Gives a key another name, if nothing has it.", "1.0.0", "O(1), whatever the key holds",
        rename</*replace=*/false>),
    row("COPY", -3, k_access | k_write | k_denyoom, k_two,
        "source destination [DB destination-db] [REPLACE]", "Copies what a key holds.", "6.2.0",
        "O(N) for N fields", copy),
    row("TOUCH", -2, k_readonly | k_fast, k_all_keys, "key [key ...]",
        "How many of the keys exist; a string counts as used, a hash's fields do not.", "3.2.1",
        "O(1) for each key", touch),
};

}  // namespace

std::span<const Row> key_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
