#include "engine/debt.h"

#include "base/words.h"
#include "engine/page_image.h"

namespace ullage::engine {

namespace {
void put_ref(std::byte* at, std::uint32_t ref) noexcept {
  base::store_bytes(at, &ref, 4);
}
Ref get_ref(const std::byte* at) noexcept {
  return base::load_u32(at);
}
void set_kind(std::byte* page, PageKind kind) noexcept {
  PageHeader header = load_header(page);
  header.kind = static_cast<std::uint8_t>(kind);
  store_header(page, header);
}
}  // namespace

void Debt::owe_pieces(Ref first) noexcept {
  std::byte* page = state_.page(first);
  const std::lock_guard lock(list_mutex_);
  set_kind(page, PageKind::pending);
  put_ref(page + k_piece_back_at, chains_);
  chains_ = first;
  owed_.fetch_add(1, std::memory_order_relaxed);
}

void Debt::owe_group(Ref anchor, Ref root, std::string_view name, RemovalCause cause,
                     std::int64_t dropped_ms) noexcept {
  std::byte* page = state_.page(anchor);
  PageHeader anchor_header = load_header(page);
  anchor_header.kind = static_cast<std::uint8_t>(PageKind::pending);
  anchor_header.owner = static_cast<std::uint64_t>(dropped_ms);
  store_header(page, anchor_header);
  Ref name_page = k_no_ref;
  if (ring_.listening()) {
    name_page = state_.arena->alloc(std::max(k_header_bytes + name.size(), k_page_least), 0);
    if (name_page != k_no_ref) {
      base::store_bytes(state_.page(name_page) + k_header_bytes, name.data(), name.size());
      PageHeader header;
      header.kind = static_cast<std::uint8_t>(PageKind::pending);
      header.used = static_cast<std::uint16_t>(k_header_bytes + name.size());
      store_header(state_.page(name_page), header);
    }
  }
  if (ring_.listening() && name_page == k_no_ref) {
    // The arena has no page for a name: a few names may wait outside, beyond them their events are
    // lost.
    const std::lock_guard lock(list_mutex_);
    if (names_outside_.size() < k_names_outside_max) names_outside_.emplace(anchor, name);
  }
  put_ref(page + k_owed_root_at, root);
  put_ref(page + k_owed_name_at, name_page);
  put_ref(page + k_owed_cause_at, static_cast<std::uint32_t>(cause));
  const std::lock_guard lock(list_mutex_);
  put_ref(page + k_owed_next_at, groups_);
  groups_ = anchor;
  owed_.fetch_add(1, std::memory_order_relaxed);
}

std::size_t Debt::pay(std::size_t pages) noexcept {
  if (!owing()) return 0;
  const std::unique_lock payer(pay_mutex_, std::try_to_lock);
  return payer.owns_lock() ? free_some(pages) : 0;
}

std::size_t Debt::pay_for_room(std::size_t pages) noexcept {
  if (!owing()) return 0;
  const std::lock_guard payer(pay_mutex_);
  return free_some(pages);
}

std::unique_lock<std::mutex> Debt::settle() noexcept {
  std::unique_lock payer(pay_mutex_);
  while (free_one()) {
  }
  return payer;
}

std::size_t Debt::free_some(std::size_t pages) noexcept {
  std::size_t freed = 0;
  while (freed < pages && free_one())
    ++freed;
  return freed;
}

bool Debt::free_one() noexcept {
  Ref chain;
  Ref group;
  {
    const std::lock_guard lock(list_mutex_);
    chain = chains_;
    group = groups_;
    if (chain != k_no_ref) {
      // The chain's next piece takes its place in the list; being owed, it needs no stamp.
      const Ref next_piece = get_ref(state_.page(chain) + k_piece_next_at);
      const Ref next_chain = get_ref(state_.page(chain) + k_piece_back_at);
      if (next_piece != k_no_ref) {
        set_kind(state_.page(next_piece), PageKind::pending);
        put_ref(state_.page(next_piece) + k_piece_back_at, next_chain);
        chains_ = next_piece;
      } else {
        chains_ = next_chain;
        owed_.fetch_sub(1, std::memory_order_relaxed);
      }
    }
  }
  if (chain != k_no_ref) {
    state_.arena->free(chain);
    return true;
  }
  if (group == k_no_ref) return false;
  TraceSpan span(state_.trace, TraceKind::free_pages);
  span.about(0, 0, group);
  return free_from_group(group);
}

bool Debt::free_from_group(Ref anchor) noexcept {
  std::byte* anchor_page = state_.page(anchor);
  std::byte* from = anchor_page + k_owed_root_at;  // the reference to the page looked at
  Ref page = get_ref(from);
  while (page != k_no_ref) {
    const PageHeader header = load_header(state_.page(page));
    if (header.page_kind() == PageKind::leaf) {
      free_leaf(anchor, page);
      put_ref(from, k_no_ref);
      return true;
    }
    // A node: its last reference that is left. References to one page stand side by side.
    std::byte* refs = state_.page(page) + k_header_bytes;
    std::uint32_t left = 1U << header.count;
    while (left != 0 && get_ref(refs + 4 * std::size_t{left - 1}) == k_no_ref)
      --left;
    if (left == 0) {
      state_.arena->free(page);
      put_ref(from, k_no_ref);
      return true;
    }
    const Ref child = get_ref(refs + 4 * std::size_t{left - 1});
    for (std::size_t i = left - 1; i > 0 && get_ref(refs + 4 * (i - 1)) == child; --i)
      put_ref(refs + 4 * (i - 1), k_no_ref);
    from = refs + 4 * std::size_t{left - 1};
    page = child;
  }
  // Nothing is left below the anchor: it leaves the list, with its name.
  const Ref name = get_ref(anchor_page + k_owed_name_at);
  {
    const std::lock_guard lock(list_mutex_);
    names_outside_.erase(anchor);
    // Others may have been put in front of it.
    if (groups_ == anchor) {
      groups_ = get_ref(anchor_page + k_owed_next_at);
    } else {
      Ref before = groups_;
      while (get_ref(state_.page(before) + k_owed_next_at) != anchor)
        before = get_ref(state_.page(before) + k_owed_next_at);
      put_ref(state_.page(before) + k_owed_next_at, get_ref(anchor_page + k_owed_next_at));
    }
    owed_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (name != k_no_ref) state_.arena->free(name);
  state_.arena->free(anchor);
  return true;
}

void Debt::free_leaf(Ref anchor, Ref leaf) noexcept {
  PageImage image;
  image.load(state_.page(leaf));
  std::byte* anchor_page = state_.page(anchor);
  const Ref name_page = get_ref(anchor_page + k_owed_name_at);
  std::string_view group;
  bool has_name = name_page != k_no_ref;
  if (!has_name && ring_.listening()) {
    const std::lock_guard lock(list_mutex_);
    const auto outside = names_outside_.find(anchor);
    has_name = outside != names_outside_.end();
    if (has_name) group = outside->second;  // stays until this payer erases it
  }
  if (name_page != k_no_ref) {
    const PageHeader header = load_header(state_.page(name_page));
    group = {reinterpret_cast<const char*>(state_.page(name_page) + k_header_bytes),
             header.used - k_header_bytes};
  }
  const auto dropped_for = static_cast<RemovalCause>(get_ref(anchor_page + k_owed_cause_at));
  const auto dropped_ms = static_cast<std::int64_t>(load_header(anchor_page).owner);
  for (std::uint32_t i = 0; i < image.count(); ++i) {
    const std::byte* at = image.slots().at(i);
    const EntryHead e = decode_entry<PlainBytes>(at, image.slots().size(i), image.base_ms());
    // Counted under the drop's cause when the group went; a field whose own time had come has
    // expired.
    const bool expired = e.deadline_ms <= dropped_ms;
    const RemovalCause cause = expired ? RemovalCause::expired : dropped_for;
    if (cause != dropped_for) {
      state_.uncount(State::removed(dropped_for), 1);
      state_.count(State::removed(cause));
    }
    const PieceLink link = e.pieces ? decode_link<PlainBytes>(at + e.value_at) : PieceLink{};
    if (ring_.listening()) {
      if (!has_name) {
        ring_.lose(1);
      } else {
        const std::string_view field(reinterpret_cast<const char*>(at + e.field_at), e.field_bytes);
        if (e.pieces) {
          const std::string value = ring_.with_values() ? read_pieces(link) : std::string();
          ring_.push(cause, group, field, value, link.bytes);
        } else {
          const std::string_view value(reinterpret_cast<const char*>(at + e.value_at),
                                       ring_.with_values() ? e.inline_bytes : 0);
          ring_.push(cause, group, field, value, e.inline_bytes);
        }
      }
    }
    if (e.pieces) owe_pieces(link.first);
  }
  state_.arena->free(leaf);
}

std::string Debt::read_pieces(PieceLink link) const {
  std::string value(link.bytes, '\0');
  if (!pieces_.read(link, 0, value.data(), value.size())) value.clear();
  return value;
}

}  // namespace ullage::engine
