#include "document/leaves.h"

#include "document/errors.h"
#include "document/json_text.h"
#include "document/tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace ullage::document {

namespace {
/// Places that so many leaves may lie on, where others were lost.
constexpr std::size_t k_places_a_leaf = 8;
constexpr std::size_t k_places_more = k_document_max_leaves;
}  // namespace

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
  std::size_t met = 0;
  bool is_clear = true;
  for (const GroupEntry& entry : group.entries) {
    if (!entry.field.empty() && entry.field[0] != '/') return no_document();
    if (!is_within(entry.field, base)) continue;
    const std::optional<std::uint32_t> place = place_of(entry.value);
    if (!place) return no_document();
    ++met;
    leaves.bytes_ += entry.field.size() + entry.value.size();
    if (*place >= slots.size()) {
      is_clear &= *place < k_places_a_leaf * n + k_places_more;
      if (!is_clear) continue;
      slots.resize(*place + 1);
    }
    is_clear &= slots[*place].field == nullptr;
    slots[*place] = slot_of(entry);
  }
  if (is_clear) {
    if (met != slots.size())
      std::erase_if(slots, [](const Slot& slot) { return slot.field == nullptr; });
    return leaves;
  }
  // Whoever wrote it: a sort puts leaves in some order.
  slots.clear();
  for (const GroupEntry& entry : group.entries) {
    if (is_within(entry.field, base)) slots.push_back(slot_of(entry));
  }
  std::ranges::sort(slots, {}, [](const Slot& slot) {
    return std::pair(place_of({slot.value, slot.value_bytes}),
                     std::string_view(slot.field, slot.field_bytes));
  });
  return leaves;
}

std::string_view Leaves::step_at(const One& leaf, std::size_t at) noexcept {
  const std::size_t end = leaf.pointer.find('/', at + 1);
  return leaf.pointer.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
}

bool Leaves::is_index(const One& leaf, std::string_view step, std::size_t depth) noexcept {
  return index_at(leaf.names, depth, step).has_value();
}

JsonType Leaves::type() const noexcept {
  const One leaf = (*this)[0];
  if (leaf.pointer.size() == base_.size()) return type_of_token(leaf.token);
  return is_index(leaf, step_at(leaf, base_.size()), base_depth_) ? JsonType::array
                                                                  : JsonType::object;
}

std::uint64_t Leaves::count() const {
  if ((*this)[0].pointer.size() == base_.size()) return 0;
  if (type() == JsonType::array) {
    // What was lost at the end nobody knows.
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      if (const auto index = index_of(step_at((*this)[i], base_.size())))
        most = std::max<std::uint64_t>(most, *index + 1);
    }
    return most;
  }
  std::uint64_t members = 0;
  std::string_view last;
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view step = step_at((*this)[i], base_.size());
    if (members == 0 || step != last) ++members;
    last = step;
  }
  return members;
}

std::vector<std::string> Leaves::keys() const {
  std::vector<std::string> names;
  std::string_view last;
  for (std::size_t i = 0; i < size(); ++i) {
    const One leaf = (*this)[i];
    if (leaf.pointer.size() == base_.size()) break;
    const std::string_view step = step_at(leaf, base_.size());
    if (names.empty() || step != last) names.push_back(unescaped(step));
    last = step;
  }
  return names;
}

namespace {
/// Short copies inline: nearly all names and tokens are.
[[gnu::always_inline]] inline void copy_short(char* to, const char* from, std::size_t n) noexcept {
  if (n > 16) {
    std::memcpy(to, from, n);
  } else if (n >= 8) {
    char tail[8];
    std::memcpy(tail, from + n - 8, 8);
    std::memcpy(to, from, 8);
    std::memcpy(to + n - 8, tail, 8);
  } else if (n >= 4) {
    char tail[4];
    std::memcpy(tail, from + n - 4, 4);
    std::memcpy(to, from, 4);
    std::memcpy(to + n - 4, tail, 4);
  } else {
    for (std::size_t i = 0; i < n; ++i)
      to[i] = from[i];
  }
}

/// Where characters are written at the end of a string. Its ends are handed around by value: who
/// writes characters through a pointer cannot know what they change, unless that lies in registers.
class Text {
 public:
  Text(std::string& to, std::size_t bytes) : at(to.data() + to.size()), to_(to) {
    at = grow(at, bytes);
  }
  ~Text() { to_.resize(static_cast<std::size_t>(at - to_.data())); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  /// Room for so many bytes behind `from`, where writing has come to; answers where that is now.
  [[gnu::always_inline]] char* room(char* from, std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - from) >= bytes) [[likely]]
      return from;
    return grow(from, bytes);
  }

  char* at;  ///< where writing ends

 private:
  char* grow(char* from, std::size_t bytes) {
    const auto used = static_cast<std::size_t>(from - to_.data());
    // Not cleared before it is written.
    to_.resize_and_overwrite(used + used / 2 + bytes, [](char*, std::size_t size) { return size; });
    end_ = to_.data() + to_.size();
    return to_.data() + used;
  }

  std::string& to_;
  char* end_ = nullptr;
};

/// A container that is being written.
struct Open {
  std::size_t end;  ///< of its path in the pointers below it
  std::uint32_t next;
  bool is_array;
  bool has_any;
};

