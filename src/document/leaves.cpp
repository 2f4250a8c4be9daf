#include "document/leaves.h"

#include "document/json_text.h"
#include "document/tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace ullage::document {

namespace {
constexpr std::uint32_t k_nobody = UINT32_MAX;
}  // namespace

Result<Leaves> Leaves::of(const GroupView& group, std::string_view base) {
  Leaves leaves;
  leaves.base_ = base;
  leaves.base_depth_ = static_cast<std::size_t>(std::ranges::count(base, '/'));
  if (group.entries.empty()) return leaves;
  const Error no_document{Errc::wrong_kind, "the group holds something that is no document"};
  if (group.kind != k_group_kind_document) return no_document;
  const std::size_t n = group.entries.size();
  std::vector<One> ones;
  ones.reserve(n);
  std::vector<std::uint32_t> places;
  places.reserve(n);
  std::uint32_t last = 0;
  std::uint32_t first = k_nobody;
  for (const GroupEntry& entry : group.entries) {
    if (!entry.field.empty() && entry.field[0] != '/') return no_document;
    if (!is_within(entry.field, base)) continue;
    const std::optional<Leaf> leaf = decode_leaf(entry.value);
    if (!leaf) return no_document;
    ones.push_back({entry.field, leaf->token, leaf->names});
    places.push_back(leaf->place);
    last = std::max(last, leaf->place);
    first = std::min(first, leaf->place);
  }
  if (ones.empty()) return leaves;
  // Places are numbers from 0 on in a document that we wrote; whatever else they are, a sort does.
  if (last - first < 4 * ones.size() + 64) {
    std::vector<std::uint32_t> at(last - first + 1, k_nobody);
    bool is_clear = true;
    for (std::size_t i = 0; i < ones.size(); ++i) {
      std::uint32_t& place = at[places[i] - first];
      is_clear &= place == k_nobody;
      place = static_cast<std::uint32_t>(i);
    }
    if (is_clear) {
      leaves.all_.reserve(ones.size());
      for (const std::uint32_t i : at) {
        if (i != k_nobody) leaves.all_.push_back(ones[i]);
      }
      return leaves;
    }
  }
  std::vector<std::uint32_t> order(ones.size());
  for (std::uint32_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return places[a] != places[b] ? places[a] < places[b] : ones[a].pointer < ones[b].pointer;
  });
  for (const std::uint32_t i : order)
    leaves.all_.push_back(ones[i]);
  return leaves;
}

std::string_view Leaves::step_at(const One& leaf, std::size_t at) noexcept {
  const std::size_t end = leaf.pointer.find('/', at + 1);
  return leaf.pointer.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
}

bool Leaves::is_index(const One& leaf, std::string_view step, std::size_t depth) noexcept {
  if (depth < 64 && (leaf.names >> depth & 1) != 0) return false;
  return index_of(step).has_value();
}

JsonType Leaves::type() const noexcept {
  const One& leaf = all_[0];
  if (leaf.pointer.size() == base_.size()) return type_of_token(leaf.token);
  return is_index(leaf, step_at(leaf, base_.size()), base_depth_) ? JsonType::array
                                                                  : JsonType::object;
}

std::uint64_t Leaves::count() const {
  if (all_[0].pointer.size() == base_.size()) return 0;
  if (type() == JsonType::array) {
    // What was lost at the end nobody knows.
    std::uint64_t most = 0;
    for (const One& leaf : all_) {
      if (const auto index = index_of(step_at(leaf, base_.size())))
        most = std::max<std::uint64_t>(most, *index + 1);
    }
    return most;
  }
  std::uint64_t members = 0;
  std::string_view last;
  for (const One& leaf : all_) {
    const std::string_view step = step_at(leaf, base_.size());
    if (members == 0 || step != last) ++members;
    last = step;
  }
  return members;
}

std::vector<std::string> Leaves::keys() const {
  std::vector<std::string> names;
  std::string_view last;
  for (const One& leaf : all_) {
    if (leaf.pointer.size() == base_.size()) break;
    const std::string_view step = step_at(leaf, base_.size());
    if (names.empty() || step != last) names.push_back(unescaped(step));
    last = step;
  }
  return names;
}

