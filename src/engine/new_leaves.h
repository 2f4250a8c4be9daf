// The pages of a large group, made from all of its entries at once: leaves no larger than what
// grows and splits ends with, and the nodes that lead to them. They are built in private memory,
// find their places in the arena one by one, and are stored as a whole; nobody can reach them
// before a stub names their root.
#pragma once

#include "engine/directory.h"
#include "engine/entry.h"
#include "engine/page_image.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ullage::engine {

/// An entry that a page is made of.
struct NewEntry {
  std::uint64_t hash;  ///< of its field
  EntryDraft draft;
  policy::Rank rank;
  std::uint64_t payload_bytes;
};

/// Pages that were taken for a call and are not yet in use; they are kept while the call makes room
/// for more, so that it comes closer with each round. Marked as pending: nobody moves them.
class PageHoard {
 public:
  explicit PageHoard(State& state) noexcept : state_(state) {}
  ~PageHoard();
  PageHoard(const PageHoard&) = delete;
  PageHoard& operator=(const PageHoard&) = delete;

  /// One of those kept that is of the bin for so many bytes, or one of the arena's.
  [[nodiscard]] Ref take(std::size_t bytes, CallWork& work);
  void keep(Ref page);

 private:
  State& state_;
  std::vector<Ref> pages_;
};

class NewLeaves {
 public:
  /// Builds the pages. `sorted` by hash, not empty. False: more entries share a hash than a page
  /// holds.
  [[nodiscard]] bool build(std::span<const NewEntry> sorted, Ref anchor);
  /// Takes a place for every page; if the arena has none left, what was taken goes to the hoard.
  [[nodiscard]] bool take_places(PageHoard& hoard, CallWork& work);
  /// What take_places() took goes to the hoard after all.
  void give_back(PageHoard& hoard);
  /// Stores all pages and answers the root.
  [[nodiscard]] Ref store(State& state) const;

 private:
  struct Leaf {
    std::size_t first, last;  // of the entries
    unsigned depth;
    std::uint64_t hash;  // of one of them
    std::size_t image_at;
    std::uint32_t used;
    Ref ref;
  };
  /// What a node's reference leads to.
  struct Child {
    enum class Kind : std::uint8_t { nothing, leaf, node };
    Kind kind = Kind::nothing;
    std::uint32_t index = 0;
  };
  struct Node {
    unsigned base, bits;
    std::uint64_t hash;  // of an entry below it
    std::size_t first_child;
    Ref ref;
  };
  bool cut(std::size_t first, std::size_t last, unsigned depth);
  [[nodiscard]] std::size_t bytes_at_most(std::size_t first, std::size_t last) const noexcept;
  void encode(Leaf& leaf);
  /// The node of the leaves [first, last) that share `base` leading bits.
  std::uint32_t add_node(std::size_t first, std::size_t last, unsigned base);
  [[nodiscard]] Ref ref_of(Child child) const noexcept;

  std::span<const NewEntry> entries_;
  Ref anchor_ = k_no_ref;
  bool is_timed_ = false;
  std::vector<std::uint32_t> bytes_before_;  // of the entries before one, at most
  std::vector<Leaf> leaves_;
  std::vector<Node> nodes_;
  std::vector<Child> children_;
  std::vector<std::byte> images_;  // of the leaves, one after the other
  Child root_;
};

/// Adds the leaves and nodes below a root. With the shard's lock held.
void collect_pages(const State& state, Ref root, std::vector<Ref>& out);

}  // namespace ullage::engine
