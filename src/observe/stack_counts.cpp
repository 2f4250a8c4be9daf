#include "observe/stack_counts.h"

#include <algorithm>
#include <bit>

namespace ullage::observe {

namespace {
constexpr std::size_t k_words_a_slot = 16;  // of a usual stack
constexpr std::size_t k_probes_max = 8;

std::uint64_t number(const void* address) noexcept {
  return reinterpret_cast<std::uint64_t>(address);
}
// FNV-1a, by words. Nobody chooses these addresses to collide.
std::uint64_t hash_of(std::span<void* const> addresses) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const void* const address : addresses)
    hash = std::rotl((hash ^ number(address)) * 0x100000001b3, 29);
  return hash;
}
}  // namespace

StackCounts::StackCounts(std::size_t bytes)
    : slots_count_(std::bit_floor(std::max<std::size_t>(
          bytes / (sizeof(Slot) + k_words_a_slot * sizeof(std::uint64_t)), 1))),
      words_count_(slots_count_ * k_words_a_slot),
      slots_(new Slot[slots_count_]),
      words_(new std::uint64_t[words_count_]{}) {}

bool StackCounts::count(std::span<void* const> addresses) noexcept {
  const std::uint64_t hash = hash_of(addresses);
  for (std::size_t i = 0; i < k_probes_max; ++i) {
    Slot& slot = slots_[(hash + i) & (slots_count_ - 1)];
    const std::uint64_t* const kept = words_.get() + slot.begin;
    if (slot.count == 0) {
      if (words_count_ - words_used_ < addresses.size()) return false;
      slot = {.hash = hash,
              .count = 1,
              .begin = static_cast<std::uint32_t>(words_used_),
              .length = static_cast<std::uint32_t>(addresses.size())};
      for (const void* const address : addresses)
        words_[words_used_++] = number(address);
      return true;
    }
    if (slot.hash == hash && slot.length == addresses.size() &&
        std::equal(kept, kept + slot.length, addresses.begin(),
                   [](std::uint64_t one, const void* other) { return one == number(other); })) {
      ++slot.count;
      return true;
    }
  }
  return false;
}

void StackCounts::add(std::span<void* const> addresses) noexcept {
  // Another thread that is interrupted at the same time, or this one within itself. Pairs with the
  // release below.
  constexpr int k_tries = 1000;
  for (int i = 0; taken_.test_and_set(std::memory_order_acquire); ++i) {
    if (i == k_tries) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  const bool is_counted = count(addresses);
  taken_.clear(std::memory_order_release);
  (is_counted ? added_ : lost_).fetch_add(1, std::memory_order_relaxed);
}

void StackCounts::for_each(const Visit& visit) const {
  for (std::size_t i = 0; i < slots_count_; ++i) {
    const Slot& slot = slots_[i];
    if (slot.count != 0) visit({words_.get() + slot.begin, slot.length}, slot.count);
  }
}

}  // namespace ullage::observe
