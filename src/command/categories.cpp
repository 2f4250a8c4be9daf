#include "command/categories.h"

#include <algorithm>
#include <array>

namespace ullage::command {

std::vector<std::string_view> categories_of(const Row& row) {
  std::vector<std::string_view> all;
  if (row.is(k_write)) all.emplace_back("write");
  if (row.is(k_readonly)) all.emplace_back("read");
  switch (row.family) {
    case Family::hash:
      all.emplace_back("hash");
      break;
    case Family::string:
      all.emplace_back("string");
      break;
    case Family::generic:
      all.emplace_back("keyspace");
      break;
    case Family::connection:
      all.emplace_back("connection");
      break;
    case Family::transactions:
      all.emplace_back("transaction");
      break;
    case Family::pubsub:
      all.emplace_back("pubsub");
      break;
    case Family::json:
      all.emplace_back("json");
      break;
    case Family::ullage:
      all.emplace_back("ullage");
      break;
    case Family::server:
      break;
  }
  if (row.is(k_connection)) all.emplace_back("connection");
  if (row.is(k_scripting)) all.emplace_back("scripting");
  if (row.is(k_admin)) all.emplace_back("admin");
  if (row.is(k_admin) || row.is(k_dangerous)) all.emplace_back("dangerous");
  all.emplace_back(row.is(k_fast) ? "fast" : "slow");
  return all;
}

std::span<const std::string_view> all_categories() noexcept {
  // The last have no commands here: rules that were written for Redis name them.
  static constexpr std::array<std::string_view, 23> k_all{
      "keyspace",    "read",        "write",     "hash",     "string", "pubsub",
      "connection",  "transaction", "scripting", "ullage",   "admin",  "dangerous",
      "fast",        "slow",        "bitmap",    "blocking", "geo",    "list",
      "hyperloglog", "sortedset",   "set",       "stream",   "json"};
  return k_all;
}

bool is_category(std::string_view category) noexcept {
  const auto all = all_categories();
  return std::find(all.begin(), all.end(), category) != all.end();
}

bool has_category(const Row& row, std::string_view category) {
  const std::vector<std::string_view> all = categories_of(row);
  return std::find(all.begin(), all.end(), category) != all.end();
}

}  // namespace ullage::command
