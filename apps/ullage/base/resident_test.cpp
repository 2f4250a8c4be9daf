#include "base/resident.h"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace ullage::app {
namespace {

TEST(Resident, SeesPagesComeAndGoAndKeepsThePeak) {
  prefault_program();
  constexpr std::size_t k_size = 32u << 20;
  const std::uint64_t before = resident_bytes();
  ASSERT_GT(before, 0u);
  void* pages = ::mmap(nullptr, k_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  std::memset(pages, 1, k_size);
  EXPECT_GE(resident_bytes(), before + k_size * 9 / 10);
  ::munmap(pages, k_size);
  EXPECT_LT(resident_bytes(), before + k_size / 2);
  EXPECT_GE(resident_peak_bytes(), before + k_size * 9 / 10);
  if (!reset_resident_peak()) GTEST_SKIP() << "this kernel does not reset the peak";
  EXPECT_LT(resident_peak_bytes(), before + k_size / 2);
}

}  // namespace
}  // namespace ullage::app
