// SipHash-1-3 against two implementations that we did not write, and against a third that is
// written for its plainness.
#include "base/siphash.h"

#include "base/random.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

struct Vector {
  std::size_t length;  ///< of the message 0, 1, 2, ...
  std::uint64_t hash;
};

std::string counting_bytes(std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i)
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(i)));
  return bytes;
}

// Rust 1.x: std::collections::hash_map::DefaultHasher; CPython 3.11 with PYTHONHASHSEED=0 agrees on
// all but the empty message, which it does not hash.
constexpr Vector k_zero_key[] = {{0, 0xd1fba762150c532cULL},  {1, 0x68a914128e01e473ULL},
                                 {7, 0x2f098ab0c751325aULL},  {8, 0xead411e67ebe2eeaULL},
                                 {9, 0x75927f9d95124362ULL},  {15, 0xf30eb725bb91c9eaULL},
                                 {16, 0x8972188433a5c5b7ULL}, {23, 0x37332b1389daa4ffULL},
                                 {64, 0x75e05fd5bbc870c6ULL}, {200, 0x7176378efd9e8a23ULL}};

// CPython 3.11 with PYTHONHASHSEED=1, whose generator makes this key of the seed.
constexpr HashKey k_python_key{0xaed66ce184be2329ULL, 0xebe9bbf1f1499052ULL};
constexpr Vector k_other_key[] = {
    {1, 0xecd3e5afcecda4b9ULL},  {7, 0xfd15e78052a69ddfULL},  {8, 0xc0b5739e7e28dd01ULL},
    {9, 0x208a1a5a0cbbf778ULL},  {15, 0xfa87985f39e97a53ULL}, {16, 0x12e9d283f9f37002ULL},
    {23, 0xf7cea028f939ae8cULL}, {64, 0x7e644b6edc375dc8ULL}, {200, 0x1fedd3accb0915feULL}};

/// The paper's text, byte by byte: no overlapping loads, no unrolling.
std::uint64_t plain_siphash13(HashKey key, std::string_view bytes) {
  std::uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
                        key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
  const auto round = [&v] {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] = std::rotl(v[2], 32);
  };
  std::string padded(bytes);
  padded.resize(bytes.size() / 8 * 8 + 7, '\0');
  padded.push_back(static_cast<char>(static_cast<unsigned char>(bytes.size())));
  for (std::size_t at = 0; at < padded.size(); at += 8) {
    std::uint64_t m = 0;
    for (std::size_t i = 0; i < 8; ++i)
      m |= static_cast<std::uint64_t>(static_cast<unsigned char>(padded[at + i])) << (8 * i);
    v[3] ^= m;
    round();
    v[0] ^= m;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; ++i)
    round();
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

TEST(SipHash, AgreesWithRustAndPython) {
  for (const Vector& vector : k_zero_key)
    EXPECT_EQ(siphash13({}, counting_bytes(vector.length)), vector.hash) << vector.length;
  for (const Vector& vector : k_other_key)
    EXPECT_EQ(siphash13(k_python_key, counting_bytes(vector.length)), vector.hash) << vector.length;
}

TEST(SipHash, AgreesWithThePaperAtEveryLength) {
  Random random(1);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string bytes;
    for (std::size_t i = 0; i < length; ++i)
      bytes.push_back(static_cast<char>(random.next()));
    const HashKey key{random.next(), random.next()};
    EXPECT_EQ(siphash13(key, bytes), plain_siphash13(key, bytes)) << length;
  }
}

TEST(SipHash, ReadsNothingButItsBytes) {
  // In a buffer of exactly its length: the address sanitizer sees any byte beyond.
  for (std::size_t length = 1; length < 40; ++length) {
    const auto bytes = std::make_unique<char[]>(length);
    EXPECT_EQ(siphash13({}, {bytes.get(), length}), siphash13({}, std::string(length, '\0')));
  }
}

TEST(SipHash, EveryBitOfMessageAndKeyCounts) {
  const std::string message = counting_bytes(20);
  const HashKey key{3, 5};
  std::set<std::uint64_t> seen{siphash13(key, message)};
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    std::string other = message;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(seen.insert(siphash13(key, other)).second) << bit;
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_TRUE(seen.insert(siphash13({key.k0 ^ (1ULL << bit), key.k1}, message)).second) << bit;
    EXPECT_TRUE(seen.insert(siphash13({key.k0, key.k1 ^ (1ULL << bit)}, message)).second) << bit;
  }
  // The length is part of the message: trailing zeroes make another one.
  EXPECT_TRUE(seen.insert(siphash13(key, message + '\0')).second);
}

}  // namespace
}  // namespace ullage::base
