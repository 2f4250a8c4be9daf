// Values too large for a page: a chain of pages.
//
//   | header 16 | next 32 | previous 32, or in the first piece the stamp of the write | bytes ... |
//
// All pieces but the last fill the largest page; the last takes the bin that fits. A chain is
// written while it belongs to one thread (kind pending), linked from its entry under the shard's
// lock (kind piece), and handed to the debt when its entry goes. Price: 24 bytes a piece, 8 in the
// entry.
#pragma once

#include "engine/entry.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ullage::engine {

inline constexpr std::size_t k_piece_next_at = 16;
inline constexpr std::size_t k_piece_back_at = 20;
inline constexpr std::size_t k_piece_data_at = 24;
inline constexpr std::size_t k_piece_data_max = arena::k_page_max_bytes - k_piece_data_at;
inline constexpr std::size_t k_piece_data_min = 488;  // smaller free pages are left for others
inline constexpr std::uint8_t k_piece_first = 1;      // flags
/// No chain is longer: what caps a walk along one.
inline constexpr std::size_t k_pieces_max = k_value_max_bytes / k_piece_data_min + 1;

class Pieces {
 public:
  explicit Pieces(State& state) noexcept : state_(state) {}

  /// A piece that holds the next bytes of `value` from `offset`, linked behind `last` (none: the
  /// first). None if the arena has no page. Bytes held: `held`.
  [[nodiscard]] Ref append(std::string_view value, std::size_t offset, Ref last, CallWork& work,
                           std::size_t& held) const noexcept;
  /// Gives the whole chain its owner; from now on it may be moved. Shard lock held, inside no
  /// Change.
  void adopt(Ref first, std::uint64_t owner) const noexcept;
  /// Takes it back where the entry could not be written after all: nobody moves it any more.
  void disown(Ref first) const noexcept;
  /// Copies `bytes` bytes of the chain; false if it is not what it should be (a stale read). Starts
  /// at `offset`.
  [[nodiscard]] bool read(PieceLink link, std::size_t offset, char* to,
                          std::size_t bytes) const noexcept;
  /// The first piece of the chain that a piece is in; none if the way back is broken. Shard lock
  /// held. O(pieces).
  [[nodiscard]] Ref first_of(Ref piece) const noexcept;
  [[nodiscard]] std::uint32_t stamp(Ref first) const noexcept {
    return base::load_u32(state_.page(first) + k_piece_back_at);
  }

 private:
  void mark(Ref first, PageKind kind, std::uint64_t owner) const noexcept;

  State& state_;
};

}  // namespace ullage::engine
