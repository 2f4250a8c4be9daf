// JSON Patch: RFC 6902.
#include <ullage/document.h>

#include "document/edit.h"
#include "document/json_reader.h"
#include "document/json_text.h"
#include "document/pointer.h"
#include "document/tree.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ullage {

using namespace document;

namespace {

struct Operation {
  enum class Kind : std::uint8_t { add, remove, replace, move, copy, test };
  Kind kind = Kind::add;
  std::string name;
  std::string path;
  std::string from;                 ///< move, copy
  Tree::Node value = Tree::k_none;  ///< add, replace, test
};

Error bad_patch(std::size_t which, const std::string& what) {
  return {Errc::bad_patch, "operation " + std::to_string(which + 1) + " of the patch " + what};
}
Error failed(std::size_t which, const Operation& operation, const std::string& why) {
  return {Errc::patch_failed, "operation " + std::to_string(which + 1) + " of the patch (" +
                                  operation.name + " \"" + operation.path + "\"): " + why};
}

/// A member that is a string.
std::optional<std::string> string_member(const Tree& tree, Tree::Node object,
                                         std::string_view name) {
  const auto at = tree.position(object, name);
  if (!at) return std::nullopt;
  const Tree::Node value = tree.children(object)[*at];
  if (tree.type(value) != JsonType::string) return std::nullopt;
  return unescaped_json(tree.token(value).substr(1));
}

std::optional<Operation::Kind> kind_of(std::string_view name) noexcept {
  if (name == "add") return Operation::Kind::add;
  if (name == "remove") return Operation::Kind::remove;
  if (name == "replace") return Operation::Kind::replace;
  if (name == "move") return Operation::Kind::move;
  if (name == "copy") return Operation::Kind::copy;
  if (name == "test") return Operation::Kind::test;
  return std::nullopt;
}

/// Why an operation is none.
std::optional<std::string> read_operation(const Tree& patch, Tree::Node node,
                                          Operation& operation) {
  if (patch.kind(node) != Tree::Kind::object) return "is no object";
  const auto name = string_member(patch, node, "op");
  if (!name) return "has no \"op\"";
  const auto kind = kind_of(*name);
  if (!kind) return "is \"" + *name + "\", which there is not";
  operation.kind = *kind;
  operation.name = *name;
  const auto pointer = [&](std::string_view member, std::string& to) -> std::optional<std::string> {
    const auto path = string_member(patch, node, member);
    if (!path) return "has no \"" + std::string(member) + "\"";
    if (auto bad = check_pointer(*path)) return "has a bad path: " + bad->message;
    to = *path;
    return std::nullopt;
  };
  if (auto bad = pointer("path", operation.path)) return bad;
  switch (operation.kind) {
    case Operation::Kind::move:
    case Operation::Kind::copy:
      return pointer("from", operation.from);
    case Operation::Kind::add:
    case Operation::Kind::replace:
    case Operation::Kind::test: {
      const auto at = patch.position(node, "value");
      if (!at) return "has no \"value\"";
      operation.value = patch.children(node)[*at];
      return std::nullopt;
    }
    case Operation::Kind::remove:
      break;
  }
  return std::nullopt;
}

Result<std::vector<Operation>> read_operations(const Tree& patch) {
  if (patch.kind(patch.root()) != Tree::Kind::array)
    return Error{Errc::bad_patch, "a JSON Patch is an array of operations"};
  const std::vector<Tree::Node>& all = patch.children(patch.root());
  if (all.size() > k_document_patch_max_operations) {
    return Error{Errc::bad_patch, "a patch of " + std::to_string(all.size()) +
                                      " operations has more than " +
                                      std::to_string(k_document_patch_max_operations)};
  }
  std::vector<Operation> operations(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (const auto bad = read_operation(patch, all[i], operations[i])) return bad_patch(i, *bad);
  }
  return operations;
}

/// Puts a value there as `add` does: into an array before the element that is there.
std::optional<std::string> add(Tree& tree, const std::string& path, Tree::Node value) {
  Tree::Place place = tree.find(path);
  if (!is_puttable(tree, path, place)) return not_there(path, place).message;
  if (place.node != Tree::k_none && place.parent != Tree::k_none &&
      tree.kind(place.parent) == Tree::Kind::array)
    place.node = Tree::k_none;
  put_at(tree, place, value);
  return std::nullopt;
}

/// Takes out what is there.
std::optional<std::string> remove(Tree& tree, const std::string& path) {
  const Tree::Place place = tree.find(path);
  if (place.node == Tree::k_none) return not_there(path, place).message;
  if (place.parent == Tree::k_none) {
    tree.set_root(Tree::k_none);
  } else {
    tree.remove(place.parent, place.position);
  }
  return std::nullopt;
}

/// Why it cannot be done.
std::optional<std::string> apply(Tree& tree, const Tree& patch, const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::add:
      return add(tree, operation.path, tree.copy(patch, operation.value));
    case Operation::Kind::remove:
      return remove(tree, operation.path);
    case Operation::Kind::replace: {
      const Tree::Place place = tree.find(operation.path);
      if (place.node == Tree::k_none) return not_there(operation.path, place).message;
      put_at(tree, place, tree.copy(patch, operation.value));
      return std::nullopt;
    }
    case Operation::Kind::move: {
      const Tree::Place from = tree.find(operation.from);
      if (from.node == Tree::k_none) return not_there(operation.from, from).message;
      if (operation.path == operation.from) return std::nullopt;
      if (is_within(operation.path, operation.from)) return "it would be moved into itself";
      if (auto bad = remove(tree, operation.from)) return bad;
      return add(tree, operation.path, from.node);
    }
    case Operation::Kind::copy: {
      const Tree::Place from = tree.find(operation.from);
      if (from.node == Tree::k_none) return not_there(operation.from, from).message;
      return add(tree, operation.path, tree.copy(tree, from.node));
    }
    case Operation::Kind::test: {
      const Tree::Place place = tree.find(operation.path);
      if (place.node == Tree::k_none) return not_there(operation.path, place).message;
      if (!Tree::equal(tree, place.node, patch, operation.value)) return "it is another value";
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<void> Documents::patch(std::string_view group, std::string_view operations) {
  const Result<Tree> patch = read_json(operations);
  if (!patch) return patch.error();
  const Result<std::vector<Operation>> all = read_operations(*patch);
  if (!all) return all.error();
  const auto done = cache_.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    Result<Tree> read = Tree::of(edit.before());
    if (!read) return read.error();
    Tree tree = std::move(*read);
    for (std::size_t i = 0; i < all->size(); ++i) {
      if (const auto why = apply(tree, *patch, (*all)[i])) return failed(i, (*all)[i], *why);
      // Copies of copies: no patch makes more of a document than a document may be.
      if (tree.size() > k_document_patch_max_nodes)
        return failed(i, (*all)[i], "the document would become too large");
    }
    return write_back(edit, tree, {});
  });
  if (!done) return done.error();
  return {};
}

}  // namespace ullage
