// The walk that takes every group to its class after classes came or went (classes.h).
//
// It goes over all groups in the order of their hashes, a bucket at a time, so it stops nobody:
//
//   visiting   each shard is held once, so that no write is under way that has not heard of it
//   walking    a bucket's records get the classes that their names say, and the books go along
//
// What waits to come or go meanwhile waits for the next walk.
#pragma once

#include "engine/directory.h"
#include "engine/expiry.h"
#include "engine/reclaim.h"
#include "engine/state.h"

#include <cstddef>
#include <cstdint>

namespace ullage::engine {

class Writer;

/// All calls are under the core's lock of classes.
class Relabel {
 public:
  Relabel(State& state, Writer& writer, Reclaim& reclaim, Expiry& expiry) noexcept
      : state_(state), writer_(writer), reclaim_(reclaim), expiry_(expiry) {}

  /// A bounded piece of the walk; false if there is none to do.
  bool step(CallWork& work);

 private:
  enum class Phase : std::uint8_t { idle, visiting, walking };
  void walk(CallWork& work);

  State& state_;
  Writer& writer_;
  Reclaim& reclaim_;
  Expiry& expiry_;
  Phase phase_ = Phase::idle;
  std::size_t next_shard_ = 0;
};

}  // namespace ullage::engine
