#include "command/reference.h"

#include "command/categories.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ullage::command {

namespace {

constexpr std::array<std::pair<Family, std::string_view>, 9> k_families{{
    {Family::hash, "Hashes"},
    {Family::string, "Strings"},
    {Family::json, "JSON documents"},
    {Family::generic, "Keys"},
    {Family::transactions, "Transactions"},
    {Family::pubsub, "Channels"},
    {Family::connection, "Connections"},
    {Family::server, "The server"},
    {Family::ullage, "Our own"},
}};

/// What would end a cell of a table.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void append_row(std::string& out, const Table& table, const Row& row) {
  std::string name = table.name_of(row);
  std::replace(name.begin(), name.end(), '|', ' ');
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  out += "| `" + name + (row.syntax.empty() ? "" : " ") + escaped(row.syntax) + "` | " +
         escaped(row.summary) + " | " + escaped(row.complexity) + " | ";
  bool first = true;
  for (const std::string_view category : categories_of(row)) {
    out += (first ? "" : " ") + std::string(category);
    first = false;
  }
  out += " |\n";
}

}  // namespace

std::string reference_page(const Table& table) {
  std::string out =
      "# Commands\n\n"
      "Written by `./dev docs` from the table that the server itself runs by; `COMMAND DOCS` says "
      "the\n"
      "same. Replies, errors and corner cases are those of Redis 7.0, for field times to live "
      "those of\n"
      "Redis 8.0. What is not here, Lua included, gets Redis's unknown-command error.\n";
  for (const auto& [family, title] : k_families) {
    out += "\n## " + std::string(title) +
           "\n\n| command | what it does | cost | categories |\n"
           "|---|---|---|---|\n";
    for (const Row* row : table.rows()) {
      if (row->family != family) continue;
      if (row->run != nullptr) append_row(out, table, *row);
      for (const Row& subcommand : row->subcommands)
        append_row(out, table, subcommand);
    }
  }
  return out;
}

}  // namespace ullage::command
