// What a cache is opened with, and what single calls may be told.
#pragma once

#include <ullage/limits.h>
#include <ullage/result.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage {

using Millis = std::chrono::milliseconds;

/// The source of time. One call per operation that needs time; must be cheap and thread-safe, and
/// must never go back. Inject one to make a test own the time.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since any fixed moment, at least 0.
  [[nodiscard]] virtual std::int64_t now_ms() const noexcept = 0;
};

/// A clock that stands still until told otherwise. Thread-safe.
class ManualClock;

/// Runs what must not run inside a caller's call: removal listeners and refreshes ahead of expiry.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs `task` once, now or later, on any thread. May be called from any thread; must not throw.
  virtual void run(std::function<void()> task) noexcept = 0;
};

/// Limits of one group. Zero means "no limit", which is the default: nobody loses a field unasked.
/// A group at a limit evicts its own coldest fields, never those of another group.
struct GroupLimits {
  std::uint64_t max_fields = 0;  ///< fields in the group
  std::uint64_t max_bytes = 0;   ///< bytes of its field names and values
  Millis idle_ttl{0};            ///< the group goes once nothing read or wrote it for this long

  /// The limits for per-user configuration: 1000 fields, gone after 30 minutes without use.
  static constexpr GroupLimits config_cache() { return {1000, 0, std::chrono::minutes(30)}; }

  friend bool operator==(const GroupLimits&, const GroupLimits&) = default;
};

/// How entries are ranked for eviction.
enum class Policy : std::uint8_t {
  adaptive,  ///< the default: frequency, recency and size, adapting to the traffic
  lru,       ///< least recently used among the sampled candidates
};

/// Who does the work between calls: expiry, freeing dropped groups, emptying sparse slabs.
enum class Maintenance : std::uint8_t {
  thread,  ///< one thread of the cache's own
  manual,  ///< nobody: the owner calls Cache::tick()
};

/// Whether the system is asked to back the cache with huge pages (2 MiB). They make reads of a
/// large cache faster, since far fewer addresses are looked up; but memory becomes resident 2 MiB
/// at a time, and after the cache has shrunk more of it stays with the process. The limit holds
/// either way.
enum class HugePages : std::uint8_t {
  automatic,  ///< from a memory_limit of k_huge_pages_from_bytes on
  on,
  off,
};

/// Why an entry went.
enum class RemovalCause : std::uint8_t {
  evicted,   ///< memory_limit or max_entries needed room
  expired,   ///< its own, its group's or the idle time to live ended
  replaced,  ///< a new value took its place
  erased,    ///< erase(), erase_if(), erase_group() or clear()
  limit,     ///< its group's own max_fields or max_bytes, or its class's max
};
inline constexpr std::size_t k_removal_causes = 5;
std::string_view to_string(RemovalCause cause) noexcept;

/// A set of causes.
class RemovalCauses {
 public:
  constexpr RemovalCauses() = default;
  constexpr RemovalCauses(std::initializer_list<RemovalCause> causes) noexcept {
    for (const RemovalCause cause : causes)
      bits_ |= bit_of(cause);
  }
  static constexpr RemovalCauses all() noexcept {
    return of_bits((std::uint32_t{1} << k_removal_causes) - 1);
  }
  static constexpr RemovalCauses of_bits(std::uint32_t bits) noexcept {
    RemovalCauses causes;
    causes.bits_ = bits;
    return causes;
  }
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr bool contains(RemovalCause cause) const noexcept {
    return (bits_ & bit_of(cause)) != 0;
  }
  friend bool operator==(const RemovalCauses&, const RemovalCauses&) = default;

 private:
  static constexpr std::uint32_t bit_of(RemovalCause cause) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(cause);
  }
  std::uint32_t bits_ = 0;
};

/// One removed entry, as a removal listener sees it. The views are valid during the call only.
struct Removal {
  std::string_view group;
  std::string_view field;
  std::string_view value;  ///< empty unless Options::removal_values; then the removed value
  std::uint64_t value_bytes = 0;
  RemovalCause cause = RemovalCause::evicted;
  /// Events that were lost since the one before: more came than the buffer holds. Who keeps
  /// something in step with the cache must take it that anything may have gone.
  std::uint64_t lost_before = 0;
};
/// Called outside all locks, by the executor or else by the thread that does maintenance. It may
/// use the cache. An exception that leaves it ends the process.
using RemovalListener = std::function<void(const Removal&)>;

