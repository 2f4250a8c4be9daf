// Where the arena lets the system use huge pages, as the kernel's own list of mappings tells it.
#include "arena/arena.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace ullage::arena {
namespace {

constexpr std::size_t k_huge = std::size_t{2} << 20;
constexpr std::size_t k_slab = std::size_t{64} << 10;

/// The flags of the mapping that holds `at`: "hg" where huge pages are asked for, "nh" where they
/// are forbidden.
std::string flags_at(const std::byte* at) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool inside = false;
  while (std::getline(maps, line)) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = address >= begin && address < end;
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return "";
}
/// A kernel without transparent huge pages notes neither.
bool kernel_has_them() {
  return std::filesystem::exists("/sys/kernel/mm/transparent_hugepage");
}
bool allowed_at(const std::byte* at) {
  return !kernel_has_them() || flags_at(at).find(" hg ") != std::string::npos;
}
bool forbidden_at(const std::byte* at) {
  return !kernel_has_them() || flags_at(at).find(" nh ") != std::string::npos;
}

class HugePages : public ::testing::Test {
 protected:
  static std::unique_ptr<Arena> map(bool huge_pages, std::size_t budget_bytes) {
    ArenaLayout layout;
    layout.slab_bytes = k_slab;
    layout.fixed_bytes = 100;
    layout.reserve_bytes = 16 * k_huge;
    layout.huge_pages = huge_pages;
    return Arena::map(layout, budget_bytes);
  }
  /// `fixed()` lies a little behind the start.
  static const std::byte* start_of(Arena& arena) {
    return reinterpret_cast<const std::byte*>(reinterpret_cast<std::uintptr_t>(arena.fixed()) /
                                              k_huge * k_huge);
  }
};

TEST_F(HugePages, AreForbiddenUnlessAskedFor) {
  const auto arena = map(false, 8 * k_huge);
  EXPECT_FALSE(arena->huge_pages());
  EXPECT_TRUE(forbidden_at(arena->fixed()));
}

TEST_F(HugePages, EndWithTheLastWholeOneInTheBudget) {
  const auto arena = map(true, 8 * k_huge + k_huge / 2);
  ASSERT_TRUE(arena->huge_pages());
  const std::byte* const start = start_of(*arena);
  EXPECT_LT(arena->fixed() - start, 4096) << "the arena starts with a whole one";
  EXPECT_TRUE(allowed_at(start));
  EXPECT_TRUE(allowed_at(start + 8 * k_huge - 1));
  EXPECT_TRUE(forbidden_at(start + 8 * k_huge)) << "it would reach beyond the budget";
  arena->set_budget(12 * k_huge);
  EXPECT_TRUE(allowed_at(start + 11 * k_huge - 1)) << "a larger budget allows more";
  EXPECT_TRUE(forbidden_at(start + 12 * k_huge));
}

TEST_F(HugePages, RetreatWithTheBudget) {
  const auto arena = map(true, 12 * k_huge);
  const std::byte* const start = start_of(*arena);
  arena->set_budget(6 * k_huge + k_huge / 2);
  EXPECT_TRUE(allowed_at(start + 6 * k_huge - 1));
  EXPECT_TRUE(forbidden_at(start + 6 * k_huge)) << "they would reach beyond the lowered budget";
  arena->set_budget(12 * k_huge);
  EXPECT_TRUE(allowed_at(start + 11 * k_huge - 1));
}

TEST_F(HugePages, EndForGoodWithTheFirstRelease) {
  const auto arena = map(true, 8 * k_huge);
  const std::byte* const start = start_of(*arena);
  const Ref ref = arena->alloc(4000, 0);
  ASSERT_NE(ref, k_no_ref);
  arena->free(ref);
  ASSERT_EQ(arena->release_empty(1, 0), 1U);
  EXPECT_FALSE(arena->huge_pages());
  EXPECT_TRUE(forbidden_at(start)) << "what was released could become resident again";
  arena->set_budget(12 * k_huge);
  EXPECT_TRUE(forbidden_at(start + 10 * k_huge));
}

}  // namespace
}  // namespace ullage::arena
