// From a hash to the page that covers it: extendible hashing in small nodes, a trie where one is
// full.
//
// A level of the directory is a range of hashes: a shard (its groups' hashes) or a large group (its
// fields' hashes). Its top lies in the shard (8 references) or in the group's stub (1 reference);
// each reference leads to a page or to a node of 2^3 to 2^6 references that consumes the next bits.
// A page of depth d serves all hashes that share its d leading bits and so stands in several
// neighbouring references of its node. Growing splits one page, doubles one node of at most 64
// references, or adds one: never a table. After Fagin, Nievergelt, Pippenger, Strong: "Extendible
// hashing" (1979).
//
// Reading needs no lock: every reference is checked before it is followed, the number of nodes on a
// way is bounded, and the shard's version tells afterwards whether it was true. Changing needs the
// shard's lock.
#pragma once

#include "engine/state.h"

#include <cstddef>
#include <cstdint>

namespace ullage::engine {

inline std::uint64_t leading_bits(std::uint64_t hash, unsigned base, unsigned bits) noexcept {
  return bits == 0 ? 0 : (hash << base) >> (64 - bits);
}
/// The first hash after the range of hashes that share `depth` leading bits with `hash`; 0 if it
/// was the last.
inline std::uint64_t after_range(std::uint64_t hash, unsigned depth) noexcept {
  return depth == 0 ? 0 : ((hash >> (64 - depth)) + 1) << (64 - depth);
}

/// A node's page.
constexpr std::size_t node_bytes(unsigned bits) noexcept {
  return k_header_bytes + (std::size_t{4} << bits);
}

/// How many empty references a walk passes while it holds a shard: where hashes collide a way down
/// has far more of them than pages.
inline constexpr int k_empty_refs_a_hold = 64;

/// A reference in a directory, with the references beside it.
struct RefSlot {
  std::byte* refs = nullptr;  ///< 2^bits shared references
  unsigned base = 0;          ///< hash bits consumed before
  unsigned bits = 0;
  std::uint32_t index = 0;
  Ref node = k_no_ref;  ///< the node they lie in; none at a level's top

  [[nodiscard]] std::byte* at(std::uint32_t i) const noexcept {
    return refs + 4 * static_cast<std::size_t>(i);
  }
  [[nodiscard]] Ref load() const noexcept { return base::load_u32(at(index)); }
};

/// The top of a level.
struct Level {
  Shard* shard = nullptr;
  std::byte* refs = nullptr;
  unsigned bits = 0;
  PageKind node_kind = PageKind::shard_node;
  PageKind page_kind = PageKind::bucket;
  Ref anchor = k_no_ref;  ///< of the group; none for a shard's level

  [[nodiscard]] std::uint64_t owner(std::uint64_t owner_hash) const noexcept {
    return anchor == k_no_ref ? owner_hash : pack_owner(anchor, owner_hash);
  }
};

struct Found {
  Ref page = k_no_ref;  ///< none: nothing there
  PageHeader header;    ///< of the page
  RefSlot slot;
  RefSlot parent;       ///< of slot.node; refs is null if slot is the top
  bool broken = false;  ///< met something that cannot be: a stale read
  /// Leading bits that the answer is about: the page's depth, or those of the empty reference.
  [[nodiscard]] unsigned depth() const noexcept {
    return page != k_no_ref ? header.depth : slot.base + slot.bits;
  }
};

class Directory {
 public:
  explicit Directory(State& state) noexcept : state_(state) {}

  [[nodiscard]] Level shard_level(Shard& shard) const noexcept {
    return {&shard,
            reinterpret_cast<std::byte*>(shard.refs),
            k_shard_node_bits,
            PageKind::shard_node,
            PageKind::bucket,
            k_no_ref};
  }
  /// `stub_body` is the shared body of the group's stub.
  [[nodiscard]] Level group_level(Shard& shard, std::byte* stub_body, Ref anchor) const noexcept {
    return {&shard, stub_body + k_root_at, 0, PageKind::group_node, PageKind::leaf, anchor};
  }

  /// The page for a hash (at the level's own alignment: see State::in_shard). Asks for its first
  /// lines on the way.
  [[nodiscard]] Found find(const Level& level, std::uint64_t hash) const noexcept;

  /// The next page at or after the hash `at`, past at most `empty_max` empty references (one at
  /// least): `at` becomes a hash of its range. If none was met, `at` is where to go on, 0 at the
  /// end of the level. With the shard's lock held.
  [[nodiscard]] Found next_page(const Level& level, std::uint64_t& at,
                                int empty_max) const noexcept;

  /// Asks for the page after the one found, as far as its own node knows it: for who will walk on.
  void ask_after(const Found& found) const noexcept;

  // --- with the shard's lock held; each is one change of its own or part of the caller's ---

  /// Makes `page` stand for all hashes that share `depth` leading bits with `hash`. Inside a
  /// Change.
  void set(const RefSlot& slot, std::uint64_t hash, unsigned depth, Ref page) const noexcept;

  /// The largest range around an empty reference in which its node has nothing else.
  [[nodiscard]] unsigned empty_depth(const Found& found, std::uint64_t hash) const noexcept;

  /// Makes room for a split of the page found: afterwards a fresh find() answers a slot in which
  /// the page stands at least twice. False if the arena has no page for it. A change of its own.
  [[nodiscard]] bool widen(const Level& level, const Found& found, std::uint64_t owner_hash,
                           CallWork& work) const noexcept;

 private:
  static constexpr std::size_t k_root_at = 0;  // record.h: k_stub_root_at
  static constexpr int k_nodes_on_a_way_max = 12;
  State& state_;
};

}  // namespace ullage::engine