std::size_t common_bytes(std::string_view a, std::string_view b) noexcept {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t i = 0;
  for (; i + 8 <= most; i += 8) {
    std::uint64_t x;
    std::uint64_t y;
    std::memcpy(&x, a.data() + i, 8);
    std::memcpy(&y, b.data() + i, 8);
    if (x != y) return i + static_cast<std::size_t>(__builtin_ctzll(x ^ y)) / 8;
  }
  while (i < most && a[i] == b[i])
    ++i;
  return i;
}

/// The end of the step that begins at `at`, and whether all of its characters are themselves in a
/// JSON string.
struct StepEnd {
  std::size_t at;
  bool is_plain;
};
[[gnu::always_inline]] inline StepEnd end_of_step(std::string_view pointer,
                                                  std::size_t at) noexcept {
  constexpr std::uint64_t k_ones = 0x0101010101010101ULL;
  constexpr std::uint64_t k_tops = k_ones << 7;
  const auto zero_in = [](std::uint64_t x) { return (x - k_ones) & ~x & k_tops; };
  while (at + 8 <= pointer.size()) {
    std::uint64_t word;
    std::memcpy(&word, pointer.data() + at, 8);
    const std::uint64_t slashes = zero_in(word ^ (k_ones * '/'));
    const std::uint64_t others = ((word - k_ones * 0x20) & ~word & k_tops) |
                                 zero_in(word ^ (k_ones * '"')) | zero_in(word ^ (k_ones * '\\')) |
                                 zero_in(word ^ (k_ones * '~'));
    if ((slashes | others) != 0) break;
    at += 8;
  }
  bool is_plain = true;
  for (; at < pointer.size() && pointer[at] != '/'; ++at) {
    const auto c = static_cast<unsigned char>(pointer[at]);
    is_plain &= c >= 0x20 && c != '"' && c != '\\' && c != '~';
  }
  return {at, is_plain};
}

[[gnu::always_inline]] inline char* put(char* at, std::string_view bytes) noexcept {
  copy_short(at, bytes.data(), bytes.size());
  return at + bytes.size();
}
}  // namespace

void Leaves::write(std::string& to) const {
  if (const One only = (*this)[0]; only.pointer.size() == base_.size()) {
    append_token_text(to, only.token);
    return;
  }
  constexpr std::size_t k_ahead = 8;   // leaves whose memory is asked for before they are written
  constexpr std::size_t k_a_step = 8;  // around a step: quotes, a colon, a comma, a bracket
  // Around a leaf: its steps, the containers that end before it.
  constexpr std::size_t k_a_leaf = (k_a_step + 1) * (k_document_max_depth + 1);
  Text text(to, bytes_ + 16 * size() + k_a_leaf);
  std::array<Open, k_document_max_depth + 1> open;
  std::size_t depth = 0;  // of `open` that are open
  char* at = text.at;
  std::string_view before;
  for (std::size_t i = 0; i < size(); ++i) {
    if (i + k_ahead < size()) __builtin_prefetch(slots_[i + k_ahead].field);
    const One leaf = (*this)[i];
    const std::string_view pointer = leaf.pointer;
    if (pointer.size() <= base_.size()) continue;  // no document of ours
    at = text.room(at, pointer.size() + leaf.token.size() + k_a_leaf);
    std::size_t end = base_.size();
    if (depth != 0) {
      const std::size_t common = common_bytes(pointer, before);
      while (depth > 1 && open[depth - 1].end >= common)
        *at++ = open[--depth].is_array ? ']' : '}';
      end = open[depth - 1].end;
    }
    before = pointer;
    for (bool is_new = depth == 0;; is_new = true) {
      const StepEnd step_end = end_of_step(pointer, end + 1);
      const std::string_view step = pointer.substr(end + 1, step_end.at - end - 1);
      if (is_new) {
        if (depth == open.size()) break;  // deeper than any document of ours
        const bool is_array = is_index(leaf, step, base_depth_ + depth);
        open[depth++] = {end, 0, is_array, false};
        *at++ = is_array ? '[' : '{';
      }
      Open& in = open[depth - 1];
      if (in.is_array) {
        const std::uint32_t index = index_of(step).value_or(in.next);
        for (; in.next < index; ++in.next) {
          at = text.room(at, pointer.size() + leaf.token.size() + k_a_leaf);
          at = put(at, in.has_any ? ",null" : "null");
          in.has_any = true;
        }
        if (in.has_any) *at++ = ',';
        in.next = index + 1;
      } else {
        if (in.has_any) *at++ = ',';
        *at++ = '"';
        if (step_end.is_plain) {
          at = put(at, step);
        } else {
          std::string escaped;
          append_escaped(escaped, unescaped(step));
          at = text.room(at, escaped.size() + pointer.size() + leaf.token.size() + k_a_leaf);
          at = put(at, escaped);
        }
        at = put(at, "\":");
      }
      in.has_any = true;
      end = step_end.at;
      if (end == pointer.size()) break;
    }
    at = put(at, characters_of(leaf.token));
    if (leaf.token[0] == '"') *at++ = '"';
  }
  at = text.room(at, k_document_max_depth + 1);
  while (depth > 0)
    *at++ = open[--depth].is_array ? ']' : '}';
  text.at = at;
}

}  // namespace ullage::document
