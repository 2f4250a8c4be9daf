// The ring of removal events: in order, whole, round its end, and what does not fit is counted.
#include "base/random.h"
#include "engine/removal_events.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

struct Event {
  std::string group;
  std::string field;
  std::string value;
  std::uint64_t value_bytes;
  RemovalCause cause;
  friend bool operator==(const Event&, const Event&) = default;
};

class Ring : public ::testing::Test {
 protected:
  std::vector<Event> deliver(std::size_t max) {
    std::vector<Event> events;
    ring_.deliver(
        [&](const Removal& removal) {
          events.push_back({std::string(removal.group), std::string(removal.field),
                            std::string(removal.value), removal.value_bytes, removal.cause});
        },
        max);
    return events;
  }
  void push(const Event& event) {
    ring_.push(event.cause, event.group, event.field, event.value, event.value_bytes);
  }

  static constexpr std::size_t k_bytes = 1000;
  std::vector<std::byte> memory_ = std::vector<std::byte>(k_bytes + 16, std::byte{0xee});
  RemovalRing ring_{memory_.data(), k_bytes, true};
};

TEST_F(Ring, WhoDoesNotListenIsToldNothing) {
  const RemovalRing nobody(nullptr, 0, false);
  EXPECT_FALSE(nobody.listening());
  EXPECT_TRUE(nobody.empty());
  EXPECT_TRUE(ring_.listening());
}

TEST_F(Ring, EventsComeOutInOrderAndWhole) {
  const Event first{"g", "f", "value", 5, RemovalCause::evicted};
  const Event second{"", "", "", 1'000'000'000'000, RemovalCause::expired};
  push(first);
  push(second);
  EXPECT_FALSE(ring_.empty());
  EXPECT_EQ(deliver(1), std::vector{first});
  EXPECT_EQ(deliver(10), std::vector{second});
  EXPECT_TRUE(ring_.empty());
  EXPECT_TRUE(deliver(10).empty());
  EXPECT_EQ(ring_.lost(), 0U);
}

TEST_F(Ring, WrapsAtEveryPlace) {
  // Events of odd lengths: heads, names and values all meet the end of the memory some time.
  base::Random random(1);
  std::deque<Event> waiting;
  std::uint64_t lost = 0;
  std::uint64_t number = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0) {
      Event event{std::string(random.below(40), 'g'), std::string(random.below(40), 'f'),
                  std::to_string(number++), random.next(),
                  static_cast<RemovalCause>(random.below(k_removal_causes))};
      const std::uint64_t before = ring_.lost();
      push(event);
      if (ring_.lost() == before) {
        waiting.push_back(std::move(event));
      } else {
        ++lost;
        ASSERT_EQ(ring_.lost(), before + 1);
      }
    } else {
      for (const Event& event : deliver(random.below(4))) {
        ASSERT_FALSE(waiting.empty());
        ASSERT_EQ(event, waiting.front());
        waiting.pop_front();
      }
    }
  }
  for (const Event& event : deliver(10'000)) {
    ASSERT_EQ(event, waiting.front());
    waiting.pop_front();
  }
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(ring_.lost(), lost);
  EXPECT_GT(lost, 0U) << "the run met a full ring";
  for (std::size_t i = k_bytes; i < memory_.size(); ++i)
    EXPECT_EQ(memory_[i], std::byte{0xee}) << "written behind the ring";
}

TEST_F(Ring, FillsToTheLastByteAndNoFurther) {
  constexpr std::size_t k_head = 24;
  const Event exact{"", "", std::string(k_bytes - k_head, 'v'), 1, RemovalCause::erased};
  push(exact);
  EXPECT_EQ(ring_.lost(), 0U);
  push({"", "", "", 0, RemovalCause::erased});
  EXPECT_EQ(ring_.lost(), 1U);
  EXPECT_EQ(deliver(5), std::vector{exact});
  push({"", "", std::string(k_bytes - k_head + 1, 'v'), 1, RemovalCause::erased});
  EXPECT_EQ(ring_.lost(), 2U) << "would never fit";
  EXPECT_TRUE(ring_.empty());
}

TEST_F(Ring, AListenerMayCauseMoreEvents) {
  push({"g", "1", "", 0, RemovalCause::erased});
  std::vector<std::string> heard;
  const std::size_t done = ring_.deliver(
      [&](const Removal& removal) {
        heard.emplace_back(removal.field);
        if (heard.size() < 3) push({"g", "more", "", 0, RemovalCause::erased});
      },
      2);
  EXPECT_EQ(done, 2U) << "bounded, whatever the listener does";
  EXPECT_EQ(heard, (std::vector<std::string>{"1", "more"}));
  EXPECT_FALSE(ring_.empty());
}

TEST_F(Ring, AListenerIsToldOnceWhatWasLostBeforeItsEvent) {
  const std::string large(k_bytes / 3, 'v');
  std::vector<std::uint64_t> lost_before;
  const auto deliver_all = [&] {
    ring_.deliver([&](const Removal& removal) { lost_before.push_back(removal.lost_before); }, 10);
  };
  for (int i = 0; i < 5; ++i)
    push({"g", "f", large, 1, RemovalCause::evicted});
  deliver_all();
  EXPECT_EQ(lost_before, (std::vector<std::uint64_t>{3, 0}));
  push({"g", "f", large, 1, RemovalCause::evicted});
  lost_before.clear();
  deliver_all();
  EXPECT_EQ(lost_before, std::vector<std::uint64_t>{0});
}

TEST_F(Ring, OnlyTheCausesAskedForAreHeardOf) {
  const RemovalRing nobody(nullptr, 0, false);
  EXPECT_EQ(nobody.causes(), RemovalCauses());
  EXPECT_EQ(ring_.causes(), RemovalCauses::all());
  ring_.set_causes({RemovalCause::expired, RemovalCause::limit});
  EXPECT_TRUE(ring_.causes().contains(RemovalCause::limit));
  EXPECT_FALSE(ring_.causes().contains(RemovalCause::evicted));
}

TEST_F(Ring, LostEventsCanBeCountedByOthersToo) {
  ring_.lose(7);
  EXPECT_EQ(ring_.lost(), 7U);
}

}  // namespace
}  // namespace ullage::engine
