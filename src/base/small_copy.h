// Copies of a few bytes, inline: most names and values are shorter than a call of memcpy is worth.
#pragma once

#include <cstddef>
#include <cstring>

namespace ullage::base {

/// memcpy() for what is mostly short. Copies up to 64 bytes by two overlapping pieces of a fixed
/// size each.
[[gnu::always_inline]] inline void copy_small(char* to, const char* from, std::size_t n) noexcept {
  const auto both_ends = [&](auto piece) {
    char head[sizeof piece];
    char tail[sizeof piece];
    std::memcpy(head, from, sizeof piece);
    std::memcpy(tail, from + n - sizeof piece, sizeof piece);
    std::memcpy(to, head, sizeof piece);
    std::memcpy(to + n - sizeof piece, tail, sizeof piece);
  };
  struct Bytes4 {
    char bytes[4];
  };
  struct Bytes8 {
    char bytes[8];
  };
  struct Bytes16 {
    char bytes[16];
  };
  struct Bytes32 {
    char bytes[32];
  };
  if (n > 64) {
    std::memcpy(to, from, n);
  } else if (n > 32) {
    both_ends(Bytes32{});
  } else if (n > 16) {
    both_ends(Bytes16{});
  } else if (n >= 8) {
    both_ends(Bytes8{});
  } else if (n >= 4) {
    both_ends(Bytes4{});
  } else if (n != 0) {
    to[0] = from[0];
    to[n / 2] = from[n / 2];
    to[n - 1] = from[n - 1];
  }
}

}  // namespace ullage::base
