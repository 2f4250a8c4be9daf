#include "command/table.h"

#include "command/families.h"
#include "command/words.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace ullage::command {

Table::Table() {
  for (const auto rows :
       {hash_rows(),        hash_walk_rows(),   hash_ttl_rows(), string_rows(),
        string_edit_rows(), json_rows(),        key_rows(),      keyspace_rows(),
        expiry_rows(),      transaction_rows(), pubsub_rows(),   connection_rows(),
        client_rows(),      acl_rows(),         server_rows(),   diagnostic_rows(),
        memory_rows(),      class_rows(),       dump_rows(),     introspection_rows()}) {
    for (const Row& row : rows)
      rows_.push_back(&row);
  }
  std::sort(rows_.begin(), rows_.end(),
            [](const Row* a, const Row* b) { return a->name < b->name; });
  for_each([this](const Row& row) { indices_.emplace(&row, indices_.size()); });
  slots_.resize(std::bit_ceil(2 * rows_.size()));
  for (const Row* row : rows_)
    slots_[slot_of(row->name)] = {row, static_cast<std::uint16_t>(index_of(*row))};
}

// FNV-1a over the upper-case name; names are ours, so nobody can choose them to collide.
std::size_t Table::slot_of(std::string_view name) const noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(to_upper(c))) * 0x100000001b3ULL;
  std::size_t slot = (hash ^ (hash >> 32)) & (slots_.size() - 1);
  while (slots_[slot].row != nullptr && !same_word(name, slots_[slot].row->name))
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

const Row* Table::find(std::string_view name) const noexcept {
  return slots_[slot_of(name)].row;
}

std::size_t Table::index_of(const Row& row) const noexcept {
  return indices_.find(&row)->second;
}

std::string Table::name_of(const Row& row) const {
  for (const Row* container : rows_) {
    const std::span<const Row> inside = container->subcommands;
    if (!inside.empty() && &row >= &inside.front() && &row <= &inside.back())
      return lowered(container->name) + "|" + lowered(row.name);
  }
  return lowered(row.name);
}

Found Table::find(resp::Args args) const noexcept {
  const auto [row, index] = slots_[slot_of(args[0])];
  if (row == nullptr || row->subcommands.empty() || args.size() < 2) return {row, nullptr, index};
  auto inside = static_cast<std::uint16_t>(index + 1);
  for (const Row& subcommand : row->subcommands) {
    if (same_word(args[1], subcommand.name)) return {&subcommand, row, inside};
    ++inside;
  }
  return {nullptr, row, index};
}

}  // namespace ullage::command
