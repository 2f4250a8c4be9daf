// Cache::inspect().
#include <ullage/cache.h>

#include "base/random.h"
#include "engine/core.h"
#include "engine/inspector.h"
#include "engine/reentry.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace ullage {

using namespace engine;

namespace {

/// Chooses so many of all slabs as they pass (Knuth, The Art of Computer Programming, 3.4.2,
/// Algorithm S).
bool takes_next(InspectCursor& cursor) noexcept {
  base::Random random(cursor.random);
  const bool takes = random.below(cursor.slabs_left) < cursor.wanted_left;
  cursor.random = random.next();
  --cursor.slabs_left;
  if (takes) --cursor.wanted_left;
  return takes;
}

}  // namespace

Result<void> Cache::inspect_step(InspectCursor& cursor, std::uint64_t slabs,
                                 FunctionRef<void(const SlabSight&)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  State& state = core_->state;
  Inspection& seen = cursor.so_far;
  const auto show = [&](const SlabSight& sight) {
    const VisitorScope scope;
    visitor(sight);
    seen.bytes += sight.bytes;
  };

  if (!cursor.has_begun) {
    cursor.has_begun = true;
    cursor.slabs_left = state.arena->slabs_seen();
    const std::uint64_t most = cursor.options.slabs_max;
    cursor.wanted_left =
        most == 0 || most > cursor.slabs_left ? std::uint64_t{cursor.slabs_left} : most;
    cursor.random = cursor.options.seed;
    const arena::ArenaBytes bytes = state.arena->bytes();
    seen.slabs_resident = (bytes.slabs_in_use + bytes.slabs_empty) / state.arena->slab_bytes();
    std::array<Holding, 2> tables;
    tables[0].bytes.index = sizeof(Shard) << state.shard_bits;
    tables[1].bytes.header = bytes.fixed - tables[0].bytes.index;
    show({true, bytes.fixed, tables});
  }

  Inspector inspector(state, core_->directory);
  for (; slabs != 0 && cursor.slabs_left != 0; ++cursor.next_slab) {
    if (!takes_next(cursor)) continue;
    --slabs;
    if (!inspector.look_at(cursor.next_slab)) {
      ++cursor.wanted_left;  // another stands for it
      continue;
    }
    ++seen.slabs;
    seen.pages += inspector.pages();
    seen.longest_hold_bytes = std::max(seen.longest_hold_bytes, inspector.hold_bytes());
    show(inspector.sight());
  }
  seen.pages_unsettled += inspector.pages_unsettled();
  cursor.is_done = cursor.slabs_left == 0 || cursor.wanted_left == 0;
  return {};
}

Result<Inspection> Cache::inspect(const InspectOptions& options,
                                  FunctionRef<void(const SlabSight&)> visitor) {
  InspectCursor cursor;
  cursor.options = options;
  constexpr std::uint64_t k_all = ~std::uint64_t{0};
  if (auto done = inspect_step(cursor, k_all, visitor); !done) return done.error();
  return cursor.so_far;
}

}  // namespace ullage
