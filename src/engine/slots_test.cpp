// The packed table beside a plain vector of items: whatever is inserted, resized and removed, each
// item keeps its bytes, its tag and its rank, and nothing outside the area is touched or read.
#include "engine/slots.h"

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

struct Item {
  std::uint8_t tag;
  std::uint16_t rank;
  std::string bytes;
};

std::string random_bytes(base::Random& random, std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i)
    bytes.push_back(static_cast<char>(random.next()));
  return bytes;
}

class Beside {
 public:
  Beside(bool exact, std::uint64_t seed)
      : exact_(exact), random_(seed), area_(k_area + k_fence, std::byte{0xee}) {}

  void step() {
    const std::uint32_t choice = random_.below(10);
    if (items_.empty() || (choice < 4 && edit_.end() < k_area - 64)) {
      append();
    } else if (choice < 6 && edit_.end() < k_area - 64) {
      resize();
    } else if (choice < 7) {
      const std::uint32_t i = pick();
      items_[i].rank = static_cast<std::uint16_t>(random_.next());
      edit_.set_rank(i, items_[i].rank);
    } else {
      const std::uint32_t i = pick();
      edit_.remove(i);
      items_.erase(items_.begin() + i);
    }
  }

  void check() {
    ASSERT_EQ(edit_.count(), items_.size());
    const auto count = static_cast<std::uint32_t>(items_.size());
    ASSERT_EQ(edit_.cap(), exact_ ? count : page_slots_cap(count));
    std::size_t expected_end = edit_.cap() * k_slot_bytes;
    for (const Item& item : items_)
      expected_end += item.bytes.size();
    ASSERT_EQ(edit_.end(), expected_end);
    const SlotsView<PlainBytes> view = edit_.view();
    ASSERT_TRUE(view.sane());
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(edit_.tag(i), items_[i].tag) << i;
      ASSERT_EQ(edit_.rank(i), items_[i].rank) << i;
      ASSERT_EQ(edit_.size(i), items_[i].bytes.size()) << i;
      ASSERT_EQ(bytes_at(edit_.at(i), edit_.size(i)), items_[i].bytes) << i;
      ASSERT_EQ(view.tag(i), items_[i].tag);
      ASSERT_EQ(view.rank(i), items_[i].rank);
      ASSERT_EQ(bytes_at(view.item(i).at, view.item(i).bytes), items_[i].bytes) << i;
    }
    for (std::size_t i = k_area; i < area_.size(); ++i)
      ASSERT_EQ(area_[i], std::byte{0xee}) << "written outside the area";
  }

 private:
  static std::string bytes_at(const std::byte* at, std::size_t n) {
    return {reinterpret_cast<const char*>(at), n};
  }
  std::uint32_t pick() { return random_.below(static_cast<std::uint32_t>(items_.size())); }
  void append() {
    Item item{static_cast<std::uint8_t>(random_.next()), static_cast<std::uint16_t>(random_.next()),
              random_bytes(random_, random_.below(40))};
    const auto size = static_cast<std::uint32_t>(item.bytes.size());
    const std::uint32_t end = edit_.end();
    const std::uint32_t growth = edit_.growth_for(size);
    std::byte* const to = edit_.append(item.tag, item.rank, size);
    EXPECT_EQ(edit_.end(), end + growth);
    std::memcpy(to, item.bytes.data(), size);
    items_.push_back(std::move(item));
  }
  void resize() {
    const std::uint32_t i = pick();
    const std::size_t keep = items_[i].bytes.size();
    items_[i].bytes.resize(random_.below(60));
    edit_.resize(i, static_cast<std::uint32_t>(items_[i].bytes.size()));
    // The leading bytes stay, what is new is the caller's to write.
    for (std::size_t at = keep; at < items_[i].bytes.size(); ++at)
      items_[i].bytes[at] = static_cast<char>(random_.next());
    if (items_[i].bytes.size() > keep)
      std::memcpy(edit_.at(i) + keep, items_[i].bytes.data() + keep, items_[i].bytes.size() - keep);
  }

  static constexpr std::size_t k_area = 4096;
  static constexpr std::size_t k_fence = 64;
  bool exact_;
  base::Random random_;
  std::vector<std::byte> area_;
  SlotsEdit edit_{area_.data(), 0, 0, exact_};
  std::vector<Item> items_;
};

