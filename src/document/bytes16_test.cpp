#include "document/bytes16.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ullage::document {
namespace {

template <class Bytes>
class Bytes16Test : public testing::Test {};

#if defined(__SSE2__)
using Kinds = testing::Types<Bytes16Words, Bytes16Sse2>;
#else
using Kinds = testing::Types<Bytes16Words>;
#endif
TYPED_TEST_SUITE(Bytes16Test, Kinds);

std::string sixteen(int c) {
  return std::string(k_bytes16, static_cast<char>(c));
}

TYPED_TEST(Bytes16Test, TellsWhichByteDiffers) {
  const std::string base = "0123456789abcdef";
  EXPECT_EQ(TypeParam(base.data()).differs(TypeParam(base.data())), 0U);
  for (std::size_t at = 0; at < k_bytes16; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string other = base;
      other[at] = static_cast<char>(c);
      EXPECT_EQ(TypeParam(base.data()).differs(TypeParam(other.data())),
                other == base ? 0U : 1U << at);
    }
  }
}

TYPED_TEST(Bytes16Test, FindsACharacterWhereverItStands) {
  for (std::size_t at = 0; at < k_bytes16; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string bytes = sixteen('.');
      bytes[at] = static_cast<char>(c);
      EXPECT_EQ(TypeParam(bytes.data()).is('/'), c == '/' ? 1U << at : 0U);
    }
  }
  EXPECT_EQ(TypeParam(sixteen('/').data()).is('/'), 0xffffU);
}

TYPED_TEST(Bytes16Test, KnowsWhatIsNotItselfInAString) {
  for (int c = 0; c < 256; ++c) {
    const bool is_special = c < 0x20 || c == '"' || c == '\\' || c == '~';
    EXPECT_EQ(TypeParam(sixteen(c).data()).is_special(), is_special ? 0xffffU : 0U) << c;
    for (const int beside : {0x61, 0, 0x20, 0x80, 0xff}) {
      std::string bytes = sixteen(beside);
      const Mask16 before = TypeParam(bytes.data()).is_special();
      bytes[5] = static_cast<char>(c);
      EXPECT_EQ(TypeParam(bytes.data()).is_special(),
                (before & ~(1U << 5)) | (is_special ? 1U << 5 : 0U))
          << c << " beside " << beside;
    }
  }
}

TYPED_TEST(Bytes16Test, StoresWhatItLoaded) {
  const std::string base = "0123456789abcdef";
  std::string to(k_bytes16, '\0');
  TypeParam(base.data()).store(to.data());
  EXPECT_EQ(to, base);
}

TEST(FirstOf, IsTheLowestBit) {
  EXPECT_EQ(first_of(0), k_bytes16);
  EXPECT_EQ(first_of(0x8000), 15U);
  EXPECT_EQ(first_of(0x8004), 2U);
  EXPECT_EQ(first_of(1), 0U);
}

}  // namespace
}  // namespace ullage::document
