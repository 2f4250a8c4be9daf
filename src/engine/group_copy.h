// A group in private memory, as it is at one moment: what a look at it as a whole is made of.
//
// Pages are copied as they lie and then taken apart, so that a copy costs little more than moving
// its bytes. Taken without the shard's lock it may be torn: it counts once the shard's version
// proved unchanged, and until then every offset in it is checked.
#pragma once

#include <ullage/group.h>

#include "engine/lookup.h"
#include "engine/piece.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace ullage::engine {

class GroupCopy {
 public:
  /// What is wanted of a copy.
  enum class For : std::uint8_t {
    reading,  ///< the entries; of those that were not read in this tick also where they are
    editing,  ///< everything of each entry
  };
  /// What an entry is besides what its user sees.
  struct Place {
    std::byte* rank_at;  ///< in the page
    policy::Rank rank;
    std::uint32_t entry;  ///< which
    Ref pieces;           ///< the first, where the value is held in pieces
    std::int64_t deadline_ms;
  };
  enum class Taken : std::uint8_t {
    whole,
    absent,     ///< there is no such group, or it has ended
    too_large,  ///< above k_group_edit_max_fields or k_group_edit_max_bytes
    torn,       ///< it changed meanwhile
  };

  GroupCopy(State& state, const Directory& directory) noexcept
      : state_(state), directory_(directory), lookup_(state, directory), pieces_(state) {}
  GroupCopy(const GroupCopy&) = delete;  // views lead into it
  GroupCopy& operator=(const GroupCopy&) = delete;

  /// Copies the group, in place of what was copied before.
  [[nodiscard]] Taken take(Shard& shard, std::string_view name, std::uint64_t hash, For use);

  [[nodiscard]] GroupView view() const noexcept {
    return {entries_, static_cast<std::uint8_t>(kind_ & ~k_kind_lost),
            (kind_ & k_kind_lost) != 0 || (kind_ != 0 && !ended_.empty())};
  }
  [[nodiscard]] std::span<const GroupEntry> entries() const noexcept { return entries_; }
  /// For editing one for each entry, for reading of those whose use is to be noted.
  [[nodiscard]] std::span<Place> places() noexcept { return places_; }
  /// Entries whose time has come and that are still there.
  [[nodiscard]] std::span<const GroupEntry> ended() const noexcept { return ended_; }
  [[nodiscard]] std::span<const Place> ended_places() const noexcept { return ended_places_; }
  /// As its record has it.
  [[nodiscard]] std::uint8_t kind() const noexcept { return kind_; }
  [[nodiscard]] ClassId class_id() const noexcept { return class_id_; }
  /// Whether there is a record of it, ended or not.
  [[nodiscard]] bool has_record() const noexcept { return has_record_; }
  /// Whether an idle limit holds for it that a use must be noted for.
  [[nodiscard]] bool wants_use_noted() const noexcept { return wants_use_noted_; }
  [[nodiscard]] std::int64_t now_ms() const noexcept { return now_ms_; }

 private:
  static constexpr std::size_t k_inline_bytes = 4 * k_kib;
  static constexpr std::size_t k_block_bytes = 64 * k_kib;

  void clear() noexcept;
  std::byte* room_for(std::size_t bytes);
  [[nodiscard]] Taken take_record(const GroupPlace& group);
  [[nodiscard]] Taken take_leaves(Shard& shard, const GroupPlace& group);
  [[nodiscard]] Taken take_leaf(const Found& found);
  /// Takes apart what was copied; `shared` is where it was copied from.
  [[nodiscard]] Taken add_all(SlotsView<PlainBytes> slots, SlotsView<SharedBytes> shared,
                              std::int64_t base_ms);
  /// One of them, whatever it is: `to`, an empty entry, becomes it and moves on if it has not
  /// ended.
  [[nodiscard]] Taken add(GroupEntry*& to, const SlotsView<PlainBytes>::Item& item,
                          std::int64_t base_ms, const std::byte* rank_at, policy::Rank rank);
  [[nodiscard]] Taken take_pieces(const PieceLink& link, GroupEntry& entry);

  State& state_;
  const Directory& directory_;
  Lookup lookup_;
  Pieces pieces_;
  For use_ = For::reading;
  std::int64_t now_ms_ = 0;
  std::uint8_t kind_ = 0;
  ClassId class_id_ = k_no_class;
  bool has_record_ = false;
  bool wants_use_noted_ = false;
  std::size_t bytes_ = 0;  // of values in pieces
  std::vector<GroupEntry> entries_;
  std::vector<Place> places_;
  std::vector<GroupEntry> ended_;
  std::vector<Place> ended_places_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = inline_;
  std::size_t left_ = sizeof inline_;
  alignas(8) std::byte inline_[k_inline_bytes];
};

}  // namespace ullage::engine
