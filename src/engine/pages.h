// Putting page images into the arena: in place, in another bin, as two halves, or not at all.
//
// All calls need the shard's lock. Each makes one Change that readers see as a single step, and
// answers false with nothing changed when the arena has no page for it.
#pragma once

#include <ullage/cache.h>

#include "engine/directory.h"
#include "engine/page_image.h"
#include "engine/state.h"

#include <cstddef>

namespace ullage::engine {

/// Nothing more to do inside the change.
inline constexpr auto k_nothing_else = [] {};

class Pages {
 public:
  Pages(State& state, const Directory& directory) noexcept : state_(state), directory_(directory) {}

  /// Stores the image where `found` points: over its page, or in a page of the bin that fits, or as
  /// the first page of an empty reference. An empty image frees the page. `hash` lies at the
  /// level's alignment. `also` runs inside the change, for what must become visible with it.
  template <class Also>
  [[nodiscard]] bool commit(const Level& level, const Found& found, std::uint64_t hash,
                            PageImage& image, CallWork& work, Also also) {
    const Plan plan = prepare(level, found, hash, image, work);
    if (!plan.possible) return false;
    {
      const Change change(*level.shard);
      apply(level, found, hash, image, plan);
      also();
    }
    finish(found, plan, work);
    return true;
  }

  /// Whether the image fits the page that is there.
  [[nodiscard]] bool fits(const Found& found, const PageImage& image) const noexcept {
    return found.page != k_no_ref && image.used() <= state_.arena->page_bytes(found.page);
  }

  /// Splits the page found by the next hash bit, as it is. The caller looks up again afterwards.
  enum class Split : std::uint8_t { done, no_room, too_deep };
  [[nodiscard]] Split split(const Level& level, const Found& found, std::uint64_t hash,
                            CallWork& work);

  /// After content left the page of `hash`: a page that has become small takes in its neighbour, a
  /// node with nothing or one page below it goes. Without it a directory would keep for ever the
  /// depth of its largest moment. A change of its own; does nothing where the arena has no page.
  void settle(const Level& level, std::uint64_t hash, CallWork& work);

  /// Copies a page to another of the same size and makes its directory refer to it: the mover's
  /// step. False if the page is not where its header says (it was freed meanwhile), or there is no
  /// other page. `keep_slabs` as in Arena::alloc().
  [[nodiscard]] bool relocate(const Level& level, Ref page, const PageHeader& header,
                              std::uint64_t hash, std::size_t keep_slabs);

 private:
  struct Plan {
    bool possible = false;
    Ref fresh = k_no_ref;  ///< the page to use instead of the present one
    bool drop = false;     ///< the image is empty
    unsigned depth = 0;
  };
  [[nodiscard]] Plan prepare(const Level& level, const Found& found, std::uint64_t hash,
                             PageImage& image, CallWork& work);
  void apply(const Level& level, const Found& found, std::uint64_t hash, PageImage& image,
             const Plan& plan);
  void finish(const Found& found, const Plan& plan, CallWork& work);
  bool merge(const Level& level, const Found& found, std::uint64_t hash, CallWork& work);
  [[nodiscard]] std::uint64_t item_hash(const Level& level, const PageImage& image, std::uint32_t i,
                                        std::uint64_t& owner_hash) const noexcept;

  State& state_;
  const Directory& directory_;
};

}  // namespace ullage::engine
