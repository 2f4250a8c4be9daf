// One row describes a command: dispatch, arity, the keys it names, its ACL categories, COMMAND DOCS
// and the reference page all read it, and nothing else knows.
#pragma once

#include "resp/reply.h"
#include "resp/request.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ullage::command {

class Call;
using Run = void (*)(Call&);
struct Services;
struct Session;
/// Runs requests of one command that stand together in a pipeline, as many as it can at once;
/// answers how many those were. REQUIRES: the row takes each, and nothing keeps it from running.
using RunMany = std::size_t (*)(Services&, Session&, std::span<const resp::Args>, resp::Reply&);

/// What a command is, in Redis's words.
enum Flag : std::uint32_t {
  k_write = 1U << 0,     ///< may change keys
  k_readonly = 1U << 1,  ///< reads keys
  k_denyoom = 1U << 2,   ///< may need memory
  k_admin = 1U << 3,
  k_pubsub = 1U << 4,
  k_fast = 1U << 6,      ///< its work does not grow with what is stored
  k_no_auth = 1U << 7,   ///< works before the client has said who he is
  k_no_multi = 1U << 8,  ///< not inside MULTI
  k_at_once = 1U << 9,   ///< runs inside MULTI instead of being queued
  k_dangerous = 1U << 11,
  k_scripting = 1U << 12,   ///< belongs to that ACL category too
  k_connection = 1U << 13,  ///< belongs to that ACL category too
  k_access = 1U << 16,      ///< writes, and tells what was there: takes the right to read too
  k_tenants = 1U << 17,     ///< names no key, and shows or changes nothing of other tenants
  k_listening = 1U << 15,   ///< may be said by a RESP2 client that listens to channels
};

/// What a command belongs to: the group of its documentation, and an ACL category.
enum class Family : std::uint8_t {
  connection,
  generic,
  hash,
  json,
  pubsub,
  server,
  string,
  transactions,
  ullage,
};

/// Which arguments are keys: first, first + step, ... up to last, which counts from the end if
/// negative. first == 0: none.
struct KeyPositions {
  int first = 0;
  int last = 0;
  int step = 0;
};

/// Which entries a command names: what a pipeline asks for ahead, and what clients that follow
/// single fields hear of.
enum class Entries : std::uint8_t {
  none,
  string,        ///< the value of the string args[1]
  field,         ///< the field args[2] of the hash args[1]
  fields,        ///< the fields from args[2] on
  asked_fields,  ///< the same of a command that asks for them ahead by itself
  pairs,         ///< every second argument from args[2] on
  listed,        ///< the fields after the word FIELDS and their number
  listed_pairs,  ///< every second argument there
};

/// Who says what the right answer is: where the tests take it from.
enum class Oracle : std::uint8_t {
  redis,       ///< Redis 7.0, asked beside us
  transcript,  ///< the public documentation of a newer Redis
  ours,        ///< our own documentation
};

struct Row {
  std::string_view name;  ///< upper case
  int arity = 0;          ///< with the name; negative: at least
  std::uint32_t flags = 0;
  KeyPositions keys{};
  Family family = Family::generic;
  std::string_view syntax{};  ///< its arguments, as people read them
  std::string_view summary{};
  std::string_view since{};  ///< the Redis version that brought it, or ours
  std::string_view complexity{};
  Entries entries = Entries::none;
  Oracle oracle = Oracle::redis;
  std::span<const Row> subcommands{};
  Run run = nullptr;           ///< none: it has subcommands only
  RunMany run_many = nullptr;  ///< where that is faster than one by one

  [[nodiscard]] bool is(std::uint32_t flag) const noexcept { return (flags & flag) != 0; }
  [[nodiscard]] bool takes(std::size_t args) const noexcept {
    return arity >= 0 ? args == static_cast<std::size_t>(arity)
                      : args >= static_cast<std::size_t>(-arity);
  }
};

/// A row as a request named it.
struct Found {
  const Row* row = nullptr;        ///< null: there is none
  const Row* container = nullptr;  ///< whose subcommand it is; or null
  std::uint16_t index = 0;         ///< Table::index_of() the row
};

/// Calls `visit(key)` for each argument that is a key. REQUIRES: the row takes so many arguments.
template <class Visit>
void for_each_key(const Row& row, resp::Args args, Visit visit) {
  const KeyPositions& at = row.keys;
  if (at.first == 0) return;
  const auto count = static_cast<int>(args.size());
  const int last = at.last >= 0 ? at.last : count + at.last;
  for (int i = at.first; i <= last && i < count; i += at.step)
    visit(args[static_cast<std::size_t>(i)]);
}

/// Which arguments are fields of the hash args[1]; none: the command names none by itself.
struct FieldPositions {
  std::size_t first = 0;
  std::size_t end = 0;
  std::size_t step = 1;
};
FieldPositions fields_of(const Row& row, resp::Args args) noexcept;

// Rows in a line or two, for families that are long.
inline constexpr KeyPositions k_no_keys{};
inline constexpr KeyPositions k_one_key{1, 1, 1};
inline constexpr KeyPositions k_all_keys{1, -1, 1};

constexpr Row make_row(Family family, std::string_view name, int arity, std::uint32_t flags,
                       KeyPositions keys, std::string_view syntax, std::string_view summary,
                       std::string_view since, std::string_view complexity, Run run) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = keys,
          .family = family,
          .syntax = syntax,
          .summary = summary,
          .since = since,
          .complexity = complexity,
          .entries = keys.first == 0 ? Entries::none : Entries::string,
          .run = run};
}

/// A row of our own commands.
constexpr Row make_own_row(std::string_view name, int arity, std::uint32_t flags, KeyPositions keys,
                           std::string_view syntax, std::string_view summary,
                           std::string_view complexity, Run run) {
  Row row =
      make_row(Family::ullage, name, arity, flags, keys, syntax, summary, "0.1.0", complexity, run);
  row.oracle = Oracle::ours;
  return row;
}

}  // namespace ullage::command
