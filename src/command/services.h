// What all commands share. Each member is thread-safe by itself; nothing here has logic of its own.
#pragma once

#include <ullage/cache.h>

#include "command/clock.h"
#include "command/key_locks.h"
#include "command/watches.h"

#include <atomic>
#include <cstdint>

namespace ullage::command {

/// Statistics of the commands; each counts, none orders anything.
struct Counters {
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> disturbed_reads{0};  ///< that had to be read again
};

/// Which kinds of keys were ever written: while there is only one kind, nobody need look for the
/// other. They only ever become true.
struct Seen {
  std::atomic<bool> strings{false};
  std::atomic<bool> other_databases{false};
};

struct Services {
  Cache& cache;
  CommandClock& clock;
  KeyLocks& locks;
  Watches& watches;
  Counters counters{};
  Seen seen{};
};

}  // namespace ullage::command
