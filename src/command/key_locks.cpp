#include "command/key_locks.h"

#include <algorithm>

namespace ullage::command {

namespace {
constexpr int k_spins = 200;

inline void cpu_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
}  // namespace

void KeyLocks::wait_while(Stripe stripe, Version bit) const noexcept {
  waits_.fetch_add(1, std::memory_order_relaxed);
  const std::atomic<Version>& word = words_[stripe];
  for (int i = 0; i < k_spins; ++i) {
    if ((word.load(std::memory_order_relaxed) & bit) == 0) return;
    cpu_pause();
  }
  for (;;) {
    const Version seen = word.load(std::memory_order_relaxed);
    if ((seen & bit) == 0) return;
    word.wait(seen, std::memory_order_relaxed);
  }
}

KeyLocks::Version KeyLocks::wait_to_read(Stripe stripe) const noexcept {
  for (;;) {
    wait_while(stripe, k_changing);
    const Version word = words_[stripe].load(std::memory_order_acquire);
    if ((word & k_changing) == 0) return word;
  }
}

void KeyLocks::lock(Stripe stripe) noexcept {
  std::atomic<Version>& word = words_[stripe];
  for (;;) {
    Version seen = word.load(std::memory_order_relaxed);
    // acquire; pairs with the release in unlock()
    if ((seen & k_locked) == 0 &&
        word.compare_exchange_weak(seen, seen | k_locked, std::memory_order_acquire,
                                   std::memory_order_relaxed))
      return;
    if ((seen & k_locked) != 0) wait_while(stripe, k_locked);
  }
}

void KeyLocks::unlock(Stripe stripe) noexcept {
  std::atomic<Version>& word = words_[stripe];
  word.store(word.load(std::memory_order_relaxed) & ~k_locked, std::memory_order_release);
  word.notify_all();
}

void KeyLocks::begin_change(Stripe stripe) noexcept {
  std::atomic<Version>& word = words_[stripe];
  word.store((word.load(std::memory_order_relaxed) + k_one) | k_changing,
             std::memory_order_relaxed);
  // The cache's own stores release, so they stay behind this one: who sees one of them sees the
  // mark too.
}

void KeyLocks::end_change(Stripe stripe) noexcept {
  std::atomic<Version>& word = words_[stripe];
  word.store(word.load(std::memory_order_relaxed) & ~k_changing, std::memory_order_release);
}

HeldStripes::HeldStripes(KeyLocks& locks, std::span<KeyLocks::Stripe> stripes,
                         bool changing) noexcept
    : locks_(locks), changing_(changing) {
  std::sort(stripes.begin(), stripes.end());
  const auto end = std::unique(stripes.begin(), stripes.end());
  stripes_ = stripes.first(static_cast<std::size_t>(end - stripes.begin()));
  for (const KeyLocks::Stripe stripe : stripes_) {
    locks_.lock(stripe);
    if (changing_) locks_.begin_change(stripe);
  }
}

void HeldStripes::begin_change() noexcept {
  if (changing_) return;
  changing_ = true;
  for (const KeyLocks::Stripe stripe : stripes_)
    locks_.begin_change(stripe);
}

HeldStripes::~HeldStripes() {
  for (const KeyLocks::Stripe stripe : stripes_) {
    if (changing_) locks_.end_change(stripe);
    locks_.unlock(stripe);  // wakes readers and writers
  }
}

}  // namespace ullage::command
