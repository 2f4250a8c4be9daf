// Watches tell those who watch a key, and nobody else.
#include "command/watches.h"

#include <atomic>
#include <memory>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

TEST(Watches, TellWhoWatches) {
  Watches watches;
  const auto one = std::make_shared<std::atomic<bool>>(false);
  const auto two = std::make_shared<std::atomic<bool>>(false);
  watches.changed("a");
  watches.add("a", one);
  watches.add("b", two);
  watches.add("a", two);
  EXPECT_EQ(watches.count(), 3U);
  watches.changed("c");
  EXPECT_FALSE(one->load() || two->load());
  watches.changed("b");
  EXPECT_FALSE(one->load());
  EXPECT_TRUE(two->load());
  two->store(false);
  watches.remove("b", two);
  watches.remove("b", two);
  watches.remove("nobody", two);
  watches.changed("b");
  EXPECT_FALSE(two->load());
  watches.all_changed();
  EXPECT_TRUE(one->load() && two->load());
  watches.remove("a", one);
  watches.remove("a", two);
  EXPECT_EQ(watches.count(), 0U);
}

}  // namespace
}  // namespace ullage::command
