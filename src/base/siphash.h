// SipHash-1-3: a keyed hash, since names come from strangers who would aim for collisions.
//
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); one compression and
// three finalisation rounds, the variant that Rust and Redis-like stores use for hash tables.
#pragma once

#include "base/check.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ullage::base {

/// 128 secret bits. Two hashes of one key differ by `tweak`, so that groups and fields are
/// independent.
struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
#if defined(ULLAGE_HAS_DEBUG_CHECKS)
  std::uint64_t kept_bits = ~std::uint64_t{0};  ///< of each hash: for tests that want collisions
#endif
};

namespace detail {
struct SipState {
  std::uint64_t v0, v1, v2, v3;
  void round() noexcept {
    v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
  }
};
}  // namespace detail

/// 64 bits of `bytes` under `key`. O(size); thread-safe.
inline std::uint64_t siphash13(HashKey key, std::string_view bytes) noexcept {
  detail::SipState s{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
                     key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    std::uint64_t m;
    std::memcpy(&m, p, 8);
    s.v3 ^= m;
    s.round();
    s.v0 ^= m;
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  if (bytes.size() >= 8 && left != 0) {
    // The last eight bytes overlap what was taken: one load instead of a loop.
    std::uint64_t tail;
    std::memcpy(&tail, p + left - 8, 8);
    last |= tail >> (8 * (8 - left));
  } else {
    for (std::size_t i = 0; i < left; ++i) {
      last |= static_cast<std::uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
    }
  }
  s.v3 ^= last;
  s.round();
  s.v0 ^= last;
  s.v2 ^= 0xff;
  s.round();
  s.round();
  s.round();
#if defined(ULLAGE_HAS_DEBUG_CHECKS)
  return (s.v0 ^ s.v1 ^ s.v2 ^ s.v3) & key.kept_bits;
#else
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
#endif
}

}  // namespace ullage::base
