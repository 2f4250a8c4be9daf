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

void add_request(Keys& keys, Ahead ahead, resp::Args args) noexcept {
  if (ahead == Ahead::none || args.size() < 2 || is_marked(args[1])) return;
  if (ahead == Ahead::string) return keys.add(args[1], k_string_field);
  const std::size_t step = ahead == Ahead::pairs ? 2 : 1;
  const std::size_t end = ahead == Ahead::field && args.size() > 3 ? 3 : args.size();
  for (std::size_t i = 2; i < end; i += step) {
    if (!is_marked(args[i])) keys.add(args[1], args[i]);
  }
}

}  // namespace

void ask_ahead(Cache& cache, const Session& session, const resp::RequestBatch& batch,
               std::size_t first, std::span<const Found> found) noexcept {
  if (session.database != 0 || session.transaction) return;
  Keys keys;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].row != nullptr) add_request(keys, found[i].row->ahead, batch[first + i]);
  }
  cache.prefetch(keys.all());
}

}  // namespace ullage::command
