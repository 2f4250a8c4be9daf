#include "engine/piece.h"

#include "base/words.h"

#include <algorithm>

namespace ullage::engine {

Ref Pieces::append(std::string_view value, std::size_t offset, Ref last, CallWork& work,
                   std::size_t& held) const noexcept {
  const std::size_t want = std::min(value.size() - offset, k_piece_data_max);
  const std::size_t least = std::min(want, k_piece_data_min);
  const Ref ref =
      state_.arena->alloc_most(std::max(k_piece_data_at + least, k_page_least),
                               std::max(k_piece_data_at + want, k_page_least), work.keep_slabs);
  if (ref == k_no_ref) return ref;
  const std::size_t n = std::min(want, state_.arena->page_bytes(ref) - k_piece_data_at);
  std::byte* page = state_.page(ref);
  base::store_bytes(page + k_piece_data_at, value.data() + offset, n);
  const std::uint32_t next = k_no_ref;
  const std::uint32_t back =
      last != k_no_ref ? last : state_.piece_stamp.fetch_add(1, std::memory_order_relaxed);
  base::store_bytes(page + k_piece_next_at, &next, 4);
  base::store_bytes(page + k_piece_back_at, &back, 4);
  PageHeader header;
  header.kind = static_cast<std::uint8_t>(PageKind::pending);
  header.flags = last == k_no_ref ? k_piece_first : 0;
  header.used = static_cast<std::uint16_t>(k_piece_data_at + n);
  store_header(page, header);
  if (last != k_no_ref) base::store_bytes(state_.page(last) + k_piece_next_at, &ref, 4);
  held = n;
  ++work.pieces_written;
  return ref;
}

void Pieces::adopt(Ref first, std::uint64_t owner) const noexcept {
  mark(first, PageKind::piece, owner);
}

void Pieces::disown(Ref first) const noexcept {
  mark(first, PageKind::pending, 0);
}

void Pieces::mark(Ref first, PageKind kind, std::uint64_t owner) const noexcept {
  for (Ref ref = first; ref != k_no_ref; ref = base::load_u32(state_.page(ref) + k_piece_next_at)) {
    PageHeader header = load_header(state_.page(ref));
    header.kind = static_cast<std::uint8_t>(kind);
    header.owner = owner;
    store_header(state_.page(ref), header);
  }
}

Ref Pieces::first_of(Ref piece) const noexcept {
  for (std::size_t n = 0; n <= k_pieces_max; ++n) {
    if (!state_.arena->plausible(piece)) return k_no_ref;
    const PageHeader header = load_header(state_.page(piece));
    if (header.page_kind() != PageKind::piece) return k_no_ref;
    if ((header.flags & k_piece_first) != 0) return piece;
    piece = base::load_u32(state_.page(piece) + k_piece_back_at);
  }
  return k_no_ref;
}

bool Pieces::read(PieceLink link, std::size_t offset, char* to, std::size_t bytes) const noexcept {
  Ref ref = link.first;
  std::size_t skip = offset;
  while (bytes != 0) {
    if (ref == k_no_ref || !state_.arena->plausible(ref)) return false;
    const std::byte* page = state_.page(ref);
    const PageHeader header = load_header(page);
    if (header.page_kind() != PageKind::piece || header.used <= k_piece_data_at ||
        header.used > arena::k_page_max_bytes) {
      return false;
    }
    const std::size_t here = header.used - k_piece_data_at;
    if (skip >= here) {
      skip -= here;
    } else {
      const std::size_t n = std::min(here - skip, bytes);
      base::copy_out(to, page + k_piece_data_at + skip, n);
      to += n, bytes -= n, skip = 0;
    }
    ref = base::load_u32(page + k_piece_next_at);
  }
  return true;
}

}  // namespace ullage::engine
