// Cache::inspect().
#include <ullage/cache.h>

#include "base/random.h"
#include "engine/core.h"
#include "engine/inspector.h"
#include "engine/reentry.h"

#include <array>

namespace ullage {

using namespace engine;

namespace {

/// Chooses `wanted` of `all` numbers as they pass (Knuth, The Art of Computer Programming, 3.4.2,
/// Algorithm S).
class Choice {
 public:
  Choice(std::uint32_t all, std::uint64_t wanted, std::uint64_t seed) noexcept
      : left_(all), wanted_(wanted == 0 || wanted > all ? all : wanted), random_(seed) {}

  [[nodiscard]] bool takes_next() noexcept {
    const bool takes = random_.below(left_) < wanted_;
    --left_;
    if (takes) --wanted_;
    return takes;
  }

 private:
  std::uint32_t left_;
  std::uint64_t wanted_;
  base::Random random_;
};

}  // namespace

Result<Inspection> Cache::inspect(const InspectOptions& options,
                                  FunctionRef<void(const SlabSight&)> visitor) {
  if (VisitorScope::too_deep()) return VisitorScope::error();
  if (UpdateScope::holds(core_.get())) return reentered_update();
  State& state = core_->state;
  Inspection done;
  const auto show = [&](const SlabSight& sight) {
    const VisitorScope scope;
    visitor(sight);
    done.bytes += sight.bytes;
  };

  const arena::ArenaBytes bytes = state.arena->bytes();
  std::array<Holding, 2> tables;
  tables[0].bytes.index = sizeof(Shard) << state.shard_bits;
  tables[1].bytes.header = bytes.fixed - tables[0].bytes.index;
  show({true, bytes.fixed, tables});
  done.slabs_resident = (bytes.slabs_in_use + bytes.slabs_empty) / state.arena->slab_bytes();

  Inspector inspector(state, core_->directory);
  const std::uint32_t slabs = state.arena->slabs_seen();
  Choice choice(slabs, options.slabs_max, options.seed);
  for (std::uint32_t slab = 0; slab < slabs; ++slab) {
    if (!choice.takes_next() || !inspector.look_at(slab)) continue;
    ++done.slabs;
    done.pages += inspector.pages();
    done.longest_hold_bytes = std::max(done.longest_hold_bytes, inspector.hold_bytes());
    show(inspector.sight());
  }
  done.pages_unsettled = inspector.pages_unsettled();
  return done;
}

}  // namespace ullage