/// What Cache::open() takes. Every member has a default that suits a service of one machine.
struct Options {
  /// What the cache may add to the process's resident memory: data, index, metadata, everything.
  std::size_t memory_limit = 64 * k_mib;
  /// Address space reserved for set_memory_limit() to grow into; 0 means memory_limit. Costs no
  /// memory.
  std::size_t max_memory_limit = 0;
  /// Bound on the number of entries; 0 means none.
  std::uint64_t max_entries = 0;
  /// Longest value that set() takes; up to k_value_max_bytes and memory_limit /
  /// k_value_share_of_limit.
  std::size_t max_value_bytes = k_value_default_max_bytes;
  /// Limits that hold for every group without limits of its own.
  GroupLimits group{};
  /// How many classes (classes.h) there may be at once; each takes some 700 bytes of memory_limit,
  /// whether it is used or not. 0: one for each k_class_share_of_limit_bytes of memory_limit,
  /// within k_classes_default_min and k_classes_default_max.
  std::size_t max_classes = 0;
  Policy policy = Policy::adaptive;
  Maintenance maintenance = Maintenance::thread;
  HugePages huge_pages = HugePages::automatic;

  RemovalListener on_removal{};  ///< none: causes are counted all the same
  bool removal_values = false;   ///< give listeners the value too: costs a copy per removal
  /// What the listener hears of; Cache::set_removal_causes() changes it.
  RemovalCauses removal_causes = RemovalCauses::all();
  /// Memory for events on their way, out of memory_limit. 0, and the most: memory_limit /
  /// k_removal_ring_share_of_limit, up to k_removal_ring_bytes_max.
  std::size_t removal_buffer_bytes = 0;

  std::shared_ptr<const Clock> clock{};  ///< none: the monotonic system clock
  std::shared_ptr<Executor> executor{};  ///< none: listeners run where maintenance runs

  /// Key of the hash (128 bits); 0, 0 means random, from the system. Set it only to repeat a run.
  std::uint64_t hash_key[2] = {0, 0};
  /// Seed of the sampling of candidates; 0 means random. Set it only to repeat a run.
  std::uint64_t random_seed = 0;
};

/// When set() writes.
enum class Condition : std::uint8_t {
  always,
  if_absent,   ///< only if there is no such entry
  if_present,  ///< only if there is one
};

/// What one write may say.
struct SetOptions {
  /// Time to live of this field; none means none. At least 1 ms, at most k_ttl_max_ms.
  std::optional<Millis> ttl{};
  /// Leave the time to live that a present entry has (ttl must then be empty).
  bool keep_ttl = false;
  Condition condition = Condition::always;
};

/// What a write did.
enum class SetOutcome : std::uint8_t {
  inserted,   ///< there was no such entry
  replaced,   ///< there was, and it has the new value
  unchanged,  ///< the condition did not hold; nothing was written
};

/// The time to live of an entry or a group that exists.
struct Ttl {
  std::optional<Millis> remaining;  ///< none: it does not expire by itself
};

/// An entry to read or write in a batch.
struct Key {
  std::string_view group;
  std::string_view field;
};
struct Item {
  std::string_view group;
  std::string_view field;
  std::string_view value;
};

/// What a loader answers: a value, "there is none", or a failure.
struct Loaded {
  enum class Kind : std::uint8_t { value, none, failure };
  Kind kind = Kind::none;
  std::string value{};          ///< kind == value
  std::optional<Millis> ttl{};  ///< kind == value: its time to live, over LoadOptions::ttl
  std::string message{};        ///< kind == failure

  static Loaded of(std::string bytes, std::optional<Millis> ttl = {}) {
    return {Kind::value, std::move(bytes), ttl, {}};
  }
  static Loaded absent() { return {}; }
  static Loaded failed(std::string why) { return {Kind::failure, {}, {}, std::move(why)}; }
};
using Loader = std::function<Loaded(std::string_view group, std::string_view field)>;
/// Loads the given fields of one group; answers one Loaded for each, in their order.
using BulkLoader = std::function<std::vector<Loaded>(std::string_view group,
                                                     const std::vector<std::string_view>& fields)>;

/// How get_or_load() treats what the loader says.
struct LoadOptions {
  std::optional<Millis> ttl{};  ///< of loaded values
  Millis negative_ttl{0};       ///< how long "there is none" is remembered; 0: not at all
  Millis failure_ttl{0};  ///< how long a failure is answered without asking again; 0: not at all
  /// A hit whose remaining life is below this starts a load in the executor and answers at once; 0:
  /// never.
  Millis refresh_ahead{0};
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_ms = 1'000'000) noexcept : now_ms_(start_ms) {}
  [[nodiscard]] std::int64_t now_ms() const noexcept override {
    return __atomic_load_n(&now_ms_, __ATOMIC_ACQUIRE);
  }
  void advance(Millis by) noexcept { __atomic_add_fetch(&now_ms_, by.count(), __ATOMIC_RELEASE); }

 private:
  std::int64_t now_ms_;
};

}  // namespace ullage
