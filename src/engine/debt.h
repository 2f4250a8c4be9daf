// What was dropped and is still to be freed: pages of large groups, chains of pieces.
//
// Dropping unlinks and owes; it never frees in line, so its work does not depend on the size. The
// debt is paid in steps of one page by tick(), by every write, and first of all by whoever needs
// room. Owed pages belong to the debt alone: nobody else can reach them, so paying needs no shard's
// lock.
//
// An owed group hangs on its anchor: | header (pending; owner: when it was dropped) | root 32 |
// next owed 32 | name page 32 | cause 32 |. An owed chain hangs on its first piece, whose stamp
// field holds the next owed chain.
#pragma once

#include "engine/piece.h"
#include "engine/removal_events.h"
#include "engine/state.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ullage::engine {

class Debt {
 public:
  Debt(State& state, RemovalRing& ring) noexcept : state_(state), ring_(ring), pieces_(state) {}

  /// The chain has no owner any more. Thread-safe; takes the debt's lock.
  void owe_pieces(Ref first) noexcept;
  /// The group under `anchor` has no record any more. Its entries were counted as removed; their
  /// events are made as their pages are freed, if anybody listens. Thread-safe.
  void owe_group(Ref anchor, Ref root, std::string_view name, RemovalCause cause,
                 std::int64_t dropped_ms) noexcept;

  /// Frees up to `pages` pages. Answers how many; fewer means that nothing is owed. Thread-safe:
  /// one pays at a time, another caller gets 0 at once.
  std::size_t pay(std::size_t pages) noexcept;
  /// The same for a caller who must have room: waits for who is paying.
  std::size_t pay_for_room(std::size_t pages) noexcept;
  /// Pays all that is owed. While the answer is held nobody else pays. Takes no shard's lock, so
  /// the caller may have them all: then nothing new is owed.
  [[nodiscard]] std::unique_lock<std::mutex> settle() noexcept;
  [[nodiscard]] bool owing() const noexcept { return owed_.load(std::memory_order_relaxed) != 0; }

  /// While it is held no owed chain is touched: for the mover, who may meet later pieces of one.
  /// LOCK ORDER: shard -> this -> arena.
  [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(list_mutex_); }

  [[nodiscard]] std::string read_pieces(PieceLink link) const;

 private:
  std::size_t free_some(std::size_t pages) noexcept;  // pay_mutex_ is held
  [[nodiscard]] bool free_one() noexcept;
  [[nodiscard]] bool free_from_group(Ref anchor) noexcept;
  void free_leaf(Ref anchor, Ref leaf) noexcept;

  State& state_;
  RemovalRing& ring_;
  Pieces pieces_;
  std::atomic<std::uint64_t> owed_{0};  // groups and chains
  std::mutex pay_mutex_;                // held by who pays; LOCK ORDER: pay -> list -> arena
  std::mutex list_mutex_;               // guards what follows
  static constexpr std::size_t k_names_outside_max = 64;
  std::unordered_map<Ref, std::string> names_outside_;
  Ref groups_ = k_no_ref;
  Ref chains_ = k_no_ref;
};

inline constexpr std::size_t k_owed_root_at = 16;
inline constexpr std::size_t k_owed_next_at = 20;
inline constexpr std::size_t k_owed_name_at = 24;
inline constexpr std::size_t k_owed_cause_at = 28;

}  // namespace ullage::engine
