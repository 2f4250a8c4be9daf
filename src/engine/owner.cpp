#include "engine/owner.h"

namespace ullage::engine {

std::optional<std::uint64_t> owner_group_hash(const State& state,
                                              const PageHeader& header) noexcept {
  switch (header.page_kind()) {
    case PageKind::bucket:
    case PageKind::shard_node:
      return header.owner;
    case PageKind::leaf:
    case PageKind::group_node:
    case PageKind::piece: {
      const Ref anchor = owner_anchor(header.owner);
      if (!state.arena->plausible(anchor)) return std::nullopt;
      const PageHeader anchor_header = load_header(state.page(anchor));
      if (anchor_header.page_kind() != PageKind::anchor) return std::nullopt;
      return anchor_header.owner;
    }
    case PageKind::free:
    case PageKind::anchor:
    case PageKind::pending:
      break;
  }
  return std::nullopt;
}

std::optional<OwnedPage> lock_owner(const State& state, Ref page, bool wait) {
  const auto guess = owner_group_hash(state, load_header(state.page(page)));
  if (!guess) return std::nullopt;
  Shard& shard = state.shard_of(*guess);
  if (wait) {
    shard.lock.lock();
  } else if (!shard.lock.try_lock()) {
    return std::nullopt;
  }
  const PageHeader header = load_header(state.page(page));
  OwnedPage owned(shard, header);
  const auto checked = owner_group_hash(state, header);
  if (!checked || &state.shard_of(*checked) != &shard) return std::nullopt;
  return owned;
}

std::optional<Target> target_of(const State& state, const Directory& directory,
                                const Lookup& lookup, const OwnedPage& owned, Ref page) {
  const PageHeader& header = owned.header();
  Shard& shard = owned.shard();
  Target target;
  if (header.page_kind() == PageKind::bucket) {
    target.hash = state.in_shard(header.owner);
    target.found = directory.find(directory.shard_level(shard), target.hash);
    if (target.found.page != page) return std::nullopt;
    return target;
  }
  if (header.page_kind() != PageKind::leaf && header.page_kind() != PageKind::piece)
    return std::nullopt;
  const Ref anchor = owner_anchor(header.owner);
  const std::uint64_t group_hash = load_header(state.page(anchor)).owner;
  target.group = lookup.group_of_anchor(shard, group_hash, anchor);
  if (!target.group) return std::nullopt;
  if (!target.group.head.is_stub()) {
    if (header.page_kind() != PageKind::piece) return std::nullopt;
    target.found = target.group.bucket;
    target.hash = state.in_shard(group_hash);
    return target;
  }
  target.leaf = true;
  target.hash = owner_path(header.owner);
  target.found =
      directory.find(directory.group_level(shard, target.group.stub_body(), anchor), target.hash);
  if (target.found.page == k_no_ref ||
      (header.page_kind() == PageKind::leaf && target.found.page != page))
    return std::nullopt;
  return target;
}

}  // namespace ullage::engine
