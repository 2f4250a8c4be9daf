#include "document/tree.h"

#include "document/errors.h"
#include "document/json_text.h"

#include <algorithm>
#include <cstring>

namespace ullage::document {

namespace {
constexpr std::size_t k_members_looked_through = 12;  // more are found by a table ...
constexpr unsigned k_looks_through = 8;               // ... from so many questions on
constexpr std::size_t k_block_bytes = 16 * k_kib;
}  // namespace

void append_token_text(std::string& to, std::string_view token) {
  to += characters_of(token);
  if (token[0] == '"') to += '"';
}

JsonType type_of_token(std::string_view token) noexcept {
  switch (token[0]) {
    case 't':
    case 'f':
      return JsonType::boolean;
    case 'n':
      return JsonType::null;
    case '{':
      return JsonType::object;
    case '[':
      return JsonType::array;
    case '"':
      return JsonType::string;
    default:
      return JsonType::number;
  }
}

bool is_token(std::string_view token) noexcept {
  if (token.empty()) return false;
  switch (token[0]) {
    case 't':
    case 'f':
    case 'n':
    case '{':
    case '[':
      return token.size() == 1;
    case '"':
      return true;
    default:
      return is_json_number(token);
  }
}

Tree::Node Tree::add(Data data) {
  nodes_.push_back(data);
  return static_cast<Node>(nodes_.size() - 1);
}

Tree::Node Tree::add_scalar(std::string_view token) {
  return add({.kind = Kind::scalar, .token = token});
}

Tree::Node Tree::add_container(Kind kind) {
  boxes_.emplace_back();
  return add({.kind = kind, .box = static_cast<std::uint32_t>(boxes_.size() - 1)});
}

std::string_view Tree::keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() > left_) {
    left_ = std::max(bytes.size(), k_block_bytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    free_ = blocks_.back().get();
  }
  char* const at = free_;
  std::memcpy(at, bytes.data(), bytes.size());
  free_ += bytes.size();
  left_ -= bytes.size();
  return {at, bytes.size()};
}

Tree::Node Tree::copy(const Tree& from, Node node) {
  Data data = from.nodes_[node];
  if (!from.is_container(node)) return add({.kind = data.kind, .token = data.token});
  const Node made = add_container(data.kind);
  std::vector<Node> children;
  children.reserve(from.children(node).size());
  for (std::size_t i = 0; i < from.children(node).size(); ++i) {
    const Node child = from.children(node)[i];
    const std::string_view name = from.name(child);
    children.push_back(copy(from, child));
    nodes_[children.back()].name = name;
  }
  box(made).children = std::move(children);
  return made;
}

JsonType Tree::type(Node node) const noexcept {
  switch (kind(node)) {
    case Kind::object:
      return JsonType::object;
    case Kind::array:
      return JsonType::array;
    case Kind::hole:
      return JsonType::null;
    case Kind::scalar:
      break;
  }
  return type_of_token(token(node));
}

std::optional<std::size_t> Tree::position(Node object, std::string_view name) const {
  const Box& of = box(object);
  const std::vector<Node>& all = of.children;
  // Mostly asked for what came last: leaves of one object stand side by side.
  if (!all.empty() && nodes_[all.back()].name == name) return all.size() - 1;
  if (all.size() <= k_members_looked_through ||
      (of.positions.empty() && ++of.looks < k_looks_through)) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (nodes_[all[i]].name == name) return i;
    }
    return std::nullopt;
  }
  for (std::size_t i = of.positions.size(); i < all.size(); ++i)
    of.positions.emplace(nodes_[all[i]].name, i);
  const auto found = of.positions.find(name);
  if (found == of.positions.end()) return std::nullopt;
  return found->second;
}

void Tree::set_member(Node object, std::string_view name, Node value) {
  nodes_[value].name = name;
  if (const auto at = position(object, name)) {
    box(object).children[*at] = value;
    return;
  }
  box(object).children.push_back(value);
}

void Tree::insert(Node array, std::size_t position, Node value) {
  std::vector<Node>& all = box(array).children;
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(position), value);
}

void Tree::replace(Node container, std::size_t position, Node value) {
  nodes_[value].name = nodes_[children(container)[position]].name;
  box(container).children[position] = value;
}

void Tree::remove(Node container, std::size_t position) {
  std::vector<Node>& all = box(container).children;
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(position));
  box(container).positions.clear();
  box(container).looks = 0;
}

