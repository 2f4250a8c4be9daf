// What names have in common: "user:42:avatar" and "user:77:avatar" are "user:<n>:avatar".
//
// Two things collapse. Within a name: digits, hexadecimal words, UUIDs, long words with digits, and
// bytes that are no text. Between names: where one place in a path has more words than are worth
// telling apart, the light ones are "*". Learned in one pass and bounded: a tree of words, whose
// nodes have so many children at most, and which has so many nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::observe {

/// The name with what tells it from its likes taken out; at most k_collapsed_max_bytes of it.
/// Always valid UTF-8.
[[nodiscard]] std::string collapsed(std::string_view name);
inline constexpr std::size_t k_collapsed_max_bytes = 128;

/// Not thread-safe.
class Patterns {
 public:
  using Id = std::uint32_t;
  static constexpr std::size_t k_children_max = 256;
  static constexpr std::size_t k_nodes_max = std::size_t{1} << 20;
  /// A place with more words than this shows the heavy ones alone.
  static constexpr std::size_t k_shown_max = 32;
  /// Of all weight: what is heavy.
  static constexpr double k_heavy_share = 0.01;

  /// Tells at most `nodes_max` words apart, of k_nodes_max at most.
  explicit Patterns(std::size_t nodes_max);
  /// From now on `nodes_max` words, beside those only that were not too many before: what stood for
  /// others goes on to do so.
  void widen(std::size_t nodes_max) noexcept;
  /// What it may come to hold.
  [[nodiscard]] static std::size_t bytes_max(std::size_t nodes_max) noexcept;

  /// The pattern of a name. `weight` counts for what is shown.
  [[nodiscard]] Id of(std::string_view name, std::uint64_t weight);
  /// Ends learning: light words become "*". Answers for every id the one that stands for it.
  [[nodiscard]] std::vector<Id> settle();
  [[nodiscard]] std::string text(Id id) const;
  /// What stands for names beyond those that are told apart.
  [[nodiscard]] static Id other() noexcept { return k_other; }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }

 private:
  static constexpr Id k_root = 0;
  static constexpr Id k_other = 1;
  static constexpr std::string_view k_any = "*";

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Node {
    std::string word;  // with the separator that ends it
    Id parent = 0;
    std::uint64_t weight = 0;  // of names that end below it, and here
    bool is_full = false;      // there were more words here than could be told apart
    std::unordered_map<std::string, Id, Hash, std::equal_to<>> children;
  };
  [[nodiscard]] Id child(Id node, std::string_view word);
  Id add(Id parent, std::string_view word);
  void fold_children(Id node, std::uint64_t heavy, std::vector<Id>& stands_for);
  void merge(Id from, Id to, std::vector<Id>& stands_for);

  std::size_t nodes_max_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, Id, Hash, std::equal_to<>> known_;  // whole names, collapsed
};

}  // namespace ullage::observe
