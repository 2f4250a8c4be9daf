// Walking over a group's entries and over groups, in steps that hold a shard for one page only.
//
// A position is a hash: everything with smaller hashes has been seen. Splits, merges and moves do
// not change the order of hashes, so every entry that is there all along is met. What the caller
// gets is the position under a keyed permutation: it tells nothing about the hash.
#pragma once

#include "base/small_copy.h"
#include "engine/lookup.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace ullage::engine {

/// Copies of what a step met, to be visited outside the locks. Of values that lie in pieces only
/// the names: a page of them could be as large as the cache, so each is read when it is visited.
///
/// One item after another: | name_bytes 32 | value_bytes 32 | fields 64 | name | value |. A few
/// pages of them lie on the stack; the heap is asked for more.
class ScanBatch {
 public:
  /// A step that has gathered so much ends, whatever was asked for.
  static constexpr std::size_t k_enough_bytes = 256 * k_kib;

  ScanBatch() noexcept = default;
  ScanBatch(const ScanBatch&) = delete;
  ScanBatch& operator=(const ScanBatch&) = delete;

  struct Item {
    std::string_view name;
    std::string_view value;
    std::uint64_t fields = 0;  ///< of a group
    bool in_pieces = false;    ///< its value is to be read now
  };

  void clear() noexcept { bytes_ = count_ = 0; }
  void add(std::string_view name, std::string_view value, std::uint64_t fields) {
    put({static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size()), fields},
        name, value);
  }
  void add_in_pieces(std::string_view name) {
    put({static_cast<std::uint32_t>(name.size()), k_in_pieces, 0}, name, {});
  }
  [[nodiscard]] bool is_enough(std::size_t count) const noexcept {
    return count_ >= count || bytes_ >= k_enough_bytes;
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t at = 0; at < bytes_;) {
      Head head;
      std::memcpy(&head, data_ + at, sizeof head);
      at += sizeof head;
      Item item{{data_ + at, head.name_bytes}, {}, head.fields, head.value_bytes == k_in_pieces};
      at += head.name_bytes;
      if (!item.in_pieces) {
        item.value = {data_ + at, head.value_bytes};
        at += head.value_bytes;
      }
      visit(item);
    }
  }

 private:
  struct Head {
    std::uint32_t name_bytes;
    std::uint32_t value_bytes;
    std::uint64_t fields;
  };
  static_assert(sizeof(Head) == 16);
  static constexpr std::uint32_t k_in_pieces = ~std::uint32_t{0};
  static constexpr std::size_t k_inline_bytes = 8 * k_kib;

  void put(const Head& head, std::string_view name, std::string_view value) {
    const std::size_t bytes = sizeof head + name.size() + value.size();
    if (bytes > capacity_ - bytes_) grow(bytes);
    char* to = data_ + bytes_;
    std::memcpy(to, &head, sizeof head);
    base::copy_small(to + sizeof head, name.data(), name.size());
    base::copy_small(to + sizeof head + name.size(), value.data(), value.size());
    bytes_ += bytes;
    ++count_;
  }
  void grow(std::size_t bytes);

  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t capacity_ = k_inline_bytes;
  std::unique_ptr<char[]> heap_;
  char* data_ = inline_;
  char inline_[k_inline_bytes];
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