void Tree::remove(Node container, std::vector<std::size_t> positions) {
  std::ranges::sort(positions);
  std::vector<Node>& all = box(container).children;
  std::size_t to = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (next < positions.size() && positions[next] == i) {
      ++next;
    } else {
      all[to++] = all[i];
    }
  }
  all.resize(to);
  box(container).positions.clear();
  box(container).looks = 0;
}

void Tree::clear(Node container) {
  box(container).children.clear();
  box(container).positions.clear();
  box(container).looks = 0;
}

Result<Tree> Tree::of(const GroupView& group) {
  Tree tree;
  if (group.entries.empty()) return tree;
  if (group.kind != k_group_kind_document) return no_document();
  struct Item {
    Leaf leaf;
    Node source;
  };
  std::vector<Item> items;
  items.reserve(group.entries.size());
  for (std::size_t i = 0; i < group.entries.size(); ++i) {
    const std::optional<Leaf> leaf = decode_leaf(group.entries[i].value);
    if (!leaf || !is_token(leaf->token)) return no_document();
    items.push_back({*leaf, static_cast<Node>(i)});
  }
  std::ranges::sort(items, {}, [](const Item& item) { return item.leaf.place; });
  tree.nodes_.reserve(2 * items.size());
  for (const Item& item : items) {
    if (!tree.add_leaf(group.entries[item.source].field, item.leaf, item.source))
      return no_document();
  }
  return tree;
}

bool Tree::add_leaf(std::string_view pointer, const Leaf& leaf, Node source) {
  const auto made = [&] {
    if (leaf.token == "{") return add_container(Kind::object);
    if (leaf.token == "[") return add_container(Kind::array);
    return add_scalar(leaf.token);
  };
  if (pointer.empty()) {
    if (root_ != k_none) return false;
    root_ = made();
    nodes_[root_].source = source;
    return true;
  }
  if (pointer[0] != '/') return false;
  Node above = k_none;
  std::size_t position_above = 0;
  std::string_view name_above;
  Tokens tokens(pointer);
  for (unsigned step = 0; !tokens.empty(); ++step) {
    const std::string_view token = tokens.next();
    const std::optional<std::uint32_t> index = index_at(leaf.names, step, token);
    const Kind wanted = index ? Kind::array : Kind::object;
    // The container that this step is in: there already, or made now.
    Node here = above == k_none                           ? root_
                : position_above < children(above).size() ? children(above)[position_above]
                                                          : k_none;
    if (here != k_none && kind(here) == Kind::hole) here = k_none;
    if (here == k_none) {
      here = add_container(wanted);
      if (above == k_none) {
        root_ = here;
      } else if (position_above < children(above).size()) {
        replace(above, position_above, here);
      } else {
        nodes_[here].name = name_above;
        box(above).children.push_back(here);
      }
    }
    if (kind(here) != wanted || nodes_[here].source != k_none) return false;
    above = here;
    if (index) {
      while (children(here).size() < *index)
        box(here).children.push_back(add({.kind = Kind::hole}));
      position_above = *index;
      name_above = {};
    } else {
      name_above = is_escaped(token) ? keep(unescaped(token)) : token;
      position_above = position(here, name_above).value_or(children(here).size());
    }
  }
  if (position_above < children(above).size()) {
    if (kind(children(above)[position_above]) != Kind::hole) return false;
    const Node node = made();
    replace(above, position_above, node);
    nodes_[node].source = source;
    return true;
  }
  const Node node = made();
  nodes_[node].name = name_above;
  nodes_[node].source = source;
  box(above).children.push_back(node);
  return true;
}

Tree::Place Tree::find(std::string_view pointer) const {
  Place place;
  place.node = root_;
  place.deepest = pointer.substr(0, 0);
  std::size_t at = 0;  // behind what has been walked
  Tokens tokens(pointer);
  while (!tokens.empty()) {
    if (place.node == k_none) return place;
    const Node here = place.node;
    place.deepest = pointer.substr(0, at);
    const std::string_view token = tokens.next();
    at += 1 + token.size();
    place.node = k_none;
    place.parent = k_none;
    if (!is_container(here)) {
      place.is_through_scalar = true;
      return place;
    }
    const bool is_last = tokens.empty();
    if (kind(here) == Kind::array) {
      const std::size_t size = children(here).size();
      const std::optional<std::uint32_t> index = index_of(token);
      const std::size_t position = token == "-" ? size : index ? *index : size + 1;
      place.is_new_element = is_last && position == size;
      if (position > size) return place;
      place.parent = here;
      place.position = position;
      if (position < size) place.node = children(here)[position];
    } else {
      place.name = unescaped(token);
      const std::optional<std::size_t> position = this->position(here, place.name);
      place.parent = is_last || position ? here : k_none;
      if (position) {
        place.position = *position;
        place.node = children(here)[*position];
      }
    }
  }
  if (place.node != k_none) place.deepest = pointer;
  return place;
}

