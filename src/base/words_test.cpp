// Shared words: every alignment and every length against plain byte copies. The buffers are whole
// words and one more, which loads of whole words may reach: the address sanitizer sees any other.
#include "base/words.h"

#include "base/random.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

constexpr std::size_t k_alignments = 8;
constexpr std::size_t k_lengths = 41;

/// The words that `length` bytes at `offset` lie in, filled with bytes that differ from each other.
class Shared {
 public:
  Shared(std::size_t offset, std::size_t length)
      : offset_(offset),
        words_((offset + length + 7) / 8 == 0 ? 1 : (offset + length + 7) / 8),
        memory_(std::make_unique<std::uint64_t[]>(words_ + 1)) {
    Random random(offset * k_lengths + length);
    for (std::size_t i = 0; i < words_; ++i)
      memory_[i] = random.next();
  }
  [[nodiscard]] std::byte* at() const noexcept { return bytes() + offset_; }
  [[nodiscard]] std::string all() const {
    return {reinterpret_cast<const char*>(bytes()), words_ * 8};
  }
  [[nodiscard]] std::string part(std::size_t length) const {
    return {reinterpret_cast<const char*>(at()), length};
  }

 private:
  [[nodiscard]] std::byte* bytes() const noexcept {
    return reinterpret_cast<std::byte*>(memory_.get());
  }
  std::size_t offset_;
  std::size_t words_;
  std::unique_ptr<std::uint64_t[]> memory_;
};

template <class Check>
void at_every_place(Check check) {
  for (std::size_t offset = 0; offset < k_alignments; ++offset) {
    for (std::size_t length = 0; length < k_lengths; ++length)
      check(offset, length);
  }
}

TEST(Words, LoadBytesIsLittleEndianAndZeroAbove) {
  for (std::size_t offset = 0; offset < k_alignments; ++offset) {
    for (std::size_t length = 1; length <= 8; ++length) {
      const Shared shared(offset, length);
      std::uint64_t expected = 0;
      std::memcpy(&expected, shared.at(), length);
      EXPECT_EQ(load_bytes(shared.at(), length), expected) << offset << " " << length;
    }
  }
}

TEST(Words, TypedLoadsAgreeWithMemcpy) {
  for (std::size_t offset = 0; offset < k_alignments; ++offset) {
    const Shared shared(offset, 8);
    std::uint8_t one = 0;
    std::uint16_t two = 0;
    std::uint32_t four = 0;
    std::uint64_t eight = 0;
    std::memcpy(&one, shared.at(), 1);
    std::memcpy(&two, shared.at(), 2);
    std::memcpy(&four, shared.at(), 4);
    std::memcpy(&eight, shared.at(), 8);
    EXPECT_EQ(load_u8(shared.at()), one);
    EXPECT_EQ(load_u16(shared.at()), two);
    EXPECT_EQ(load_u32(shared.at()), four);
    EXPECT_EQ(load_u64(shared.at()), eight);
  }
}

TEST(Words, CopyOutCopiesExactlyWhatWasAsked) {
  at_every_place([](std::size_t offset, std::size_t length) {
    const Shared shared(offset, length);
    // One byte more, which must stay as it is.
    const auto to = std::make_unique<char[]>(length + 1);
    to[length] = '!';
    copy_out(to.get(), shared.at(), length);
    EXPECT_EQ(std::string(to.get(), length), shared.part(length)) << offset << " " << length;
    EXPECT_EQ(to[length], '!') << offset << " " << length;
  });
}

TEST(Words, EqualsFindsEveryDifference) {
  at_every_place([](std::size_t offset, std::size_t length) {
    const Shared shared(offset, length);
    const std::string same = shared.part(length);
    EXPECT_TRUE(equals(shared.at(), same)) << offset << " " << length;
    for (std::size_t i = 0; i < length; ++i) {
      std::string other = same;
      other[i] = static_cast<char>(other[i] ^ 1);
      EXPECT_FALSE(equals(shared.at(), other)) << offset << " " << length << " " << i;
    }
  });
}

TEST(Words, StoreBytesKeepsTheNeighbours) {
  at_every_place([](std::size_t offset, std::size_t length) {
    const Shared shared(offset, length);
    std::string expected = shared.all();
    const std::string fresh(length, '#');
    expected.replace(offset, length, fresh);
    store_bytes(shared.at(), fresh.data(), length);
    EXPECT_EQ(shared.all(), expected) << offset << " " << length;
  });
}

TEST(Words, StoreImageStoresWhatDiffers) {
  for (std::size_t length = 0; length < 64; ++length) {
    const std::size_t words = (length + 7) / 8;
    const Shared shared(0, length);
    std::string image = shared.all();
    const auto* const from = reinterpret_cast<const std::byte*>(image.data());
    for (std::size_t changed = 0; changed < words; ++changed) {
      image[changed * 8 + changed % 8] = static_cast<char>(image[changed * 8 + changed % 8] ^ 64);
      store_image(shared.at(), from, length);
      EXPECT_EQ(shared.all(), image);
    }
  }
}

TEST(Words, StoreU32StoresFourBytes) {
  alignas(8) unsigned char bytes[16] = {};
  store_u32(reinterpret_cast<std::byte*>(bytes) + 4, 0x04030201U);
  const unsigned char expected[16] = {0, 0, 0, 0, 1, 2, 3, 4};
  EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
}

TEST(Words, StoreImageLeavesTheWordBehind) {
  std::vector<std::uint64_t> to(4, 7);
  const std::vector<std::uint64_t> from(4, 9);
  store_image(reinterpret_cast<std::byte*>(to.data()),
              reinterpret_cast<const std::byte*>(from.data()), 17);
  EXPECT_EQ(to, (std::vector<std::uint64_t>{9, 9, 9, 7}));
}

}  // namespace
}  // namespace ullage::base
