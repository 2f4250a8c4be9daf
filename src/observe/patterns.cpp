#include "observe/patterns.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace ullage::observe {

namespace {

constexpr std::size_t k_hex_min = 8;
constexpr std::size_t k_long_word_min = 24;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_word(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_printable(char c) noexcept {
  return c >= ' ' && c < '\x7f';
}

/// 8-4-4-4-12 hexadecimal digits, and no word behind them.
bool starts_with_uuid(std::string_view text) noexcept {
  constexpr std::size_t k_bytes = 36;
  if (text.size() < k_bytes || (text.size() > k_bytes && is_word(text[k_bytes]))) return false;
  for (std::size_t i = 0; i < k_bytes; ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

/// The bytes of a well-formed sequence of more than one byte (Unicode 15, table 3-7); 0: none.
std::size_t utf8_bytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto goes_on = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first >= 0xc2 && first <= 0xdf) return goes_on(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return goes_on(1, low, high) && goes_on(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return goes_on(1, low, high) && goes_on(2) && goes_on(3) ? 4 : 0;
  }
  return 0;
}

void append_word(std::string& out, std::string_view word) {
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(word, is_digit));
  if (digits == word.size()) {
    out += "<n>";
  } else if (word.size() >= k_hex_min && std::ranges::all_of(word, is_hex) && digits != 0) {
    out += "<hex>";
  } else if (word.size() >= k_long_word_min && digits != 0) {
    out += "<id>";
  } else {
    for (std::size_t i = 0; i < word.size();) {
      if (!is_digit(word[i])) {
        out += word[i++];
        continue;
      }
      out += "<n>";
      while (i < word.size() && is_digit(word[i]))
        ++i;
    }
  }
}

/// Where paths are cut; the separator stays with the word before it.
constexpr std::string_view k_separators = ":/.|";

}  // namespace

std::string collapsed(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size() && out.size() < k_collapsed_max_bytes;) {
    const std::string_view left = name.substr(i);
    if (is_word(left[0])) {
      if (starts_with_uuid(left)) {
        out += "<uuid>";
        i += 36;
        continue;
      }
      const auto end = std::ranges::find_if_not(left, is_word);
      const auto bytes = static_cast<std::size_t>(end - left.begin());
      append_word(out, left.substr(0, bytes));
      i += bytes;
    } else if (is_printable(left[0])) {
      out += left[0];
      ++i;
    } else if (const std::size_t bytes = utf8_bytes(left); bytes != 0) {
      out += left.substr(0, bytes);
      i += bytes;
    } else {
      if (!out.ends_with("<bin>")) out += "<bin>";
      ++i;
    }
  }
  if (out.size() > k_collapsed_max_bytes) {
    // Not in the middle of a character.
    std::size_t end = k_collapsed_max_bytes - 3;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80)
      --end;
    out.resize(end);
    out += "...";
  }
  return out;
}

Patterns::Patterns(std::size_t nodes_max) : nodes_max_(std::min(nodes_max, k_nodes_max)) {
  nodes_.push_back({});
  nodes_.push_back({.word = "<other>", .children = {}});
}

void Patterns::widen(std::size_t nodes_max) noexcept {
  nodes_max_ = std::clamp(nodes_max, nodes_max_, k_nodes_max);
}

std::size_t Patterns::bytes_max(std::size_t nodes_max) noexcept {
  // A node is in a vector that may have grown to twice its size, in its parent's table, and has a
  // table of its own; a known name has its text.
  constexpr std::size_t k_entry_bytes = 64;  // of a table: its node, its bucket, what malloc adds
  return nodes_max * (3 * sizeof(Node) + k_entry_bytes + sizeof(std::string)) +
         nodes_max * (k_entry_bytes + sizeof(std::string) + k_collapsed_max_bytes);
}

Patterns::Id Patterns::of(std::string_view name, std::uint64_t weight) {
  const std::string text = collapsed(name);
  Id id = k_other;
  if (const auto found = known_.find(text); found != known_.end()) {
    id = found->second;
  } else {
    id = k_root;
    for (std::size_t at = 0; at < text.size() && id != k_other;) {
      const std::size_t cut = text.find_first_of(k_separators, at);
      const std::size_t end = cut == std::string::npos ? text.size() : cut + 1;
      id = child(id, std::string_view(text).substr(at, end - at));
      at = end;
    }
    if (known_.size() < nodes_max_) known_.emplace(text, id);
  }
  nodes_[id].weight += weight;
  return id;
}

