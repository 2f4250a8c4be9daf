// From a page's reference alone to what it belongs to: what reclaim needs, which meets pages by
// sampling.
//
// A page's header names its owner (layout.h). Read without a lock it is a guess; under the shard's
// lock it is checked, and the directory has the last word: only what it refers to is in use.
#pragma once

#include "engine/directory.h"
#include "engine/lookup.h"
#include "engine/state.h"

#include <cstdint>
#include <optional>

namespace ullage::engine {

/// A page with the shard that owns it locked; unlocks it when it goes.
class OwnedPage {
 public:
  OwnedPage(Shard& shard, const PageHeader& header) noexcept : shard_(&shard), header_(header) {}
  OwnedPage(OwnedPage&& other) noexcept : shard_(other.shard_), header_(other.header_) {
    other.shard_ = nullptr;
  }
  OwnedPage& operator=(OwnedPage&&) = delete;
  ~OwnedPage() {
    if (shard_ != nullptr) shard_->lock.unlock();  // acquired by lock_owner()
  }
  [[nodiscard]] Shard& shard() const noexcept { return *shard_; }
  [[nodiscard]] const PageHeader& header() const noexcept { return header_; }
  /// Its header after a change by the lock's holder.
  void reread(const PageHeader& header) noexcept { header_ = header; }

 private:
  Shard* shard_;
  PageHeader header_;
};

/// The hash of the group that a page's header names: of its own group, or for a bucket and a
/// shard's node of one in its range. None if the header names nobody who is there. A guess unless
/// the shard is locked.
[[nodiscard]] std::optional<std::uint64_t> owner_group_hash(const State& state,
                                                            const PageHeader& header) noexcept;

/// Locks the shard that owns a bucket, leaf, node or piece; none if the page is gone, belongs to
/// one thread or the debt, or (`wait` false) the shard is busy.
[[nodiscard]] std::optional<OwnedPage> lock_owner(const State& state, Ref page, bool wait);

/// The bucket or leaf behind an owned page: itself, or where the entry of a piece lies.
struct Target {
  bool leaf = false;
  GroupPlace group;  ///< of a leaf
  Found found;
  std::uint64_t hash = 0;
};
/// None for nodes, and for pages that nothing refers to. Valid while the shard is locked.
[[nodiscard]] std::optional<Target> target_of(const State& state, const Directory& directory,
                                              const Lookup& lookup, const OwnedPage& owned,
                                              Ref page);

}  // namespace ullage::engine
