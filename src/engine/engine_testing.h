// What the tests of the engine's parts share: an arena with shards and a clock, and nothing else of
// a cache.
#pragma once

#include <ullage/options.h>

#include "arena/arena.h"
#include "engine/state.h"

#include <cstddef>
#include <memory>

namespace ullage::engine {

/// A State of one shard whose arena has `slabs` slabs of 16 KiB.
struct Yard {
  static constexpr std::size_t k_slab_bytes = std::size_t{16} << 10;

  explicit Yard(std::size_t slabs) {
    arena::ArenaLayout layout;
    layout.slab_bytes = k_slab_bytes;
    layout.fixed_bytes = sizeof(Shard) + sizeof(Counters);
    layout.reserve_bytes = (slabs + 2) * k_slab_bytes;
    state.arena = arena::Arena::map(layout, 0);
    state.arena->set_budget(state.arena->bytes().fixed + slabs * k_slab_bytes);
    // Fresh memory is zero, and zero is how both tables start; see CacheCore.
    state.shards = reinterpret_cast<Shard*>(state.arena->fixed());
    state.counters = reinterpret_cast<Counters*>(state.arena->fixed() + sizeof(Shard));
    state.clock = clock;
  }
  [[nodiscard]] Shard& shard() const noexcept { return state.shards[0]; }
  [[nodiscard]] std::size_t pages_in_use() const {
    std::size_t pages = 0;
    state.arena->for_each_page([&](Ref, std::size_t) { ++pages; });
    return pages;
  }

  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  State state;
  CallWork work;
};

}  // namespace ullage::engine
