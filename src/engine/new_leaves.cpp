#include "engine/new_leaves.h"

#include "base/check.h"
#include "base/words.h"
#include "engine/rebase.h"

#include <algorithm>
#include <cstring>

namespace ullage::engine {

namespace {
/// An entry's bytes in whatever page: a deadline may take its widest form there.
std::uint32_t bytes_at_most_of(const EntryDraft& draft) noexcept {
  const std::size_t head = draft.pieces || draft.field.size() > detail::k_short_field_max ||
                                   draft.deadline_ms != k_never_ms
                               ? 2
                               : 1;
  const std::size_t deadline = draft.deadline_ms != k_never_ms ? 8 : 0;
  return static_cast<std::uint32_t>(head + deadline + draft.field.size() + draft.value.size());
}
static_assert(std::size_t{k_group_edit_max_fields} *
                      (k_inline_entry_bytes + k_name_max_bytes + k_piece_link_bytes + 16) <
                  UINT32_MAX,
              "the bytes before an entry fit");
}  // namespace

PageHoard::~PageHoard() {
  for (const Ref page : pages_)
    state_.arena->free(page);
}

Ref PageHoard::take(std::size_t bytes, CallWork& work) {
  const arena::Bins& bins = state_.arena->bins();
  const std::size_t wanted = bins[bins.for_bytes(std::max(bytes, k_page_least))].bytes;
  for (Ref& page : pages_) {
    if (state_.arena->page_bytes(page) != wanted) continue;
    const Ref taken = page;
    page = pages_.back();
    pages_.pop_back();
    return taken;
  }
  return state_.alloc(bytes, work);
}

void PageHoard::keep(Ref page) {
  PageHeader header;
  header.kind = static_cast<std::uint8_t>(PageKind::pending);
  header.used = k_header_bytes;
  store_header(state_.page(page), header);
  pages_.push_back(page);
}

bool NewLeaves::build(std::span<const NewEntry> sorted, Ref anchor) {
  entries_ = sorted;
  anchor_ = anchor;
  leaves_.clear();
  nodes_.clear();
  children_.clear();
  images_.clear();
  is_timed_ = false;
  bytes_before_.assign(1, 0);
  bytes_before_.reserve(sorted.size() + 1);
  for (const NewEntry& entry : sorted) {
    bytes_before_.push_back(bytes_before_.back() + bytes_at_most_of(entry.draft));
    is_timed_ |= entry.draft.deadline_ms != k_never_ms;
  }
  if (!cut(0, sorted.size(), 0)) return false;
  for (Leaf& leaf : leaves_)
    encode(leaf);
  root_ = leaves_.size() == 1 && leaves_[0].depth == 0
              ? Child{Child::Kind::leaf, 0}
              : Child{Child::Kind::node, add_node(0, leaves_.size(), 0)};
  return true;
}

std::size_t NewLeaves::bytes_at_most(std::size_t first, std::size_t last) const noexcept {
  return k_header_bytes + (is_timed_ ? k_time_bytes : 0) +
         k_slot_bytes * page_slots_cap(static_cast<std::uint32_t>(last - first)) +
         bytes_before_[last] - bytes_before_[first];
}

bool NewLeaves::cut(std::size_t first, std::size_t last, unsigned depth) {
  if (first == last) return true;
  const std::size_t bytes = bytes_at_most(first, last);
  if (bytes <= k_split_bytes || last - first == 1 || depth == k_depth_max) {
    if (bytes > arena::k_page_max_bytes) return false;
    leaves_.push_back({first, last, depth, entries_[first].hash, 0, 0, k_no_ref});
    return true;
  }
  const auto middle = std::partition_point(
      entries_.begin() + static_cast<std::ptrdiff_t>(first),
      entries_.begin() + static_cast<std::ptrdiff_t>(last),
      [depth](const NewEntry& entry) { return leading_bits(entry.hash, depth, 1) == 0; });
  const auto at = static_cast<std::size_t>(middle - entries_.begin());
  return cut(first, at, depth + 1) && cut(at, last, depth + 1);
}

void NewLeaves::encode(Leaf& leaf) {
  PageImage image;
  image.reset(PageKind::leaf, leaf.depth, pack_owner(anchor_, leaf.hash));
  for (std::size_t i = leaf.first; i < leaf.last; ++i)
    note_deadline(image, entries_[i].draft.deadline_ms);
  for (std::size_t i = leaf.first; i < leaf.last; ++i) {
    const NewEntry& entry = entries_[i];
    std::byte* at = image.slots().append(static_cast<std::uint8_t>(entry.hash), entry.rank,
                                         encoded_bytes(entry.draft, image.base_ms()));
    encode_entry(at, entry.draft, image.base_ms());
  }
  leaf.used = image.used();
  ULLAGE_CHECK(leaf.used <= arena::k_page_max_bytes);
  leaf.image_at = images_.size();
  const std::size_t padded = (leaf.used + std::size_t{7}) & ~std::size_t{7};
  const std::byte* bytes = image.seal();
  images_.insert(images_.end(), bytes, bytes + padded);
}

std::uint32_t NewLeaves::add_node(std::size_t first, std::size_t last, unsigned base) {
  unsigned bits = k_node_bits_min;
  for (std::size_t i = first; i < last; ++i)
    bits = std::max(bits, std::min(leaves_[i].depth - base, k_node_bits_max));
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  const std::size_t first_child = children_.size();
  nodes_.push_back({base, bits, leaves_[first].hash, first_child, k_no_ref});
  children_.resize(children_.size() + (std::size_t{1} << bits));
  for (std::size_t i = first; i < last;) {
    const std::uint64_t slot = leading_bits(leaves_[i].hash, base, bits);
    if (leaves_[i].depth <= base + bits) {
      const std::uint64_t span = std::uint64_t{1} << (base + bits - leaves_[i].depth);
      const std::uint64_t begin = slot & ~(span - 1);
      for (std::uint64_t s = begin; s < begin + span; ++s)
        children_[first_child + s] = {Child::Kind::leaf, static_cast<std::uint32_t>(i)};
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < last && leading_bits(leaves_[end].hash, base, bits) == slot)
      ++end;
    const std::uint32_t below = add_node(i, end, base + bits);
    children_[first_child + slot] = {Child::Kind::node, below};
    i = end;
  }
  return index;
}

bool NewLeaves::take_places(PageHoard& hoard, CallWork& work) {
  for (Leaf& leaf : leaves_) {
    leaf.ref = hoard.take(leaf.used, work);
    if (leaf.ref == k_no_ref) return give_back(hoard), false;
  }
  for (Node& node : nodes_) {
    node.ref = hoard.take(node_bytes(node.bits), work);
    if (node.ref == k_no_ref) return give_back(hoard), false;
  }
  return true;
}

void NewLeaves::give_back(PageHoard& hoard) {
  const auto back = [&](auto& pages) {
    for (auto& page : pages) {
      if (page.ref != k_no_ref) hoard.keep(page.ref);
      page.ref = k_no_ref;
    }
  };
  back(leaves_);
  back(nodes_);
}

Ref NewLeaves::ref_of(Child child) const noexcept {
  switch (child.kind) {
    case Child::Kind::nothing:
      break;
    case Child::Kind::leaf:
      return leaves_[child.index].ref;
    case Child::Kind::node:
      return nodes_[child.index].ref;
  }
  return k_no_ref;
}

Ref NewLeaves::store(State& state) const {
  for (const Leaf& leaf : leaves_)
    base::store_image(state.page(leaf.ref), images_.data() + leaf.image_at, leaf.used);
  for (const Node& node : nodes_) {
    alignas(8) std::byte image[node_bytes(k_node_bits_max)];
    PageHeader header;
    header.kind = static_cast<std::uint8_t>(PageKind::group_node);
    header.depth = static_cast<std::uint8_t>(node.base);
    header.used = static_cast<std::uint16_t>(node_bytes(node.bits));
    header.count = static_cast<std::uint16_t>(node.bits);
    header.owner = pack_owner(anchor_, node.hash);
    std::memcpy(image, &header, sizeof header);
    for (std::size_t i = 0; i < (std::size_t{1} << node.bits); ++i)
      put_u32(image + k_header_bytes + 4 * i, ref_of(children_[node.first_child + i]));
    base::store_image(state.page(node.ref), image, node_bytes(node.bits));
  }
  return ref_of(root_);
}

void collect_pages(const State& state, Ref root, std::vector<Ref>& out) {
  if (root == k_no_ref) return;
  out.push_back(root);
  const PageHeader header = load_header(state.page(root));
  if (header.page_kind() != PageKind::group_node) return;
  const std::byte* refs = state.page(root) + k_header_bytes;
  Ref last = k_no_ref;
  for (std::size_t i = 0; i < (std::size_t{1} << header.count); ++i) {
    const Ref ref = base::load_u32(refs + 4 * i);
    if (ref != last) collect_pages(state, ref, out);
    last = ref;
  }
}

}  // namespace ullage::engine
