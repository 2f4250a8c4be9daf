#include "document/edit.h"

#include <string>
#include <vector>

namespace ullage::document {

Result<void> write_back(GroupEdit& edit, Tree& tree, const NewLeafOptions& options) {
  const auto leaves = tree.leaves();
  if (!leaves) return leaves.error();
  const std::span<const GroupEntry> before = edit.before().entries;
  std::vector<bool> stays(before.size(), false);
  for (const Tree::Stored& leaf : **leaves) {
    if (leaf.source != Tree::k_none && before[leaf.source].field == leaf.pointer)
      stays[leaf.source] = true;
  }
  // First what goes: of several changes of a field the last counts.
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!stays[i]) edit.erase(before[i].field);
  }
  for (const Tree::Stored& leaf : **leaves) {
    if (leaf.source == Tree::k_none) {
      edit.set(leaf.pointer, leaf.value, options.entry);
      continue;
    }
    const GroupEntry& was = before[leaf.source];
    if (!stays[leaf.source]) {
      edit.set(leaf.pointer, leaf.value, {.ttl = was.ttl.remaining, .keep_ttl = false});
    } else if (was.value != leaf.value) {
      edit.restate(leaf.pointer, leaf.value);  // another place among the others
    }
  }
  edit.set_kind(k_group_kind_document);
  if (options.is_whole) edit.forget_losses();
  return {};
}

void put_at(Tree& tree, const Tree::Place& place, Tree::Node value) {
  if (place.parent == Tree::k_none) {
    tree.set_root(value);
  } else if (place.node != Tree::k_none) {
    tree.replace(place.parent, place.position, value);
  } else if (tree.kind(place.parent) == Tree::Kind::array) {
    tree.insert(place.parent, place.position, value);
  } else {
    tree.set_member(place.parent, tree.keep(place.name), value);
  }
}

bool is_puttable(const Tree& tree, std::string_view pointer, const Tree::Place& place) noexcept {
  if (pointer.empty()) return true;
  if (tree.root() == Tree::k_none || place.parent == Tree::k_none) return false;
  return place.node != Tree::k_none || place.is_new_element ||
         tree.kind(place.parent) == Tree::Kind::object;
}

Error not_there(std::string_view pointer, const Tree::Place& place) {
  const std::string where = "\"" + std::string(place.deepest) + "\"";
  if (place.is_through_scalar) {
    return {Errc::wrong_type, "the path \"" + std::string(pointer) + "\" goes on below " + where +
                                  ", which is neither an object nor an array"};
  }
  return {Errc::not_found,
          "there is nothing at \"" + std::string(pointer) + "\"; the path ends at " + where};
}

}  // namespace ullage::document
