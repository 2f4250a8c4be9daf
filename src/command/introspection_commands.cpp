// COMMAND: what the table says of itself.
#include "command/call.h"
#include "command/categories.h"
#include "command/families.h"
#include "command/glob.h"
#include "command/table.h"
#include "command/words.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

constexpr std::array<std::pair<std::uint32_t, std::string_view>, 8> k_flag_names{{
    {k_write, "write"},
    {k_readonly, "readonly"},
    {k_denyoom, "denyoom"},
    {k_admin, "admin"},
    {k_pubsub, "pubsub"},
    {k_fast, "fast"},
    {k_no_auth, "no_auth"},
    {k_no_multi, "no_multi"},
}};

void reply_flags(Call& call, const Row& row) {
  std::size_t count = 0;
  const std::size_t place = call.reply.later();
  for (const auto& [flag, name] : k_flag_names) {
    if (!row.is(flag)) continue;
    call.reply.simple(name);
    ++count;
  }
  call.reply.set_at(place, count);
}

void reply_categories(Call& call, const Row& row) {
  const std::vector<std::string_view> categories = categories_of(row);
  call.reply.set(categories.size());
  for (const std::string_view category : categories)
    call.reply.simple("@" + std::string(category));
}

void describe(Call& call, const Row& row) {
  call.reply.array(10);
  call.reply.bulk(call.services.table.name_of(row));
  call.reply.integer(row.arity);
  reply_flags(call, row);
  call.reply.integer(row.keys.first);
  call.reply.integer(row.keys.last);
  call.reply.integer(row.keys.step);
  reply_categories(call, row);
  call.reply.array(0);  // tips
  call.reply.array(0);  // key specifications: the positions above say all
  call.reply.array(row.subcommands.size());
  for (const Row& subcommand : row.subcommands)
    describe(call, subcommand);
}

void all(Call& call) {
  const auto rows = call.services.table.rows();
  call.reply.array(rows.size());
  for (const Row* row : rows)
    describe(call, *row);
}

void count(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.services.table.rows().size()));
}

/// "hset", "client|list"; null if there is none.
const Row* row_named(Call& call, std::string_view name) {
  const std::size_t bar = name.find('|');
  const Row* row = call.services.table.find(name.substr(0, bar));
  if (row == nullptr || bar == std::string_view::npos) return row;
  for (const Row& subcommand : row->subcommands) {
    if (same_word(name.substr(bar + 1), subcommand.name)) return &subcommand;
  }
  return nullptr;
}

void info(Call& call) {
  if (call.args.size() == 2) return all(call);
  call.reply.array(call.args.size() - 2);
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    const Row* row = row_named(call, call.args[i]);
    row == nullptr ? call.reply.null_array() : describe(call, *row);
  }
}

constexpr std::string_view group_name(Family family) noexcept {
  switch (family) {
    case Family::connection:
      return "connection";
    case Family::generic:
      return "generic";
    case Family::hash:
      return "hash";
    case Family::json:
      return "json";
    case Family::pubsub:
      return "pubsub";
    case Family::server:
      return "server";
    case Family::string:
      return "string";
    case Family::transactions:
      return "transactions";
    case Family::ullage:
      return "ullage";
  }
  return "generic";
}

void document(Call& call, const Row& row) {
  call.reply.bulk(call.services.table.name_of(row));
  const bool has_subcommands = !row.subcommands.empty();
  call.reply.map(has_subcommands ? 5 : 4);
  call.reply.bulk("summary");
  call.reply.bulk(row.summary);
  call.reply.bulk("since");
  call.reply.bulk(row.since);
  call.reply.bulk("group");
  call.reply.bulk(group_name(row.family));
  call.reply.bulk("complexity");
  call.reply.bulk(row.complexity);
  if (!has_subcommands) return;
  call.reply.bulk("subcommands");
  call.reply.map(row.subcommands.size());
  for (const Row& subcommand : row.subcommands)
    document(call, subcommand);
}

void docs(Call& call) {
  const std::size_t place = call.reply.later();
  std::size_t found = 0;
  if (call.args.size() == 2) {
    for (const Row* row : call.services.table.rows())
      document(call, *row);
    found = call.services.table.rows().size();
  }
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    const Row* row = row_named(call, call.args[i]);
    if (row == nullptr) continue;
    document(call, *row);
    ++found;
  }
  call.reply.map_at(place, found);
}

void list(Call& call) {
  std::string_view category;
  std::string_view pattern = "*";
  if (call.args.size() > 2) {
    if (call.args.size() != 5 || !call.is_word(2, "FILTERBY")) return call.syntax_error();
    if (call.is_word(3, "ACLCAT")) {
      category = call.args[4];
    } else if (call.is_word(3, "PATTERN")) {
      pattern = call.args[4];
    } else if (call.is_word(3, "MODULE")) {
      return call.reply.array(0);
    } else {
      return call.syntax_error();
    }
  }
  const std::size_t place = call.reply.later();
  std::size_t found = 0;
  for (const Row* row : call.services.table.rows()) {
    if (!category.empty() && !has_category(*row, lowered(category))) continue;
    const std::string name = lowered(row->name);
    if (!glob_matches(lowered(pattern), name)) continue;
    call.reply.bulk(name);
    ++found;
  }
  call.reply.array_at(place, found);
}

void getkeys(Call& call) {
  const resp::Args args = call.args.from(2);
  const Found found = call.services.table.find(args);
  if (found.row == nullptr) return call.error("ERR Invalid command specified");
  if (found.row->keys.first == 0) return call.error("ERR The command has no key arguments");
  if (!found.row->takes(args.size()))
    return call.error("ERR Invalid number of arguments specified for command");
  const std::size_t place = call.reply.later();
  std::size_t keys = 0;
  for_each_key(*found.row, args, [&](std::string_view key) {
    call.reply.bulk(key);
    ++keys;
  });
  call.reply.array_at(place, keys);
}

constexpr Row sub(std::string_view name, int arity, std::string_view syntax,
                  std::string_view summary, std::string_view since, std::string_view complexity,
                  Run run) {
  return make_row(Family::server, name, arity, k_tenants | k_connection, k_no_keys, syntax, summary,
                  since, complexity, run);
}

constexpr Row k_subcommands[] = {
    sub("COUNT", 2, "", "How many commands there are.", "2.8.13", "O(1)", count),
    sub("INFO", -2, "[command-name [command-name ...]]",
        "Arity, flags and positions of keys of commands.", "2.8.13", "O(N) for N commands", info),
    sub("DOCS", -2, "[command-name [command-name ...]]", "What commands are for.", "7.0.0",
        "O(N) for N commands", docs),
    sub("LIST", -2, "[FILTERBY MODULE module-name | ACLCAT category | PATTERN pattern]",
        "Names of commands.", "7.0.0", "O(N) for N commands", list),
    sub("GETKEYS", -3, "command [arg [arg ...]]", "Which arguments of a request are keys.",
        "2.8.13", "O(N) for N arguments", getkeys),
};

constexpr Row command_row() {
  Row row = sub("COMMAND", -1, "[subcommand]", "All commands, or some of them.", "2.8.13",
                "O(N) for N commands", all);
  row.subcommands = k_subcommands;
  return row;
}
constexpr Row k_rows[] = {command_row()};

}  // namespace

std::span<const Row> introspection_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
