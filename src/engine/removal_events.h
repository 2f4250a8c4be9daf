// Removed entries on their way to the listener.
//
// RemovalLog collects what one call removes while it still edits private images; once the change is
// committed publish() counts it, hands pieces and anchors to the debt, teaches the ghosts, and puts
// events into the ring. A call that fails drops its log and nothing has happened.
#pragma once

#include "engine/entry.h"
#include "engine/state.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::engine {

class Debt;

/// A bounded queue of events in the cache's own fixed memory.
class RemovalRing {
 public:
  /// `memory` of `bytes` bytes; none: nobody listens.
  RemovalRing(std::byte* memory, std::size_t bytes, bool with_values,
              RemovalCauses causes = RemovalCauses::all()) noexcept
      : memory_(memory), bytes_(bytes), with_values_(with_values), causes_(causes.bits()) {}

  [[nodiscard]] bool listening() const noexcept { return bytes_ != 0; }
  /// What is to be pushed. Thread-safe, as is the change of it.
  [[nodiscard]] RemovalCauses causes() const noexcept {
    return listening() ? RemovalCauses::of_bits(causes_.load(std::memory_order_relaxed))
                       : RemovalCauses();
  }
  void set_causes(RemovalCauses causes) noexcept { causes_.store(causes.bits()); }
  [[nodiscard]] bool with_values() const noexcept { return with_values_; }
  /// Thread-safe; takes the ring's lock, a leaf. Counts the event as lost if it does not fit;
  /// forgets what nobody wants to hear.
  void push(RemovalCause cause, std::string_view group, std::string_view field,
            std::string_view value, std::uint64_t value_bytes) noexcept;
  void lose(std::uint64_t n) noexcept { lost_.fetch_add(n, std::memory_order_relaxed); }
  /// Takes up to `max` events out and calls the listener for each, outside the lock. Answers how
  /// many.
  std::size_t deliver(const RemovalListener& listener, std::size_t max);
  [[nodiscard]] std::uint64_t lost() const noexcept {
    return lost_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool empty() const noexcept;

 private:
  struct Head {
    std::uint32_t group_bytes;
    std::uint32_t field_bytes;
    std::uint32_t kept_value_bytes;
    std::uint32_t cause;
    std::uint64_t value_bytes;
  };
  void copy_in(const void* from, std::size_t n) noexcept;
  void copy_out(void* to, std::size_t n) noexcept;

  std::byte* const memory_;
  const std::size_t bytes_;
  const bool with_values_;
  std::atomic<std::uint32_t> causes_;
  std::atomic<std::uint64_t> lost_{0};
  mutable std::mutex mutex_;
  std::size_t head_ = 0;         // guarded by mutex_
  std::size_t used_ = 0;         // guarded by mutex_
  std::uint64_t lost_told_ = 0;  // of lost_; guarded by mutex_
};

/// A removed entry's group, as its page or its record tell.
struct GroupOf {
  std::string_view name;
  ClassId class_id = k_no_class;
};

/// Whether an entry goes that nobody erased or wrote anew.
constexpr bool is_loss(RemovalCause cause) noexcept {
  return cause == RemovalCause::evicted || cause == RemovalCause::expired ||
         cause == RemovalCause::limit;
}

class RemovalLog {
 public:
  explicit RemovalLog(const State& state, const RemovalRing& ring) noexcept
      : state_(state), causes_(ring.causes()), values_(ring.with_values()) {}

  /// Notes that an entry goes. `value` is its inline value, if it has one. The class is uncharged
  /// when the log is published; for a value that another takes the place of, the writer does it.
  void entry(RemovalCause cause, GroupOf group, std::string_view field, std::string_view value,
             PieceLink pieces, policy::Rank rank);
  /// Notes that a group's record goes with its last field, and with it its anchor.
  void group(Ref anchor, GroupOf group);
  void clear() noexcept {
    count_ = 0, groups_ = 0, anchors_ = 0, uncharges_ = 0;
    has_losses_ = false;
    names_.clear();
  }
  /// Whether entries are among them that nobody erased or wrote anew.
  [[nodiscard]] bool has_losses() const noexcept { return has_losses_; }
  [[nodiscard]] std::size_t entries() const noexcept { return count_; }
  [[nodiscard]] bool full() const noexcept { return count_ == k_max; }
  [[nodiscard]] std::size_t room() const noexcept { return k_max - count_; }
  /// The shard's lock is held. Ends with the log empty.
  void publish(State& state, RemovalRing& ring, Debt& debt);

  void tell(const TraceHook& trace) const noexcept;

  /// More than a record in a bucket can have fields, so that dropping one always fits.
  static constexpr std::size_t k_max = 160;

 private:
  struct One {
    RemovalCause cause;
    policy::Rank rank;
    std::uint32_t payload_bytes;
    std::uint32_t value_bytes;
    std::uint64_t hash;
    Ref pieces_first;  // not a PieceLink: this stays without initialisers, there are many
    std::uint32_t pieces_bytes;
    std::uint32_t names_at, group_bytes, field_bytes, kept_value_bytes;
  };
  /// What a class is no longer charged for: of neighbours in the log, together.
  struct Uncharge {
    std::uint64_t group_hash;
    std::uint64_t bytes;
    std::uint32_t entries;
    std::uint32_t groups;
    RemovalCause cause;
    ClassId class_id;
  };
  void uncharge(GroupOf group, RemovalCause cause, std::uint64_t bytes, std::uint32_t entries,
                std::uint32_t groups);

  const State& state_;
  const RemovalCauses causes_;  // that the listener hears of
  const bool values_;
  std::array<One, k_max> ones_;
  std::size_t count_ = 0;
  std::size_t groups_ = 0;
  std::size_t anchors_ = 0;
  bool has_losses_ = false;
  std::array<Ref, k_max> anchor_refs_;
  std::array<Uncharge, 2 * k_max> uncharge_;  // an entry's and its group's
  std::size_t uncharges_ = 0;
  std::string names_;  // of what the listener hears of
};

/// One hash for an entry, for the ghosts.
inline std::uint64_t entry_hash(std::uint64_t group_hash, std::uint64_t field_hash) noexcept {
  return (group_hash ^ (field_hash * 0x9e3779b97f4a7c15ULL)) * 0xd6e8feb86659fd93ULL ^
         (field_hash >> 29);
}

}  // namespace ullage::engine
