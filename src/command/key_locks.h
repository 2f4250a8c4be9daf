// What makes a command one step: locks and versions of keys, striped by a hash of their names.
//
// Entries are linearizable by themselves; a command that reads or writes several is not. Whoever
// writes holds the stripe of each of its keys; who changes more than one entry also marks the
// stripe as changing. A reader takes nothing: it remembers the stripe's version, reads, and looks
// again; after a few disturbed tries it locks like a writer.
//
//   word   | version 30 | locked 1 | changing 1 |
//
//   locked    one writer has it: other writers wait
//   changing  readers wait too; set and taken away by who has it locked, and the version counts
//             each time, so that a reader that began before sees another word
//
// LOCK ORDER: stripes in the order of their index, then whatever the cache locks. Waiting sleeps in
// the kernel once spinning has not helped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace ullage::command {

class KeyLocks {
 public:
  using Stripe = std::uint32_t;
  using Version = std::uint32_t;

  static constexpr std::size_t k_stripes = 8192;

  explicit KeyLocks(std::uint64_t seed = 0)
      : seed_(seed), words_(new std::atomic<Version>[k_stripes] {}) {}

  /// The stripe of a group's name.
  [[nodiscard]] Stripe stripe_of(std::string_view group) const noexcept {
    const std::uint64_t hash = std::hash<std::string_view>{}(group) ^ seed_;
    return static_cast<Stripe>((hash * 0x9e3779b97f4a7c15ULL) >> (64 - k_stripe_bits));
  }

  // --- reading ---

  /// Waits until nobody changes the stripe. acquire; pairs with end_change().
  [[nodiscard]] Version begin_read(Stripe stripe) const noexcept {
    const Version word = words_[stripe].load(std::memory_order_acquire);
    return (word & k_changing) == 0 ? word : wait_to_read(stripe);
  }
  /// Whether nothing that was read since begin_read() was in the middle of a change.
  [[nodiscard]] bool undisturbed(Stripe stripe, Version version) const noexcept {
    // The cache's own loads acquire, so this one stays behind them.
    return ((words_[stripe].load(std::memory_order_relaxed) ^ version) & ~k_locked) == 0;
  }

  // --- writing ---

  void lock(Stripe stripe) noexcept;
  void unlock(Stripe stripe) noexcept;
  /// REQUIRES: the stripe is locked by the caller.
  void begin_change(Stripe stripe) noexcept;
  void end_change(Stripe stripe) noexcept;

  /// How often somebody waited for a stripe: statistic.
  [[nodiscard]] std::uint64_t waits() const noexcept {
    return waits_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned k_stripe_bits = 13;
  static_assert(k_stripes == std::size_t{1} << k_stripe_bits);
  static constexpr Version k_changing = 1;
  static constexpr Version k_locked = 2;
  static constexpr Version k_one = 4;

  [[nodiscard]] Version wait_to_read(Stripe stripe) const noexcept;
  void wait_while(Stripe stripe, Version bit) const noexcept;

  std::uint64_t seed_;
  std::unique_ptr<std::atomic<Version>[]> words_;
  mutable std::atomic<std::uint64_t> waits_{0};  // statistic; orders nothing
};

/// Holds stripes for a command that writes; each once, in order.
class HeldStripes {
 public:
  /// `changing`: readers wait too, since several entries change as one step.
  HeldStripes(KeyLocks& locks, std::span<KeyLocks::Stripe> stripes, bool changing) noexcept;
  ~HeldStripes();
  HeldStripes(const HeldStripes&) = delete;
  HeldStripes& operator=(const HeldStripes&) = delete;

  /// From now on `changing`.
  void begin_change() noexcept;

 private:
  KeyLocks& locks_;
  std::span<const KeyLocks::Stripe> stripes_;
  bool changing_;
};

}  // namespace ullage::command
