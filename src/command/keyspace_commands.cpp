// Commands over all keys of a database.
#include <ullage/document.h>

#include "command/call.h"
#include "command/events.h"
#include "command/families.h"
#include "command/glob.h"
#include "command/keyspace.h"
#include "command/scan_options.h"
#include "command/words.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace ullage::command {

namespace {

std::string_view name_of(Type type) noexcept {
  switch (type) {
    case Type::string:
      return "string";
    case Type::hash:
      return "hash";
    case Type::document:
      return "ReJSON-RL";
    case Type::none:
      break;
  }
  return "none";
}

bool has_type(Call& call, std::string_view group, std::string_view wanted) {
  if (call.services.seen.documents.load(std::memory_order_relaxed)) {
    const auto kind = call.cache().group_kind(group);
    if (kind && kind->kind == k_group_kind_document) return same_word(wanted, "REJSON-RL");
  }
  const bool is_string = call.services.seen.strings.load(std::memory_order_relaxed) &&
                         call.cache().contains(group, k_string_field);
  return same_word(wanted, is_string ? "STRING" : "HASH");
}

void scan(Call& call) {
  const auto options = ScanOptions::parse(call, 1, ScanOptions::Of::keys);
  if (!options) return;
  const Keyspace keys(call);
  call.reply.array(2);
  const std::size_t place = call.reply.later();
  std::size_t count = 0;
  const auto next = call.cache().scan_groups(
      options->cursor, options->count, [&](std::string_view group, std::uint64_t /*fields*/) {
        const auto key = keys.key_of(group);
        if (!key || !options->matches(*key)) return;
        if (options->type && !has_type(call, group, *options->type)) return;
        call.reply.bulk(*key);
        ++count;
      });
  call.reply.array_at(place, count);
  call.reply.bulk_at(place, std::to_string(next ? *next : 0));
}

class KeysWork {
 public:
  bool visit(Call& call, std::string_view /*group*/, std::string_view key) {
    if (!glob_matches(call.args[1], key)) return true;
    begin(call);
    call.reply.bulk(key);
    ++count_;
    return !call.reply.output().failed();
  }
  void end(Call& call) {
    begin(call);
    call.reply.array_at(*place_, count_);
  }

 private:
  void begin(const Call& call) {
    if (!place_) place_ = call.reply.later();
  }

  std::optional<std::size_t> place_;
  std::size_t count_ = 0;
};

void keys(Call& call) {
  Keyspace::walk_in_steps(call, {.read = true, .write = false}, KeysWork());
}

void randomkey(Call& call) {
  const Keyspace keys(call);
  // A place at random, and one of the keys that lie together there.
  constexpr int k_tries = 64;
  std::vector<std::string> found;
  const auto gather = [&](std::string_view group, std::uint64_t /*fields*/) {
    if (const auto key = keys.key_of(group)) found.emplace_back(*key);
  };
  for (int i = 0; i < k_tries && found.empty(); ++i)
    static_cast<void>(call.cache().scan_groups(call.services.random(), 1, gather));
  if (found.empty()) {  // few keys: any of them will do
    keys.walk([&](std::string_view group, std::string_view /*key*/) {
      gather(group, 0);
      return found.size() < k_tries;
    });
  }
  if (found.empty()) return call.reply.null();
  call.reply.bulk(found[call.services.random() % found.size()]);
}

struct CountWork {
  std::int64_t count = 0;

