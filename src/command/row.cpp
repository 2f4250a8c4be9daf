#include "command/row.h"

#include "command/words.h"

#include <algorithm>

namespace ullage::command {

FieldPositions fields_of(const Row& row, resp::Args args) noexcept {
  constexpr std::size_t k_first = 2;
  const std::size_t end = args.size();
  switch (row.entries) {
    case Entries::none:
    case Entries::string:
      return {};
    case Entries::field:
      return {k_first, std::min(k_first + 1, end), 1};
    case Entries::fields:
    case Entries::asked_fields:
      return {k_first, end, 1};
    case Entries::pairs:
      return {k_first, end, 2};
    case Entries::listed:
    case Entries::listed_pairs:
      // What may stand before it are options and numbers.
      for (std::size_t i = k_first; i + 2 < end; ++i) {
        if (same_word(args[i], "FIELDS"))
          return {i + 2, end, row.entries == Entries::listed ? std::size_t{1} : std::size_t{2}};
      }
      return {};
  }
  return {};
}

}  // namespace ullage::command
