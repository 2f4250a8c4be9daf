#include "base/small_copy.h"

#include <string>

#include <gtest/gtest.h>

namespace ullage::base {
namespace {

TEST(SmallCopy, CopiesThatManyBytesAndNoOthers) {
  for (std::size_t n = 0; n < 200; ++n) {
    std::string from(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
      from[i] = static_cast<char>(1 + i % 251);
    std::string to(n + 2, '#');
    copy_small(to.data() + 1, from.data(), n);
    ASSERT_EQ(to, "#" + from + "#") << n;
  }
}

}  // namespace
}  // namespace ullage::base