void Tree::write(Node node, std::string& to) const {
  switch (kind(node)) {
    case Kind::hole:
      to += "null";
      return;
    case Kind::scalar:
      append_token_text(to, token(node));
      return;
    case Kind::object: {
      char before = '{';
      for (const Node child : children(node)) {
        to += before;
        to += '"';
        append_escaped(to, name(child));
        to += "\":";
        write(child, to);
        before = ',';
      }
      to += before == '{' ? "{}" : "}";
      return;
    }
    case Kind::array: {
      char before = '[';
      for (const Node child : children(node)) {
        to += before;
        write(child, to);
        before = ',';
      }
      to += before == '[' ? "[]" : "]";
      return;
    }
  }
}

bool Tree::equal(const Tree& a, Node left, const Tree& b, Node right) {
  if (a.type(left) != b.type(right)) return false;
  switch (a.type(left)) {
    case JsonType::null:
      return true;
    case JsonType::boolean:
    case JsonType::string:
      return a.token(left) == b.token(right);
    case JsonType::number:
      return equal_numbers(a.token(left), b.token(right));
    case JsonType::array: {
      return std::ranges::equal(a.children(left), b.children(right),
                                [&](Node one, Node other) { return equal(a, one, b, other); });
    }
    case JsonType::object:
      break;
  }
  if (a.children(left).size() != b.children(right).size()) return false;
  return std::ranges::all_of(a.children(left), [&](Node member) {
    const auto at = b.position(right, a.name(member));
    return at && equal(a, member, b, b.children(right)[*at]);
  });
}

struct Tree::Path {
  std::string pointer;
  unsigned depth = 0;
  std::uint64_t names = 0;
  /// Of each leaf's pointer and value in the bytes: views come last, when they stay where they are.
  struct Extent {
    std::size_t at, pointer_bytes, value_bytes;
    Node source;
  };
  std::vector<Extent> extents;
};

std::optional<Error> Tree::collect(Node node, Path& path) {
  const bool is_leaf = !is_container(node) || children(node).empty();
  if (kind(node) == Kind::hole) return std::nullopt;
  if (is_leaf) {
    if (path.extents.size() == k_document_max_leaves) return too_many_leaves();
    if (path.pointer.size() > k_document_pointer_max_bytes) {
      return Error{Errc::path_too_long, "a leaf's path of " + std::to_string(path.pointer.size()) +
                                            " bytes is longer than " +
                                            std::to_string(k_document_pointer_max_bytes)};
    }
    const std::size_t at = stored_bytes_.size();
    stored_bytes_ += path.pointer;
    const std::size_t value_at = stored_bytes_.size();
    const std::string_view token = kind(node) == Kind::object  ? "{"
                                   : kind(node) == Kind::array ? "["
                                                               : this->token(node);
    encode_leaf(stored_bytes_,
                {static_cast<std::uint32_t>(path.extents.size()), path.names, token});
    path.extents.push_back(
        {at, path.pointer.size(), stored_bytes_.size() - value_at, nodes_[node].source});
    return std::nullopt;
  }
  if (path.depth == k_document_max_depth) return too_deep();
  const std::size_t length = path.pointer.size();
  const std::uint64_t names = path.names;
  ++path.depth;
  for (std::size_t i = 0; i < children(node).size(); ++i) {
    const Node child = children(node)[i];
    if (kind(node) == Kind::array) {
      append_index(path.pointer, i);
    } else {
      append_token(path.pointer, name(child));
      if (index_of(name(child))) path.names |= std::uint64_t{1} << (path.depth - 1);
    }
    if (auto bad = collect(child, path)) return bad;
    path.pointer.resize(length);
    path.names = names;
  }
  --path.depth;
  return std::nullopt;
}

static_assert(k_document_max_depth <= 64, "a leaf's names are 64 bits");

Result<const std::vector<Tree::Stored>*> Tree::leaves() {
  stored_bytes_.clear();
  stored_.clear();
  if (root_ == k_none) return &stored_;
  Path path;
  if (auto bad = collect(root_, path)) return *bad;
  stored_.reserve(path.extents.size());
  const std::string_view bytes = stored_bytes_;
  for (const Path::Extent& one : path.extents) {
    stored_.push_back({bytes.substr(one.at, one.pointer_bytes),
                       bytes.substr(one.at + one.pointer_bytes, one.value_bytes), one.source});
  }
  return &stored_;
}

}  // namespace ullage::document
