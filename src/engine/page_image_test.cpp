// A page's private copy: out and back byte for byte, and the time block comes and goes without
// touching an item.
#include "engine/page_image.h"

#include "base/random.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

constexpr std::int64_t k_now = 5'000'000;

std::vector<std::string> items_of(const PageImage& image) {
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < image.count(); ++i) {
    const SlotsEdit& slots = image.slots();
    items.push_back(std::to_string(slots.tag(i)) + "/" + std::to_string(slots.rank(i)) + "/" +
                    std::string(reinterpret_cast<const char*>(slots.at(i)), slots.size(i)));
  }
  return items;
}

/// A leaf of `count` items of random bytes.
std::unique_ptr<PageImage> leaf_of(std::uint32_t count, std::uint64_t seed) {
  base::Random random(seed);
  auto image = std::make_unique<PageImage>();
  image->reset(PageKind::leaf, 3, 0x1234);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t size = random.below(30);
    std::byte* const to = image->slots().append(static_cast<std::uint8_t>(random.next()),
                                                static_cast<std::uint16_t>(random.next()), size);
    for (std::uint32_t at = 0; at < size; ++at)
      to[at] = static_cast<std::byte>(random.next());
  }
  return image;
}

class PageImageOf : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  std::unique_ptr<PageImage> image_ = leaf_of(GetParam(), 9);
  std::vector<std::string> items_ = items_of(*image_);
};

TEST_P(PageImageOf, SealsAndLoadsByteForByte) {
  for (const bool timed : {false, true}) {
    if (timed) image_->start_time(k_now, k_now + 7);
    const std::uint32_t used = image_->used();
    const std::byte* const sealed = image_->seal();
    std::vector<std::uint64_t> page((used + 7) / 8);
    std::memcpy(page.data(), sealed, page.size() * 8);
    for (std::size_t i = used; i < page.size() * 8; ++i)
      ASSERT_EQ(sealed[i], std::byte{0}) << "the last word is padded";

    auto other = std::make_unique<PageImage>();
    std::vector<std::byte> whole(arena::k_page_max_bytes);
    std::memcpy(whole.data(), page.data(), page.size() * 8);
    other->load(whole.data());
    EXPECT_EQ(other->kind(), PageKind::leaf);
    EXPECT_EQ(other->depth(), 3U);
    EXPECT_EQ(other->owner(), 0x1234U);
    EXPECT_EQ(other->used(), used);
    EXPECT_EQ(other->has_time(), timed);
    EXPECT_EQ(other->due_ms(), timed ? k_now + 7 : k_never_ms);
    EXPECT_EQ(items_of(*other), items_);
    EXPECT_EQ(std::memcmp(other->seal(), sealed, used), 0);
  }
}

TEST_P(PageImageOf, TheTimeBlockComesAndGoesWithoutTouchingAnItem) {
  const std::uint32_t used = image_->used();
  image_->start_time(k_now, k_now + 100);
  EXPECT_TRUE(image_->has_time());
  EXPECT_EQ(image_->used(), used + k_time_bytes);
  EXPECT_EQ(image_->base_ms(), k_now);
  EXPECT_EQ(image_->due_ms(), k_now + 100);
  EXPECT_EQ(items_of(*image_), items_);
  image_->set_due(k_now + 60);
  EXPECT_EQ(image_->due_ms(), k_now + 60);
  EXPECT_EQ(image_->base_ms(), k_now);
  image_->set_due(k_never_ms);
  EXPECT_EQ(image_->due_ms(), k_never_ms);
  EXPECT_EQ(items_of(*image_), items_);
  image_->drop_time();
  EXPECT_FALSE(image_->has_time());
  EXPECT_EQ(image_->used(), used);
  EXPECT_EQ(image_->due_ms(), k_never_ms);
  EXPECT_EQ(image_->base_ms(), 0);
  EXPECT_EQ(items_of(*image_), items_);
  image_->drop_time();
  EXPECT_EQ(items_of(*image_), items_);
}

TEST_P(PageImageOf, AdoptsAnothersBaseAndDueAsTheyAre) {
  const auto timed = leaf_of(2, 10);
  timed->start_time(50, 77);
  image_->adopt_time(*leaf_of(1, 11));
  EXPECT_FALSE(image_->has_time()) << "there was none to adopt";
  image_->adopt_time(*timed);
  EXPECT_EQ(image_->base_ms(), 50);
  EXPECT_EQ(image_->due_ms(), 77);
  EXPECT_EQ(items_of(*image_), items_);
}

TEST_P(PageImageOf, ItemsCanBeAddedAndTakenWithTheBlockInPlace) {
  image_->start_time(k_now, k_now + 100);
  std::memcpy(image_->slots().append(1, 2, 5), "added", 5);
  items_.emplace_back("1/2/added");
  EXPECT_EQ(items_of(*image_), items_);
  if (GetParam() > 0) {
    image_->slots().remove(0);
    items_.erase(items_.begin());
  }
  image_->replace_item(image_->count() - 1,
                       reinterpret_cast<const std::byte*>("longer than it was"), 18);
  items_.back() = "1/2/longer than it was";
  image_->drop_time();
  EXPECT_EQ(items_of(*image_), items_);
}

INSTANTIATE_TEST_SUITE_P(Items, PageImageOf, ::testing::Values(0, 1, 3, 4, 5, 40, 100));

TEST(PageImage, ResetForgetsEverything) {
  const auto image = leaf_of(7, 12);
  image->start_time(1, 1);
  image->reset(PageKind::bucket, 0, 5);
  EXPECT_EQ(image->count(), 0U);
  EXPECT_FALSE(image->has_time());
  EXPECT_EQ(image->used(), k_header_bytes);
  EXPECT_FALSE(image->is_leaf());
}

}  // namespace
}  // namespace ullage::engine
