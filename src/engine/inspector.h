// Who owns which bytes: the arena, slab by slab.
//
// A slab is copied under the arena's lock, so that none of its pages is freed or moved meanwhile. A
// page is copied as a reader would look at it: while its shard is free, and again if the shard has
// changed. Its owner's name is looked up afterwards, under the shard's lock.
#pragma once

#include <ullage/inspect.h>

#include "engine/lookup.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::engine {

/// For one walk and one thread; the state is shared.
class Inspector {
 public:
  Inspector(State& state, const Directory& directory);

  /// Looks at one slab; false if it is not resident. Valid until the next call.
  bool look_at(std::uint32_t slab);
  [[nodiscard]] SlabSight sight() const noexcept {
    return {false, state_.arena->slab_bytes(), holdings_};
  }
  [[nodiscard]] std::uint64_t pages() const noexcept { return copies_.size(); }
  [[nodiscard]] std::uint64_t pages_unsettled() const noexcept { return unsettled_; }
  /// Bytes that the last look has copied while it held the arena.
  [[nodiscard]] std::uint64_t hold_bytes() const noexcept { return hold_bytes_; }

 private:
  static constexpr int k_tries = 4;
  /// Names that are kept for the pages that come.
  static constexpr std::size_t k_names_max = 4096;

  struct Copy {
    Ref ref = k_no_ref;
    PageHeader header;             ///< kind free: nothing is known of it
    std::uint64_t group_hash = 0;  ///< of its owner
    std::size_t at = 0;            ///< in bytes_
    bool is_settled = false;
  };
  struct GroupName {
    std::uint64_t group_hash = 0;
    std::optional<std::string> text;  ///< none: it has gone
    ClassId class_id = k_no_class;
    bool ends = false;
  };
  /// The entry that a piece belongs to.
  struct PieceOwner {
    std::uint64_t group_hash = 0;
    std::optional<std::string> field;  ///< none: it has gone
    std::uint64_t value_bytes = 0;
    policy::Rank rank = 0;
    bool ends = false;
  };
  /// Copies a page if its shard is free before and after. The arena is held.
  void copy_free(Copy& copy) noexcept;
  /// The same under its shard's lock, without the arena's: the page may be another's by now.
  void copy_locked(Copy& copy, std::size_t page_bytes);

  void hold(const Holding& holding, std::uint64_t& left);
  void add_page(const Copy& copy, std::size_t page_bytes);
  /// Both answer the bytes that are left of the page.
  void add_bucket(const std::byte* page, const PageHeader& header, std::uint64_t& left);
  void add_leaf(const Copy& copy, const std::byte* page, std::uint64_t& left);
  void add_piece(const Copy& copy, std::uint64_t& left);
  /// An entry's own bytes, its slot included.
  void add_entry(const Holding& owner, const std::byte* at, std::uint32_t bytes,
                 std::uint32_t slot_bytes, std::int64_t base_ms, policy::Rank rank,
                 std::uint64_t& left);
  [[nodiscard]] Holding of_group(Ref anchor, std::uint64_t group_hash);
  [[nodiscard]] const GroupName& group_name(Ref anchor, std::uint64_t group_hash);
  /// Valid as long as this.
  [[nodiscard]] std::string_view class_pattern(ClassId id);
  [[nodiscard]] const PieceOwner& piece_owner(Ref anchor, std::uint64_t group_hash,
                                              std::uint64_t path);
  [[nodiscard]] PieceOwner find_piece_owner(Ref anchor, std::uint64_t group_hash,
                                            std::uint64_t path) const;
  [[nodiscard]] Millis idle(policy::Rank rank) const noexcept {
    return Millis(state_.timeline.idle_ms(policy::EntryState(rank), tick_, now_ms_));
  }

  State& state_;
  const Directory& directory_;
  Lookup lookup_;
  const policy::Tick tick_;
  const std::int64_t now_ms_;
  std::unique_ptr<std::byte[]> bytes_;  // copies of a slab's pages
  std::size_t used_ = 0;                // of bytes_
  std::vector<Copy> copies_;
  std::vector<Holding> holdings_;
  std::uint64_t value_bytes_ = 0;  // of the last entry in the page
  std::uint64_t unsettled_ = 0;
  std::uint64_t hold_bytes_ = 0;
  using Groups = std::unordered_map<Ref, GroupName>;                  // by anchor
  using PieceOwners = std::unordered_map<std::uint64_t, PieceOwner>;  // by their owner word
  Groups groups_;
  std::unordered_map<ClassId, std::string> class_patterns_;
  PieceOwners piece_owners_;
  // What others have taken the place of while this slab's holdings still refer to it.
  std::vector<Groups::node_type> old_groups_;
  std::vector<PieceOwners::node_type> old_piece_owners_;
};

}  // namespace ullage::engine
