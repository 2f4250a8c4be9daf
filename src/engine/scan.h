// Walking over a group's entries and over groups, in steps that hold a shard for one page only.
//
// A position is a hash: everything with smaller hashes has been seen. Splits, merges and moves do
// not change the order of hashes, so every entry that is there all along is met. What the caller
// gets is the position under a keyed permutation: it tells nothing about the hash.
#pragma once

#include "engine/lookup.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::engine {

/// Copies of what a step met, to be visited outside the locks. Of values that lie in pieces only
/// the names: a page of them could be as large as the cache, so each is read when it is visited.
class ScanBatch {
 public:
  /// A step that has gathered so much ends, whatever was asked for.
  static constexpr std::size_t k_enough_bytes = 256 * k_kib;

  void clear() noexcept {
    bytes_.clear();
    items_.clear();
  }
  void add(std::string_view name, std::string_view value, std::uint64_t fields) {
    items_.push_back({bytes_.size(), name.size(), value.size(), fields, false});
    bytes_.append(name).append(value);
  }
  void add_in_pieces(std::string_view name) {
    items_.push_back({bytes_.size(), name.size(), 0, 0, true});
    bytes_.append(name);
  }
  [[nodiscard]] bool is_enough(std::size_t count) const noexcept {
    return items_.size() >= count || bytes_.size() >= k_enough_bytes;
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] std::string_view name(std::size_t i) const noexcept {
    return std::string_view(bytes_).substr(items_[i].at, items_[i].name_bytes);
  }
  [[nodiscard]] std::string_view value(std::size_t i) const noexcept {
    return std::string_view(bytes_).substr(items_[i].at + items_[i].name_bytes,
                                           items_[i].value_bytes);
  }
  /// Whether its value is to be read now.
  [[nodiscard]] bool is_in_pieces(std::size_t i) const noexcept { return items_[i].in_pieces; }
  [[nodiscard]] std::uint64_t fields(std::size_t i) const noexcept { return items_[i].fields; }

 private:
  struct Item {
    std::size_t at, name_bytes, value_bytes;
    std::uint64_t fields;
    bool in_pieces;
  };
  std::string bytes_;
  std::vector<Item> items_;
};

class Scan {
 public:
  Scan(State& state, const Directory& directory) noexcept
      : state_(state), directory_(directory), lookup_(state, directory) {}

  /// Adds the entries of one group from `position` on until `count` are met or the group ends;
  /// answers the next position, 0 at the end. Whole pages: a few more than `count` may come.
  std::uint64_t group_step(std::string_view group, std::uint64_t position, std::size_t count,
                           ScanBatch& out);
  /// The same over groups: names and numbers of fields.
  std::uint64_t groups_step(std::uint64_t position, std::size_t count, ScanBatch& out);

  [[nodiscard]] std::uint64_t seal(std::uint64_t position) const noexcept;
  [[nodiscard]] std::uint64_t unseal(std::uint64_t cursor) const noexcept;

 private:
  void add_entry(const std::byte* at, std::uint32_t bytes, std::int64_t base_ms,
                 std::int64_t now_ms, ScanBatch& out) const;
  [[nodiscard]] std::uint64_t permute(std::uint64_t value, bool forward) const noexcept;

  State& state_;
  const Directory& directory_;
  Lookup lookup_;
};

}  // namespace ullage::engine
