#include "command/ahead.h"

#include "command/names.h"

#include <array>

namespace ullage::command {

namespace {

constexpr std::size_t k_keys_max = 4 * k_ahead_requests;

/// Keys to be asked for. Names that are marked in the cache are rare, and left out.
class Keys {
 public:
  void add(std::string_view group, std::string_view field) noexcept {
    if (count_ < keys_.size()) keys_[count_++] = {group, field};
  }
  [[nodiscard]] std::span<const ullage::Key> all() const noexcept {
    return std::span(keys_).first(count_);
  }

 private:
  std::array<ullage::Key, k_keys_max> keys_;
  std::size_t count_ = 0;
};

void add_request(Keys& keys, const Row& row, resp::Args args) noexcept {
  if (row.entries == Entries::none || row.entries == Entries::asked_fields || args.size() < 2 ||
      is_marked(args[1]))
    return;
  if (row.entries == Entries::string) return keys.add(args[1], k_string_field);
  const FieldPositions fields = fields_of(row, args);
  for (std::size_t i = fields.first; i < fields.end; i += fields.step) {
    if (!is_marked(args[i])) keys.add(args[1], args[i]);
  }
}

}  // namespace

void ask_ahead(Cache& cache, const Session& session, const resp::RequestBatch& batch,
               std::size_t first, std::span<const Found> found) noexcept {
  if (session.database != 0 || session.transaction) return;
  Keys keys;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].row != nullptr) add_request(keys, *found[i].row, batch[first + i]);
  }
  cache.prefetch(keys.all());
}

}  // namespace ullage::command
