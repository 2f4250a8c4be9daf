// A JSON value in private memory, to be changed: what an edit of a document works on.
//
// Nodes are numbers; a node that was taken out or replaced stays where it is until the tree goes.
// Names and tokens are views: into what the tree was made of, which must outlive it, or into bytes
// that it keeps.
#pragma once

#include <ullage/document.h>
#include <ullage/group.h>

#include "document/leaf.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::document {

class Tree {
 public:
  using Node = std::uint32_t;
  static constexpr Node k_none = UINT32_MAX;
  enum class Kind : std::uint8_t {
    scalar,
    object,
    array,
    hole,  ///< an element that was lost: it reads as null and is not written
  };

  Tree() = default;
  Tree(Tree&&) noexcept = default;
  Tree& operator=(Tree&&) noexcept = default;

  /// The document that a group holds; none at its root if it holds nothing. Each leaf knows the
  /// entry that it came from. Error: wrong_kind.
  static Result<Tree> of(const GroupView& group);

  /// Nodes made, those that are not there any more included.
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] Node root() const noexcept { return root_; }
  void set_root(Node node) noexcept { root_ = node; }

  /// `token` as in leaf.h, of a scalar.
  Node add_scalar(std::string_view token);
  Node add_container(Kind kind);
  /// A copy of a value of another tree, which must outlive this one, or of this one.
  Node copy(const Tree& from, Node node);
  /// Bytes that live as long as the tree.
  std::string_view keep(std::string_view bytes);

  [[nodiscard]] Kind kind(Node node) const noexcept { return nodes_[node].kind; }
  [[nodiscard]] bool is_container(Node node) const noexcept {
    return kind(node) == Kind::object || kind(node) == Kind::array;
  }
  [[nodiscard]] std::string_view token(Node node) const noexcept { return nodes_[node].token; }
  [[nodiscard]] JsonType type(Node node) const noexcept;

  // --- of objects and arrays ---

  [[nodiscard]] const std::vector<Node>& children(Node container) const noexcept {
    return boxes_[nodes_[container].box].children;
  }
  /// A member's own name.
  [[nodiscard]] std::string_view name(Node member) const noexcept { return nodes_[member].name; }
  /// Where a member stands in its object; none if there is no such.
  [[nodiscard]] std::optional<std::size_t> position(Node object, std::string_view name) const;
  /// Adds a member, or puts its value in the place of the one of that name. The name is a view that
  /// outlives the tree.
  void set_member(Node object, std::string_view name, Node value);
  void insert(Node array, std::size_t position, Node value);
  void replace(Node container, std::size_t position, Node value);
  void remove(Node container, std::size_t position);
  /// The same of many, each once, in any order.
  void remove(Node container, std::vector<std::size_t> positions);
  void clear(Node container);

  // --- paths ---

  /// Where a pointer leads.
  struct Place {
    Node node = k_none;    ///< what is there
    Node parent = k_none;  ///< the container that has it, or would
    std::size_t position = 0;
    std::string name;                ///< of the last step, if the parent is an object
    std::string_view deepest;        ///< the longest part of the pointer that leads to something
    bool is_through_scalar = false;  ///< ... which is a scalar, and the pointer goes on
    bool is_new_element = false;     ///< the last step is one behind an array's end
  };
  [[nodiscard]] Place find(std::string_view pointer) const;

  // --- all of it ---

  /// Adds the value's text.
  void write(Node node, std::string& to) const;
  [[nodiscard]] static bool equal(const Tree& a, Node left, const Tree& b, Node right);

  /// A leaf as it is to be stored.
  struct Stored {
    std::string_view pointer;
    std::string_view value;
    std::uint32_t source;  ///< the entry that it came from; k_none: it is new
  };
  /// All leaves in their order; views are valid until the next call. Errors: too_deep,
  /// too_many_leaves, path_too_long.
  [[nodiscard]] Result<const std::vector<Stored>*> leaves();

 private:
  struct Data {
    Kind kind;
    std::uint32_t box = 0;     // of a container
    Node source = k_none;      // the entry that a leaf came from
    std::string_view name{};   // of a member
    std::string_view token{};  // of a scalar
  };
  struct Box {
    std::vector<Node> children;
    // Of many members, made once it pays: removals make it void.
    mutable std::unordered_map<std::string_view, std::size_t> positions;
    mutable unsigned looks = 0;  // since it was void
  };
  struct Path;
  Node add(Data data);
  [[nodiscard]] bool add_leaf(std::string_view pointer, const Leaf& leaf, Node source);
  std::optional<Error> collect(Node node, Path& path);
  Box& box(Node container) noexcept { return boxes_[nodes_[container].box]; }
  [[nodiscard]] const Box& box(Node container) const noexcept {
    return boxes_[nodes_[container].box];
  }

  std::vector<Data> nodes_;
  std::vector<Box> boxes_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t left_ = 0;
  Node root_ = k_none;
  std::string stored_bytes_;
  std::vector<Stored> stored_;
};

/// Adds the text of a token: "t" is true, and a string gets its closing quote.
void append_token_text(std::string& to, std::string_view token);
JsonType type_of_token(std::string_view token) noexcept;
/// Whether it is the token of a leaf.
bool is_token(std::string_view token) noexcept;

}  // namespace ullage::document
