// Bytes that optimistic readers and writers share, moved in atomic words of 8 bytes.
//
// Readers run while writers change pages. All shared bytes are therefore loaded with acquire and
// stored with release, in aligned words; what a reader collected counts only once its shard's
// version proved unchanged. Acquire on each load keeps the loads before the second look at the
// version; release on each store keeps the stores after the version was made odd. Both are plain
// moves on x86-64, and ThreadSanitizer sees atomics only.
//
// Only a shard's lock holder stores. The holder may read its own pages with plain loads, since
// nobody else stores there.
#pragma once

#include "base/touch.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ullage::base {

inline constexpr std::size_t k_word = 8;

inline const std::uint64_t* word_of(const std::byte* at) noexcept {
  return reinterpret_cast<const std::uint64_t*>(reinterpret_cast<std::uintptr_t>(at) &
                                                ~std::uintptr_t{7});
}

inline std::uint64_t load_word(const std::uint64_t* at) noexcept {
  touch(at, k_word);
  return __atomic_load_n(at, __ATOMIC_ACQUIRE);  // acquire; pairs with store_word()
}
inline void store_word(std::uint64_t* at, std::uint64_t value) noexcept {
  __atomic_store_n(at, value, __ATOMIC_RELEASE);  // release; pairs with load_word()
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define ULLAGE_PLAIN_WORDS 1
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef ULLAGE_PLAIN_WORDS
#endif
#endif
#endif

#if defined(ULLAGE_PLAIN_WORDS)
/// Two words: what the widest load of every such machine brings.
using Words2 [[gnu::vector_size(16)]] = std::uint64_t;

/// A shared integer from anywhere, as one instruction. An x86-64 load is never weaker than acquire,
/// and what it may see torn across two words the version tells; volatile keeps the compiler from
/// splitting, repeating or reordering it. Other machines, and the ThreadSanitizer, take aligned
/// atomic words.
template <class T>
T load_unaligned(const std::byte* at) noexcept {
  using Unaligned [[gnu::aligned(1), gnu::may_alias]] = T;
  touch(at, sizeof(T));
  return *reinterpret_cast<const volatile Unaligned*>(at);
}
#endif

/// Up to 8 bytes from any address, little-endian, in the low bytes; the rest is zero. 1 <= n <= 8.
/// Reads whole words: up to 7 bytes beside the wanted ones, for which the arena has a tail guard.
inline std::uint64_t load_bytes(const std::byte* at, std::size_t n) noexcept {
#if defined(ULLAGE_PLAIN_WORDS)
  return load_unaligned<std::uint64_t>(at) & (~std::uint64_t{0} >> (64 - n * 8));
#else
  const std::uint64_t* word = word_of(at);
  const unsigned shift = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(at) & 7) * 8;
  std::uint64_t bits = load_word(word) >> shift;
  if (shift + n * 8 > 64) bits |= load_word(word + 1) << (64 - shift);
  return bits & (~std::uint64_t{0} >> (64 - n * 8));
#endif
}

template <class T>
T load_as(const std::byte* at) noexcept {
#if defined(ULLAGE_PLAIN_WORDS)
  return load_unaligned<T>(at);
#else
  return static_cast<T>(load_bytes(at, sizeof(T)));
#endif
}
inline std::uint8_t load_u8(const std::byte* at) noexcept {
  return load_as<std::uint8_t>(at);
}
inline std::uint16_t load_u16(const std::byte* at) noexcept {
  return load_as<std::uint16_t>(at);
}
inline std::uint32_t load_u32(const std::byte* at) noexcept {
  return load_as<std::uint32_t>(at);
}
inline std::uint64_t load_u64(const std::byte* at) noexcept {
  return load_as<std::uint64_t>(at);
}