namespace {
/// Characters that grow at their end.
class Text {
 public:
  explicit Text(std::size_t bytes) : capacity_(bytes) {
    bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
    at_ = bytes_.get();
  }
  /// Room for so many bytes more.
  void need(std::size_t bytes) {
    if (static_cast<std::size_t>(bytes_.get() + capacity_ - at_) < bytes) [[unlikely]]
      grow(bytes);
  }
  void put(char c) noexcept { *at_++ = c; }
  void put(std::string_view bytes) noexcept {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void put_anything(std::string_view bytes) {
    need(bytes.size());
    put(bytes);
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {bytes_.get(), static_cast<std::size_t>(at_ - bytes_.get())};
  }

 private:
  void grow(std::size_t bytes) {
    const std::size_t used = static_cast<std::size_t>(at_ - bytes_.get());
    capacity_ = 2 * capacity_ + bytes;
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    std::memcpy(larger.get(), bytes_.get(), used);
    bytes_ = std::move(larger);
    at_ = bytes_.get() + used;
  }

  std::size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  char* at_;
};

/// A container that is being written.
struct Open {
  std::size_t end;  ///< of its path in the pointers below it
  std::uint32_t next = 0;
  bool is_array = false;
  bool has_any = false;
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
}  // namespace

void Leaves::write(std::string& to) const {
  if (all_[0].pointer.size() == base_.size()) {
    append_token_text(to, all_[0].token);
    return;
  }
  std::size_t bytes = 64;
  for (const One& leaf : all_)
    bytes += leaf.pointer.size() + leaf.token.size();
  Text text(bytes);
  std::array<Open, k_document_max_depth + 1> open;
  std::size_t depth = 0;  // of `open` that are open
  const auto close = [&] { text.put_anything(open[--depth].is_array ? "]" : "}"); };
  const auto begin = [&](const One& leaf, std::size_t end) {
    Open& one = open[depth];
    one = {end};
    one.is_array = is_index(leaf, step_at(leaf, end), base_depth_ + depth);
    ++depth;
    text.put_anything(one.is_array ? "[" : "{");
  };
  begin(all_[0], base_.size());
  std::string_view before = all_[0].pointer;
  for (const One& leaf : all_) {
    if (leaf.pointer.size() <= base_.size()) continue;  // no document of ours
    const std::string_view pointer = leaf.pointer;
    const std::size_t common = common_bytes(pointer, before);
    before = pointer;
    while (depth > 1 && open[depth - 1].end >= common)
      close();
    for (;;) {
      Open& in = open[depth - 1];
      const std::string_view step = step_at(leaf, in.end);
      const std::size_t end = in.end + 1 + step.size();
      text.need(step.size() + 8);
      if (in.is_array) {
        const std::uint32_t index = index_of(step).value_or(in.next);
        for (; in.next < index; ++in.next) {
          text.put_anything(in.has_any ? ",null" : "null");
          in.has_any = true;
        }
        if (in.has_any) text.put_anything(",");
        in.next = index + 1;
      } else {
        if (in.has_any) text.put(',');
        text.put('"');
        if (!is_escaped(step) && !needs_escape(step)) {
          text.put(step);
        } else {
          std::string escaped;
          append_escaped(escaped, unescaped(step));
          text.put_anything(escaped);
          text.need(8);
        }
        text.put("\":");
      }
      in.has_any = true;
      if (end == pointer.size()) break;
      if (depth == open.size()) return;  // deeper than any document of ours
      begin(leaf, end);
    }
    const std::string_view token = leaf.token;
    text.need(token.size() + 8);
    switch (token[0]) {
      case 't':
        text.put("true");
        break;
      case 'f':
        text.put("false");
        break;
      case 'n':
        text.put("null");
        break;
      case '{':
        text.put("{}");
        break;
      case '[':
        text.put("[]");
        break;
      case '"':
        text.put(token);
        text.put('"');
        break;
      default:
        text.put(token);
    }
  }
  while (depth > 0)
    close();
  to += text.view();
}

}  // namespace ullage::document
