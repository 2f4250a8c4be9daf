// What all commands share. Each member is thread-safe by itself; nothing here has logic of its own.
#pragma once

#include <ullage/cache.h>
#include <ullage/trace.h>

#include "command/acl.h"
#include "command/byte_budget.h"
#include "command/client.h"
#include "command/clock.h"
#include "command/command_counts.h"
#include "command/group_calls.h"
#include "command/growth.h"
#include "command/key_events.h"
#include "command/key_locks.h"
#include "command/latency_monitor.h"
#include "command/pause.h"
#include "command/pubsub.h"
#include "command/random_source.h"
#include "command/removal_news.h"
#include "command/slow_log.h"
#include "command/tracking.h"
#include "command/watches.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ullage::command {

/// Statistics of the commands; each counts, none orders anything.
struct Counters {
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> long_rounds{0};      ///< of commands that let others run in between
  std::atomic<std::uint64_t> disturbed_reads{0};  ///< that had to be read again
};

/// What there ever was: while there are only hashes, nobody need look for strings, and while all
/// keys are of database 0, they need not be told apart. They only ever become true.
struct Seen {
  std::atomic<bool> strings{false};
  std::atomic<bool> documents{false};
  std::atomic<bool> other_databases{false};
};

/// What the server was told, as far as commands must know.
struct CommandLimits {
  std::size_t value_max_bytes = k_value_default_max_bytes;
  bool debug_enabled = false;
};

class Host;

struct Services {
  Cache& cache;
  CommandClock& clock;
  KeyLocks& locks;
  Watches& watches;
  Clients& clients;
  /// What sessions hold besides their buffers: queued commands, watched keys, subscriptions.
  ByteBudget& held;
  Tracking& tracking;
  RemovalNews& removal_news;
  const Table& table;
  Acl& acl;
  Host& host;
  Counters counters{};
  CommandStats command_stats{};
  GroupCallStats group_calls{};
  Seen seen{};
  CommandLimits limits{};
  RandomSource random{};
  Growth growth{};
  Pause pause{};
  PubSub pubsub{};
  KeyEvents key_events{};
  SlowLog slow_log{};
  LatencyMonitor latency{};
  TraceHook trace{};
};

}  // namespace ullage::command