Patterns::Id Patterns::child(Id node, std::string_view word) {
  const auto& children = nodes_[node].children;
  if (const auto found = children.find(word); found != children.end()) return found->second;
  if (nodes_[node].is_full || nodes_.size() >= nodes_max_) {
    nodes_[node].is_full = true;
    return k_other;
  }
  if (children.size() < k_children_max) return add(node, word);
  // One more than can be told apart.
  std::string any(k_any);
  if (!word.empty() && k_separators.find(word.back()) != std::string_view::npos) any += word.back();
  if (const auto found = children.find(any); found != children.end()) return found->second;
  return add(node, any);
}

Patterns::Id Patterns::add(Id parent, std::string_view word) {
  const auto id = static_cast<Id>(nodes_.size());
  nodes_.push_back({.word = std::string(word), .parent = parent, .children = {}});
  nodes_[parent].children.emplace(word, id);
  return id;
}

std::vector<Patterns::Id> Patterns::settle() {
  std::vector<Id> stands_for(nodes_.size());
  for (Id id = 0; id < stands_for.size(); ++id)
    stands_for[id] = id;
  // Children come after their parents.
  for (Id id = static_cast<Id>(nodes_.size()) - 1; id > k_other; --id)
    nodes_[nodes_[id].parent].weight += nodes_[id].weight;
  const std::uint64_t total = nodes_[k_root].weight + nodes_[k_other].weight;
  const auto heavy = static_cast<std::uint64_t>(k_heavy_share * static_cast<double>(total));
  fold_children(k_root, heavy, stands_for);
  for (Id id = 0; id < stands_for.size(); ++id) {
    while (stands_for[stands_for[id]] != stands_for[id])
      stands_for[id] = stands_for[stands_for[id]];
  }
  return stands_for;
}

void Patterns::fold_children(Id node, std::uint64_t heavy, std::vector<Id>& stands_for) {
  if (nodes_[node].children.size() > k_shown_max) {
    std::vector<std::pair<std::string, Id>> light;
    for (const auto& [word, id] : nodes_[node].children) {
      if (nodes_[id].weight < heavy && !word.starts_with(k_any)) light.emplace_back(word, id);
    }
    std::ranges::sort(light);  // the outcome does not depend on the table's order
    for (const auto& [word, id] : light) {
      std::string any(k_any);
      if (k_separators.find(word.back()) != std::string_view::npos) any += word.back();
      nodes_[node].children.erase(word);
      const auto found = nodes_[node].children.find(any);
      if (found != nodes_[node].children.end()) {
        merge(id, found->second, stands_for);
      } else {
        nodes_[id].word = any;
        nodes_[node].children.emplace(any, id);
      }
    }
  }
  std::vector<Id> children;
  for (const auto& [word, id] : nodes_[node].children)
    children.push_back(id);
  for (const Id id : children)
    fold_children(id, heavy, stands_for);
}

void Patterns::merge(Id from, Id to, std::vector<Id>& stands_for) {
  stands_for[from] = to;
  nodes_[to].weight += nodes_[from].weight;
  auto children = std::move(nodes_[from].children);
  nodes_[from].children.clear();
  for (const auto& [word, id] : children) {
    const auto found = nodes_[to].children.find(word);
    if (found != nodes_[to].children.end()) {
      merge(id, found->second, stands_for);
    } else {
      nodes_[id].parent = to;
      nodes_[to].children.emplace(word, id);
    }
  }
}

std::string Patterns::text(Id id) const {
  if (id == k_root) return "\"\"";
  std::vector<Id> way;
  for (; id != k_root; id = nodes_[id].parent)
    way.push_back(id);
  std::string text;
  for (auto one = way.rbegin(); one != way.rend(); ++one)
    text += nodes_[*one].word;
  return text;
}

}  // namespace ullage::observe
