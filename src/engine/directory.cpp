#include "engine/directory.h"

#include "base/check.h"
#include "base/words.h"

#include <algorithm>

namespace ullage::engine {

static_assert(k_depth_max / k_node_bits_min <= 12, "nodes on a way");

static_assert(node_bytes(k_node_bits_min) > 32,
              "nodes never share the anchors' bin, which is never emptied");

Found Directory::find(const Level& level, std::uint64_t hash) const noexcept {
  Found found;
  found.slot = {level.refs, 0, level.bits,
                static_cast<std::uint32_t>(leading_bits(hash, 0, level.bits)), k_no_ref};
  for (int nodes = 0; nodes <= k_nodes_on_a_way_max; ++nodes) {
    const Ref ref = found.slot.load();
    if (ref == k_no_ref) return found;
    if (!state_.arena->plausible(ref)) break;
    prefetch_lines(state_.page(ref), k_lookahead_lines);
    const PageHeader header = load_header(state_.page(ref));
    if (header.page_kind() == level.page_kind) {
      found.page = ref;
      found.header = header;
      return found;
    }
    // A stale reference may lead anywhere: only a node that continues where this one ends is
    // followed.
    if (header.page_kind() != level.node_kind ||
        header.depth != found.slot.base + found.slot.bits || header.count > k_node_bits_max) {
      break;
    }
    found.parent = found.slot;
    found.slot = {state_.page(ref) + k_header_bytes, header.depth, header.count,
                  static_cast<std::uint32_t>(leading_bits(hash, header.depth, header.count)), ref};
  }
  found.broken = true;
  return found;
}

Found Directory::next_page(const Level& level, std::uint64_t& at, int empty_max) const noexcept {
  ULLAGE_DCHECK(empty_max > 0);  // else 0 could be the beginning
  Found found = find(level, at);
  for (int n = 0; found.page == k_no_ref && n < empty_max; ++n) {
    at = after_range(at, found.depth());
    if (at == 0) break;
    found = find(level, at);
  }
  return found;
}

void Directory::ask_after(const Found& found) const noexcept {
  constexpr std::size_t k_lines = k_split_bytes / 64 / 2;  // half of the largest: the rest follows
  const RefSlot& slot = found.slot;
  for (std::uint32_t i = slot.index + 1; i < (1U << slot.bits); ++i) {
    const Ref ref = base::load_u32(slot.at(i));
    if (ref == found.page) continue;
    if (state_.arena->plausible(ref)) prefetch_lines(state_.page(ref), k_lines);
    return;
  }
}

void Directory::set(const RefSlot& slot, std::uint64_t hash, unsigned depth,
                    Ref page) const noexcept {
  const unsigned end = slot.base + slot.bits;
  ULLAGE_DCHECK(depth >= slot.base && depth <= end);
  const std::uint32_t span = 1U << (end - depth);
  const std::uint32_t first =
      static_cast<std::uint32_t>(leading_bits(hash, slot.base, slot.bits)) & ~(span - 1);
  if (span == 1) {  // also a stub's root, which lies at any address
    base::store_bytes(slot.at(first), &page, sizeof page);
    return;
  }
  for (std::uint32_t i = first; i < first + span; ++i)
    base::store_u32(slot.at(i), page);
}

unsigned Directory::empty_depth(const Found& found, std::uint64_t hash) const noexcept {
  const RefSlot& slot = found.slot;
  const std::uint32_t index = static_cast<std::uint32_t>(leading_bits(hash, slot.base, slot.bits));
  unsigned depth = slot.base + slot.bits;
  for (std::uint32_t span = 2; span <= (1U << slot.bits); span *= 2) {
    const std::uint32_t first = index & ~(span - 1);
    for (std::uint32_t i = first; i < first + span; ++i) {
      if (base::load_u32(slot.at(i)) != k_no_ref) return depth;
    }
    --depth;
  }
  return depth;
}

bool Directory::widen(const Level& level, const Found& found, std::uint64_t owner_hash,
                      CallWork& work) const noexcept {
  const RefSlot& slot = found.slot;
  const bool below =
      slot.node == k_no_ref || slot.bits == k_node_bits_max;  // a new node under this reference
  const unsigned bits = below ? k_node_bits_min : slot.bits + 1;
  const Ref node = state_.alloc(node_bytes(bits), work);
  if (node == k_no_ref) return false;

  alignas(8) std::byte image[node_bytes(k_node_bits_max)];
  PageHeader header;
  header.kind = static_cast<std::uint8_t>(level.node_kind);
  header.depth = static_cast<std::uint8_t>(below ? slot.base + slot.bits : slot.base);
  header.used = static_cast<std::uint16_t>(node_bytes(bits));
  header.count = static_cast<std::uint16_t>(bits);
  header.owner = level.owner(owner_hash);
  std::memcpy(image, &header, sizeof header);
  for (std::uint32_t i = 0; i < (1U << bits); ++i) {
    const Ref ref = below ? found.page : base::load_u32(slot.at(i / 2));
    std::memcpy(image + k_header_bytes + 4 * static_cast<std::size_t>(i), &ref, 4);
  }
  base::store_image(state_.page(node), image, node_bytes(bits));
  {
    const Change change(*level.shard);
    if (below) {
      base::store_bytes(slot.at(slot.index), &node, sizeof node);
    } else {
      base::store_bytes(found.parent.at(found.parent.index), &node, sizeof node);
    }
  }
  if (!below) state_.arena->free(slot.node);
  return true;
}

}  // namespace ullage::engine
