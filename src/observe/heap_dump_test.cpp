#include "observe/heap_dump.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

constexpr std::string_view k_dump =
    "heap_v2/4096\n"
    "  t*: 487: 270535 [489: 272788]\n"
    "  t0: 487: 270535 [489: 272788]\n"
    "@ 0x56087d857610 0x56087d857d01\n"
    "  t*: 470: 250863 [472: 253040]\n"
    "  t0: 400: 250000 [400: 250000]\n"
    "  t1: 70: 863 [72: 3040]\n"
    "@\n"
    "  t*: 1: 81920 [3: 245760]\n"
    "\n"
    "MAPPED_LIBRARIES:\n"
    "55ebadf88000-55ebadf89000 r--p 00000000 fe:00 9978032  /a/program\n"
    "@ 0x1\n";

TEST(HeapDump, IsRead) {
  const auto dump = parse_heap_dump(k_dump);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->sample_bytes, 4096U);
  ASSERT_EQ(dump->stacks.size(), 2U);
  EXPECT_EQ(dump->stacks[0].addresses,
            (std::vector<std::uint64_t>{0x56087d857610, 0x56087d857d01}));
  EXPECT_EQ(dump->stacks[0].counts.live_objects, 470U);
  EXPECT_EQ(dump->stacks[0].counts.live_bytes, 250863U);
  EXPECT_EQ(dump->stacks[0].counts.all_objects, 472U);
  EXPECT_EQ(dump->stacks[0].counts.all_bytes, 253040U);
  EXPECT_TRUE(dump->stacks[1].addresses.empty());
  EXPECT_EQ(dump->stacks[1].counts.all_bytes, 245760U);
}

TEST(HeapDump, WithoutStacksIsEmpty) {
  const auto dump = parse_heap_dump("heap_v2/524288\n  t*: 0: 0 [0: 0]\n\nMAPPED_LIBRARIES:\n");
  ASSERT_TRUE(dump);
  EXPECT_TRUE(dump->stacks.empty());
}

TEST(HeapDump, OfAnotherFormIsRefused) {
  for (const std::string_view text :
       {"", "heap_v2/", "heap_v2/0\n", "heap_v2/x\n", "heap profile: 1: 2 [3: 4] @ heap/1\n",
        "heap_v2/1\n@ 0x\n  t*: 1: 1 [1: 1]\n", "heap_v2/1\n@ 12\n  t*: 1: 1 [1: 1]\n",
        "heap_v2/1\n@ 0x1 \n  t*: 1: 1 [1: 1]\n", "heap_v2/1\n@ 0x1\n",
        "heap_v2/1\n@ 0x1\n@ 0x2\n  t*: 1: 1 [1: 1]\n", "heap_v2/1\n@ 0x1\n  t*: 1: 1 [1: 1\n",
        "heap_v2/1\n@ 0x1\n  t*: -1: 1 [1: 1]\n",
        "heap_v2/1\n@ 0x1ffffffffffffffff\n  t*: 1: 1 [1: 1]\n"})
    EXPECT_FALSE(parse_heap_dump(text)) << text;
}

TEST(HeapDump, CutAnywhereItIsWholeOrRefused) {
  for (std::size_t cut = 0; cut < k_dump.size(); ++cut) {
    const auto dump = parse_heap_dump(k_dump.substr(0, cut));
    if (!dump) continue;
    for (const HeapStack& stack : dump->stacks)
      EXPECT_GT(stack.counts.live_objects, 0U) << cut;
  }
}

TEST(HeapDump, SamplesStandForWhatTheyWereTakenFrom) {
  // Much larger than the distance: each was seen.
  EXPECT_NEAR(unsampled(10, 10'000'000, 4096).bytes, 1e7, 1);
  // Of small ones about one in 4096 / 64 was.
  const Unsampled small = unsampled(100, 6400, 4096);
  EXPECT_NEAR(small.objects, 6450, 1);
  EXPECT_NEAR(small.bytes, 6450 * 64, 40);
  EXPECT_EQ(unsampled(0, 0, 4096).bytes, 0);
  EXPECT_EQ(unsampled(5, 0, 4096).objects, 0);
}

}  // namespace
}  // namespace ullage::observe
