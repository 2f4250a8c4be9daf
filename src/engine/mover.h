// Moves a page to another place in the arena and makes what refers to it refer there: how sparse
// slabs are emptied.
#pragma once

#include "engine/debt.h"
#include "engine/directory.h"
#include "engine/lookup.h"
#include "engine/owner.h"
#include "engine/pages.h"
#include "engine/state.h"

#include <cstddef>

namespace ullage::engine {

class Mover {
 public:
  Mover(State& state, const Directory& directory, const Lookup& lookup, Pages& pages,
        Debt& debt) noexcept
      : state_(state), directory_(directory), lookup_(lookup), pages_(pages), debt_(debt) {}

  /// Moves the page; false if nothing refers to it or the arena has no other page for it.
  /// `keep_slabs` as in Arena::alloc(). O(page), for the first piece of a value O(page of its
  /// entry).
  [[nodiscard]] bool move(const OwnedPage& owned, Ref page, std::size_t keep_slabs, CallWork& work);

 private:
  [[nodiscard]] bool move_piece(const OwnedPage& owned, Ref page, std::size_t keep_slabs);

  State& state_;
  const Directory& directory_;
  const Lookup& lookup_;
  Pages& pages_;
  Debt& debt_;
};

}  // namespace ullage::engine