  bool visit(Call& /*call*/, std::string_view /*group*/, std::string_view /*key*/) {
    ++count;
    return true;
  }
  void end(Call& call) const { call.reply.integer(count); }
};

void dbsize(Call& call) {
  if (Keyspace(call).is_everything())
    return call.reply.integer(static_cast<std::int64_t>(call.cache().group_count()));
  Keyspace::walk_in_steps(call, {.read = true, .write = false}, CountWork());
}

bool flush_words(Call& call) {
  if (call.args.size() == 1 ||
      (call.args.size() == 2 && (call.is_word(1, "ASYNC") || call.is_word(1, "SYNC"))))
    return true;
  call.syntax_error();
  return false;
}

void flush_everything(Call& call) {
  call.cache().clear();
  call.services.watches.all_changed();
  call.services.tracking.everything_changed();
}

void flush_group(Call& call, std::string_view group) {
  call.cache().erase_group(group);
  call.services.watches.changed(group);
  call.services.tracking.changed(group, {}, call.client_id());
}

struct FlushWork {
  bool visit(Call& call, std::string_view group, std::string_view /*key*/) {
    flush_group(call, group);
    return true;
  }
  void end(Call& call) { call.reply.ok(); }
};

void flushall(Call& call) {
  if (!flush_words(call)) return;
  if (call.session.user->is_tenant())
    return Keyspace::walk_in_steps(call, {.read = false, .write = true}, FlushWork(),
                                   Keyspace::Databases::all);
  flush_everything(call);
  call.reply.ok();
}

void flushdb(Call& call) {
  if (!flush_words(call)) return;
  if (!Keyspace(call, {.read = false, .write = true}).is_everything())
    return Keyspace::walk_in_steps(call, {.read = false, .write = true}, FlushWork());
  flush_everything(call);
  call.reply.ok();
}

// --- OBJECT ---

// What Redis says of its own encodings. Ours are pages, but clients' tools look for these words,
// and they tell the same thing: whether it is small.
constexpr std::uint64_t k_small_fields_max = 512;
constexpr std::size_t k_small_bytes_max = 64;
constexpr std::size_t k_embedded_bytes_max = 44;

std::string_view string_encoding(std::string_view text) {
  if (resp::parse_integer(text)) return "int";
  return text.size() <= k_embedded_bytes_max ? "embstr" : "raw";
}

std::string_view hash_encoding(Call& call, const Key& key) {
  if (call.cache().group_size(key.group()) > k_small_fields_max) return "hashtable";
  bool small = true;
  static_cast<void>(
      call.cache().for_each(key.group(), [&](std::string_view field, std::string_view value) {
        small = small && decode_field(field).size() <= k_small_bytes_max &&
                value.size() <= k_small_bytes_max;
      }));
  return small ? "listpack" : "hashtable";
}

void object_encoding(Call& call) {
  const Key key = call.key(2);
  call.reading(key, [&] {
    switch (call.type_of(key)) {
      case Type::none:
        return call.reply.null();
      case Type::string: {
        const auto value = call.cache().get(key.group(), k_string_field);
        return value ? call.reply.bulk(string_encoding(*value)) : call.reply.null();
      }
      case Type::hash:
        return call.reply.bulk(hash_encoding(call, key));
      case Type::document:
        return call.reply.bulk("unknown");  // as of what modules keep
    }
  });
}

void object_refcount(Call& call) {
  const Key key = call.key(2);
  call.exists(key) ? call.reply.integer(1) : call.reply.null();
}

// What Redis counts to 255 by a logarithm, the cache counts to 4: seen once, twice, three times,
// more often.
void object_freq(Call& call) {
  const auto info = call.cache().group_info(call.key(2).group());
  info ? call.reply.integer(info->seen) : call.reply.null();
}

void object_idletime(Call& call) {
  const auto info = call.cache().group_info(call.key(2).group());
  info ? call.reply.integer(info->idle.count() / 1000) : call.reply.null();
}

void type(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] { call.reply.simple(name_of(call.type_of(key))); });
}

constexpr Row k_object_rows[] = {
    make_row(Family::generic, "ENCODING", 3, k_readonly, {2, 2, 1}, "key",
             "How a key's value would be kept by Redis: whether it is small.", "2.2.3",
             "O(1), O(N) for a hash of N <= 512 fields", object_encoding),
    make_row(Family::generic, "FREQ", 3, k_readonly, {2, 2, 1}, "key",
             "How often a key was used of late: 1 to 4, and 4 is \"more often\".", "4.0.0",
             "O(N) for a hash of N fields, in steps", object_freq),
    make_row(Family::generic, "IDLETIME", 3, k_readonly, {2, 2, 1}, "key",
             "How many seconds a key was not used, at least: a cache into which nothing new comes "
             "does not age.",
             "2.2.3", "O(N) for a hash of N fields, in steps", object_idletime),
    make_row(Family::generic, "REFCOUNT", 3, k_readonly, {2, 2, 1}, "key",
             "1: values are not shared.", "2.2.3", "O(1)", object_refcount),
};

constexpr Row row(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                  std::string_view syntax, std::string_view summary, std::string_view since,
                  std::string_view complexity, Run run) {
  return make_row(Family::generic, name, arity, flags, keys, syntax, summary, since, complexity,
                  run);
}
constexpr Row object_row() {
  Row row = make_row(Family::generic, "OBJECT", -2, k_readonly, k_no_keys,
                     "ENCODING | FREQ | IDLETIME | REFCOUNT | HELP", "How a key is kept.", "2.2.3",
                     "O(1)", nullptr);
  row.subcommands = k_object_rows;
  return row;
}

constexpr Row k_rows[] = {
    row("SCAN", -2, k_readonly | k_tenants, k_no_keys,
        "cursor [MATCH pattern] [COUNT count] [TYPE type]", "Some of the keys, and where to go on.",
        "2.8.0", "O(1) for each call, O(N) for a whole walk", scan),
    row("KEYS", 2, k_readonly | k_dangerous | k_tenants, k_no_keys, "pattern",
        "All keys that match a pattern.", "1.0.0", "O(N) for N keys", keys),
    row("RANDOMKEY", 1, k_readonly | k_tenants, k_no_keys, "", "A key at random.", "1.0.0", "O(1)",
        randomkey),
    row("DBSIZE", 1, k_readonly | k_fast | k_tenants, k_no_keys, "", "How many keys there are.",
        "1.0.0", "O(1); O(N) for a database other than 0 and for a tenant", dbsize),
    row("FLUSHALL", -1, k_write | k_dangerous | k_tenants, k_no_keys, "[ASYNC | SYNC]",
        "Removes all keys of all databases.", "1.0.0",
        "O(1): what they took is freed in steps afterwards", flushall),
    row("FLUSHDB", -1, k_write | k_dangerous | k_tenants, k_no_keys, "[ASYNC | SYNC]",
        "Removes all keys of the database.", "1.0.0",
        "O(1); O(N) where there are other databases, and for a tenant", flushdb),
    row("TYPE", 2, k_readonly | k_fast, k_one_key, "key", "What a key holds: string, hash or none.",
        "1.0.0", "O(1)", type),
    object_row(),
};

}  // namespace

std::span<const Row> keyspace_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