TEST(Slots, KeepsEveryItemWhateverIsDone) {
  for (const bool exact : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      SCOPED_TRACE(seed);
      Beside beside(exact, seed);
      for (int i = 0; i < 1500; ++i) {
        beside.step();
        beside.check();
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Slots, EqualContentHasEqualBytes) {
  // Pages are stored word by word where they differ: leftovers would be stores for nothing.
  std::vector<std::byte> once(512, std::byte{0});
  std::vector<std::byte> again(512, std::byte{0});
  SlotsEdit a(once.data(), 0, 0, false);
  SlotsEdit b(again.data(), 0, 0, false);
  for (std::uint8_t i = 0; i < 6; ++i) {
    std::memset(a.append(i, i, 4), i, 4);
    std::memset(b.append(i, i, 4), i, 4);
  }
  std::memset(b.append(99, 99, 4), 99, 4);
  b.remove(6);
  ASSERT_EQ(a.end(), b.end());
  EXPECT_EQ(std::memcmp(once.data(), again.data(), a.end()), 0);
}

/// A table of these tags in exactly its own bytes, as a view.
struct Tags {
  explicit Tags(const std::vector<std::uint8_t>& tags)
      : count(static_cast<std::uint32_t>(tags.size())),
        bytes(std::make_unique<std::byte[]>(tags.size() * k_slot_bytes)) {
    for (std::size_t i = 0; i < tags.size(); ++i)
      bytes[i] = static_cast<std::byte>(tags[i]);
  }
  template <class Bytes>
  [[nodiscard]] SlotsView<Bytes> view() const {
    return {bytes.get(), count, count, count * static_cast<std::uint32_t>(k_slot_bytes)};
  }
  std::uint32_t count;
  std::unique_ptr<std::byte[]> bytes;
};

TEST(Slots, FindTagMissesNoneAndErrsOnlyUpwards) {
  base::Random random(3);
  for (std::size_t count = 0; count < 40; ++count) {
    for (int round = 0; round < 30; ++round) {
      std::vector<std::uint8_t> tags;
      tags.reserve(count);
      for (std::size_t i = 0; i < count; ++i)  // few values, and neighbours of 0 and of the top bit
        tags.push_back(static_cast<std::uint8_t>(random.below(5) + (round % 2 == 0 ? 0 : 126)));
      const Tags table(tags);
      const auto view = table.view<PlainBytes>();
      for (unsigned tag = 0; tag < 256; ++tag) {
        std::uint32_t from = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
          if (tags[i] != tag) continue;
          // Every true one is met by a search from any place up to it.
          std::uint32_t found = view.find_tag(static_cast<std::uint8_t>(tag), from);
          while (found < i)
            found = view.find_tag(static_cast<std::uint8_t>(tag), found + 1);
          ASSERT_EQ(found, i) << count << " " << tag;
          from = i + 1;
        }
        const std::uint32_t last = view.find_tag(static_cast<std::uint8_t>(tag), from);
        ASSERT_LE(last, count);
      }
    }
  }
}

TEST(Slots, SharedAndPlainViewsAgree) {
  base::Random random(4);
  for (std::uint32_t count = 1; count < 30; ++count) {
    // In whole words, as shared bytes are.
    const std::uint32_t cap = page_slots_cap(count);
    const std::uint32_t end = cap * 5 + count * 7;
    std::vector<std::uint64_t> words(end / 8 + 2);
    auto* const area = reinterpret_cast<std::byte*>(words.data());
    SlotsEdit edit(area, 0, 0, false);
    for (std::uint32_t i = 0; i < count; ++i)
      std::memset(edit.append(static_cast<std::uint8_t>(random.next()),
                              static_cast<std::uint16_t>(random.next()), 7),
                  static_cast<int>(i), 7);
    const SlotsView<PlainBytes> plain(area, count, cap, edit.end());
    const SlotsView<SharedBytes> shared(area, count, cap, edit.end());
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(plain.tag(i), shared.tag(i));
      EXPECT_EQ(plain.rank(i), shared.rank(i));
      EXPECT_EQ(plain.item(i).at, shared.item(i).at);
      EXPECT_EQ(plain.item(i).bytes, shared.item(i).bytes);
      for (unsigned tag = 0; tag < 256; ++tag)
        ASSERT_EQ(plain.find_tag(static_cast<std::uint8_t>(tag), i),
                  shared.find_tag(static_cast<std::uint8_t>(tag), i));
    }
  }
}

TEST(Slots, GarbageLeadsNowhereOutsideTheArea) {
  // A stale read: any bytes under any counts. The buffer ends where the area ends.
  base::Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint32_t count = random.below(random.below(2) == 0 ? 12 : 300);
    const std::uint32_t cap = random.below(2) == 0 ? count : page_slots_cap(count);
    const std::uint32_t end = random.below(700);
    const auto bytes = std::make_unique<std::byte[]>(end == 0 ? 1 : end);
    for (std::uint32_t i = 0; i < end; ++i)
      bytes[i] = static_cast<std::byte>(random.next());
    const SlotsView<PlainBytes> view(bytes.get(), count, cap, end);
    if (!view.sane()) continue;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto item = view.item(i);
      ASSERT_GE(item.at, bytes.get());
      ASSERT_LE(item.at + item.bytes, bytes.get() + end);
      static_cast<void>(view.rank(i));
      ASSERT_LE(view.find_tag(static_cast<std::uint8_t>(i), i), count);
    }
  }
}

}  // namespace
}  // namespace ullage::engine