/// Copies shared bytes to private ones. Reads whole words, so up to 7 bytes either side of the
/// range.
inline void copy_out(void* to, const std::byte* from, std::size_t n) noexcept {
  auto* out = static_cast<std::byte*>(to);
  if (n == 0) return;
#if defined(ULLAGE_PLAIN_WORDS)
  for (; n >= 16; n -= 16, out += 16, from += 16) {
    // Two words at a time: a vector's halves are as good as they.
    const auto bits = load_unaligned<Words2>(from);
    std::memcpy(out, &bits, 16);
  }
  for (; n >= 8; n -= 8, out += 8, from += 8) {
    const auto bits = load_unaligned<std::uint64_t>(from);
    std::memcpy(out, &bits, 8);
  }
  if (n != 0) {
    const std::uint64_t bits = load_bytes(from, n);
    std::memcpy(out, &bits, n);
  }
#else
  const unsigned shift = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(from) & 7) * 8;
  const std::uint64_t* word = word_of(from);
  if (shift == 0) {
    for (; n >= 8; n -= 8, out += 8, ++word) {
      const std::uint64_t bits = load_word(word);
      std::memcpy(out, &bits, 8);
    }
    if (n != 0) {
      const std::uint64_t bits = load_word(word);
      std::memcpy(out, &bits, n);
    }
    return;
  }
  std::uint64_t low = load_word(word);
  for (; n >= 8; n -= 8, out += 8) {
    const std::uint64_t high = load_word(++word);
    const std::uint64_t bits = (low >> shift) | (high << (64 - shift));
    std::memcpy(out, &bits, 8);
    low = high;
  }
  if (n != 0) {
    std::uint64_t bits = low >> shift;
    if (shift + n * 8 > 64) bits |= load_word(word + 1) << (64 - shift);
    std::memcpy(out, &bits, n);
  }
#endif
}

/// Whether shared bytes equal private ones.
inline bool equals(const std::byte* shared, std::string_view bytes) noexcept {
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  if (n >= 8 && n <= 16) {
    // Most names: the first eight bytes and the last eight.
    std::uint64_t first;
    std::uint64_t last;
    std::memcpy(&first, p, 8);
    std::memcpy(&last, p + n - 8, 8);
    return ((load_bytes(shared, 8) ^ first) | (load_bytes(shared + n - 8, 8) ^ last)) == 0;
  }
  for (; n >= 8; n -= 8, p += 8, shared += 8) {
    std::uint64_t want;
    std::memcpy(&want, p, 8);
    if (load_bytes(shared, 8) != want) return false;
  }
  if (n == 0) return true;
  if (bytes.size() >= 8) {
    // The last eight bytes overlap those before: no mask, no bytes beside them.
    std::uint64_t want;
    std::memcpy(&want, p + n - 8, 8);
    return load_bytes(shared + n - 8, 8) == want;
  }
  std::uint64_t want = 0;
  std::memcpy(&want, p, n);
  return load_bytes(shared, n) == want;
}

/// Stores a page's private image, n bytes rounded up to whole words, over shared bytes at a
/// multiple of 8. Whoever reads meanwhile reads garbage and finds the version changed; so on
/// x86-64, whose stores keep their order, it is a plain copy.
inline void store_image(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  const std::size_t words = (n + 7) / 8;
#if defined(ULLAGE_PLAIN_WORDS)
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to, from, words * 8);
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  auto* out = reinterpret_cast<std::uint64_t*>(to);
  // The first word last: it says what kind of page this is, and a page that is new has none until
  // then.
  for (std::size_t i = words; i-- > 0;) {
    std::uint64_t bits;
    std::memcpy(&bits, from + i * 8, 8);
    if (out[i] != bits) store_word(out + i, bits);  // plain read: only the caller stores here
  }
#endif
}

/// Stores private bytes over shared ones at any address, keeping the neighbours in the first and
/// last word.
inline void store_bytes(std::byte* to, const void* from, std::size_t n) noexcept {
  const auto* in = static_cast<const std::byte*>(from);
  while (n != 0) {
    auto* word = const_cast<std::uint64_t*>(word_of(to));
    const std::size_t skip = reinterpret_cast<std::uintptr_t>(to) & 7;
    const std::size_t take = n < 8 - skip ? n : 8 - skip;
    std::uint64_t bits = *word;
    std::memcpy(reinterpret_cast<std::byte*>(&bits) + skip, in, take);
    store_word(word, bits);
    to += take, in += take, n -= take;
  }
}

/// Stores four shared bytes at a multiple of 4.
inline void store_u32(std::byte* to, std::uint32_t value) noexcept {
  __atomic_store_n(reinterpret_cast<std::uint32_t*>(to), value, __ATOMIC_RELEASE);
}

}  // namespace ullage::base
