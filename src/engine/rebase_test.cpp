// Deadlines stay what they were under another base, and stay cheap as time goes by.
#include "engine/rebase.h"

#include "base/random.h"
#include "engine/items.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

constexpr std::int64_t k_now = 1'700'000'000'000;
constexpr std::int64_t k_hour_ms = 3'600'000;

struct Seen {
  std::string name;
  std::string value;
  std::int64_t deadline_ms;
  policy::Rank rank;
  bool operator==(const Seen&) const = default;
};
std::vector<Seen> entries_of(const PageImage& image) {
  std::vector<Seen> seen;
  for_each_entry(
      image.items(), [&](EntryPlace, const std::byte* at, std::uint32_t size, policy::Rank rank) {
        const EntryHead e = decode_entry<PlainBytes>(at, size, image.base_ms());
        EXPECT_FALSE(e.broken);
        seen.push_back({std::string(chars(at + e.field_at, e.field_bytes)),
                        std::string(chars(at + e.value_at, e.inline_bytes)), e.deadline_ms, rank});
      });
  return seen;
}

void add(PageImage& leaf, std::string_view field, std::int64_t deadline_ms) {
  note_deadline(leaf, deadline_ms);
  const EntryDraft draft{field, "value", deadline_ms, false};
  const auto n = static_cast<std::uint8_t>(leaf.count());
  encode_entry(leaf.slots().append(n, n, encoded_bytes(draft, leaf.base_ms())), draft,
               leaf.base_ms());
}

TEST(Rebase, KeepsEveryEntryOfALeafWhateverTheBase) {
  PageImage leaf;
  leaf.reset(PageKind::leaf, 3, 77);
  base::Random random(3);
  for (int i = 0; i < 40; ++i) {
    const std::int64_t deadline =
        random.below(4) == 0 ? k_never_ms : k_now + (std::int64_t{1} << random.below(41));
    add(leaf, "field" + std::to_string(i), deadline);
  }
  const auto before = entries_of(leaf);
  const std::int64_t due = leaf.due_ms();
  ASSERT_EQ(before.size(), 40U);
  for (const std::int64_t base :
       {std::int64_t{0}, k_now, k_now - 5, k_now + (std::int64_t{1} << 40)}) {
    rebase(leaf, base);
    EXPECT_EQ(leaf.base_ms(), base);
    EXPECT_EQ(leaf.due_ms(), due);
    EXPECT_EQ(leaf.depth(), 3U);
    EXPECT_EQ(leaf.owner(), 77U);
    EXPECT_EQ(entries_of(leaf), before);
  }
}

TEST(Rebase, KeepsTheRecordsOfABucket) {
  PageImage bucket;
  bucket.reset(PageKind::bucket, 0, 1);
  bucket.start_time(k_now, k_now + 1);
  for (std::uint32_t g = 0; g < 5; ++g) {
    RecordImage record;
    RecordDraft head;
    const std::string name = "group" + std::to_string(g);
    head.name = name;
    if (g == 2) head.deadline_ms = k_now + 99;
    record.start(head, false);
    for (std::uint32_t f = 0; f <= g; ++f) {
      const EntryDraft draft{"f", std::string_view("12345").substr(f), k_now + 1 + g * 10 + f,
                             false};
      encode_entry(record.append(static_cast<std::uint8_t>(f), static_cast<std::uint16_t>(f + 7),
                                 encoded_bytes(draft, k_now), 0),
                   draft, k_now);
    }
    std::byte* to =
        bucket.slots().append(static_cast<std::uint8_t>(g), record.slot_rank(), record.size());
    std::memcpy(to, record.bytes(), record.size());
  }
  const auto before = entries_of(bucket);
  ASSERT_EQ(before.size(), 15U);
  const std::uint32_t used = bucket.used();
  rebase(bucket, k_now + 5);  // some are before it now: a byte more
  EXPECT_EQ(entries_of(bucket), before);
  EXPECT_GT(bucket.used(), used);
  rebase(bucket, k_now);
  EXPECT_EQ(entries_of(bucket), before);
  EXPECT_EQ(bucket.used(), used);
  EXPECT_EQ(bucket.slots().tag(4), 4U);
  EXPECT_NE(bucket.record(2).ttl_at, 0U) << "extensions stay";
}

TEST(Rebase, ThePagesBaseFollowsItsDeadlines) {
  // A page that always holds a few entries with half an hour to live, for a day.
  PageImage leaf;
  leaf.reset(PageKind::leaf, 0, 1);
  std::uint32_t most = 0;
  for (std::int64_t now = k_now; now < k_now + 24 * k_hour_ms; now += 60'000) {
    add(leaf, "field", now + k_hour_ms / 2);
    if (leaf.count() > 20) leaf.slots().remove(0);
    leaf.set_due(entries_of(leaf).front().deadline_ms);
    most = std::max(most, leaf.slots().size(leaf.count() - 1));
  }
  EXPECT_EQ(most, 1U + 3 + 10) << "each deadline took three bytes";
}

TEST(Rebase, ABaseIsNotChangedForThoseTooFarApart) {
  PageImage leaf;
  leaf.reset(PageKind::leaf, 0, 1);
  add(leaf, "soon", k_now + 1000);
  const std::int64_t base = leaf.base_ms();
  add(leaf, "late", k_now + 24 * k_hour_ms);
  EXPECT_EQ(leaf.base_ms(), base);
  EXPECT_EQ(leaf.due_ms(), k_now + 1000);
  EXPECT_EQ(leaf.slots().size(1), 1U + 4 + 9);
  add(leaf, "never", k_never_ms);
  EXPECT_EQ(leaf.base_ms(), base);
  EXPECT_EQ(entries_of(leaf).back().deadline_ms, k_never_ms);
}

TEST(Rebase, AnEarlierDeadlineIsTheDueTime) {
  PageImage leaf;
  leaf.reset(PageKind::leaf, 0, 1);
  note_deadline(leaf, k_never_ms);
  EXPECT_FALSE(leaf.has_time()) << "nothing to note";
  note_deadline(leaf, 5);
  EXPECT_EQ(leaf.base_ms(), 0) << "no base is before the clock's beginning";
  EXPECT_EQ(leaf.due_ms(), 5);
  note_deadline(leaf, 9);
  EXPECT_EQ(leaf.due_ms(), 5);
  note_deadline(leaf, 3);
  EXPECT_EQ(leaf.due_ms(), 3);
}

}  // namespace
}  // namespace ullage::engine
