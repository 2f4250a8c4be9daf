// All commands by name.
#pragma once

#include "command/row.h"
#include "resp/request.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::command {

class Table {
 public:
  /// Every command that there is.
  Table();

  /// The row of a name in any case; null if there is none. O(1).
  [[nodiscard]] const Row* find(std::string_view name) const noexcept;
  /// The row that a request names, subcommand included: what it is a subcommand of is said even if
  /// there is none of that name.
  [[nodiscard]] Found find(resp::Args args) const noexcept;
  /// "hset", "client|list". REQUIRES: the row is of this table.
  [[nodiscard]] std::string name_of(const Row& row) const;
  /// Rows and subcommands, numbered from 0. REQUIRES: the row is of this table.
  [[nodiscard]] std::size_t index_of(const Row& row) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return indices_.size(); }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Row* row : rows_) {
      visit(*row);
      for (const Row& subcommand : row->subcommands)
        visit(subcommand);
    }
  }
  /// In the order of their names.
  [[nodiscard]] std::span<const Row* const> rows() const noexcept { return rows_; }

 private:
  struct Slot {
    const Row* row = nullptr;
    std::uint16_t index = 0;
  };
  [[nodiscard]] std::size_t slot_of(std::string_view name) const noexcept;

  std::vector<const Row*> rows_;
  std::unordered_map<const Row*, std::size_t> indices_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
};

}  // namespace ullage::command
