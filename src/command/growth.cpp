#include "command/growth.h"

#include <algorithm>
#include <functional>

namespace ullage::command {

namespace {
std::uint64_t hash_of(std::string_view group) noexcept {
  return std::hash<std::string_view>()(group);
}
}  // namespace

void GrowthSample::add(std::string_view group, std::uint64_t bytes) {
  const auto larger = [](const One& a, const One& b) { return a.bytes > b.bytes; };
  if (ones_.size() == k_groups_max) {
    if (bytes <= ones_.front().bytes) {
      floor_bytes_ = std::max(floor_bytes_, bytes);
      return;
    }
    floor_bytes_ = std::max(floor_bytes_, ones_.front().bytes);
    std::pop_heap(ones_.begin(), ones_.end(), larger);
    ones_.pop_back();
  }
  ones_.push_back({hash_of(group), bytes});
  std::push_heap(ones_.begin(), ones_.end(), larger);
}

void GrowthSample::finish() {
  std::sort(ones_.begin(), ones_.end(), [](const One& a, const One& b) { return a.hash < b.hash; });
}

std::int64_t GrowthSample::growth_of(std::string_view group, std::uint64_t bytes) const noexcept {
  if (!is_taken()) return 0;
  const std::uint64_t hash = hash_of(group);
  const auto known =
      std::lower_bound(ones_.begin(), ones_.end(), hash,
                       [](const One& one, std::uint64_t wanted) { return one.hash < wanted; });
  if (known != ones_.end() && known->hash == hash)
    return static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(known->bytes);
  return static_cast<std::int64_t>(bytes - std::min(bytes, floor_bytes_));
}

}  // namespace ullage::command
