#include "document/leaves.h"

#include "document/errors.h"
#include "document/tree.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ullage::document {

namespace {
/// Places that so many leaves may lie on, where others were lost.
constexpr std::size_t k_places_a_leaf = 8;
constexpr std::size_t k_places_more = k_document_max_leaves;

bool is_pointer(std::string_view field) noexcept {
  return field.empty() || field[0] == '/';
}
}  // namespace

LeafHead detail::decode_any_leaf_head(std::string_view value) noexcept {
  std::string_view rest = value;
  std::uint64_t head = 0;
  std::uint64_t names = 0;
  if (!take_varint(rest, head) || head >> 1 > UINT32_MAX) return {};
  if ((head & 1) != 0 && !take_varint(rest, names)) return {};
  if (rest.empty()) return {};
  return {static_cast<std::uint32_t>(head >> 1),
          static_cast<std::uint8_t>(value.size() - rest.size()), (head & 1) != 0};
}

Result<Leaves> Leaves::of(const GroupView& group, std::string_view base) {
  Leaves leaves;
  leaves.base_ = base;
  leaves.base_depth_ = static_cast<std::size_t>(std::ranges::count(base, '/'));
  if (group.entries.empty()) return leaves;
  if (group.kind != k_group_kind_document) return no_document();
  // Places are numbers from 0 on in a document that we wrote: each leaf goes to its own.
  const std::size_t n = group.entries.size();
  std::vector<Slot>& slots = leaves.slots_;
  slots.resize(n);
  Slot* to = slots.data();
  std::size_t places = n;
  std::size_t elsewhere = 0;
  std::size_t bytes = 0;
  for (const GroupEntry& entry : group.entries) {
    if (!is_pointer(entry.field)) return no_document();
    if (!base.empty() && !is_within(entry.field, base)) {
      ++elsewhere;
      continue;
    }
    const LeafHead head = decode_leaf_head(entry.value);
    if (head.token_at == 0) return no_document();
    if (head.place >= places) [[unlikely]] {
      if (head.place >= k_places_a_leaf * n + k_places_more) return sorted(group, leaves);
      places = head.place + 1;
      slots.resize(places);
      to = slots.data();
    }
    Slot& slot = to[head.place];
    if (slot.field != nullptr) [[unlikely]]
      return sorted(group, leaves);
    slot = slot_of(entry, head);
    bytes += entry.field.size() + entry.value.size();
  }
  leaves.bytes_ = bytes;
  if (n - elsewhere != slots.size())
    std::erase_if(slots, [](const Slot& slot) { return slot.field == nullptr; });
  return leaves;
}

Result<Leaves> Leaves::sorted(const GroupView& group, Leaves& leaves) {
  std::vector<Slot>& slots = leaves.slots_;
  slots.clear();
  leaves.bytes_ = 0;
  for (const GroupEntry& entry : group.entries) {
    if (!is_pointer(entry.field)) return no_document();
    if (!is_within(entry.field, leaves.base_)) continue;
    const LeafHead head = decode_leaf_head(entry.value);
    if (head.token_at == 0) return no_document();
    slots.push_back(slot_of(entry, head));
    leaves.bytes_ += entry.field.size() + entry.value.size();
  }
  std::ranges::sort(slots, {}, [](const Slot& slot) {
    return std::pair(decode_leaf_head(slot.value()).place, slot.pointer());
  });
  return std::move(leaves);
}

std::optional<std::uint32_t> Leaves::Slot::index(std::string_view step,
                                                 std::size_t depth) const noexcept {
  const std::uint64_t names = has_names ? decode_leaf(value()).value_or(Leaf{}).names : 0;
  return index_at(names, depth, step);
}

std::string_view Leaves::step_of(const Slot& leaf) const noexcept {
  if (leaf.field_bytes <= base_.size()) return {};  // no document of ours
  const std::string_view below = leaf.pointer().substr(base_.size() + 1);
  return below.substr(0, below.find('/'));
}

JsonType Leaves::type() const noexcept {
  const Slot& first = slots_[0];
  if (is_scalar()) return type_of_token(first.token());
  return first.index(step_of(first), base_depth_) ? JsonType::array : JsonType::object;
}

std::uint64_t Leaves::count() const {
  if (is_scalar()) return 0;
  if (type() == JsonType::array) {
    // What was lost at the end nobody knows.
    std::uint64_t most = 0;
    for (const Slot& leaf : slots_) {
      if (const auto index = index_of(step_of(leaf)))
        most = std::max<std::uint64_t>(most, *index + 1);
    }
    return most;
  }
  std::uint64_t members = 0;
  std::string_view last;
  for (const Slot& leaf : slots_) {
    const std::string_view step = step_of(leaf);
    if (members == 0 || step != last) ++members;
    last = step;
  }
  return members;
}

std::vector<std::string> Leaves::keys() const {
  std::vector<std::string> names;
  if (is_scalar()) return names;
  std::string_view last;
  for (const Slot& leaf : slots_) {
    const std::string_view step = step_of(leaf);
    if (names.empty() || step != last) names.push_back(unescaped(step));
    last = step;
  }
  return names;
}

}  // namespace ullage::document
