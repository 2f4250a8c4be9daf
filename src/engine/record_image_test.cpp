// A record under change beside a plain list of its entries: to one field and back, through every
// head, with ranks and tags where they belong.
#include "base/random.h"
#include "engine/page_image.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

struct Field {
  std::uint8_t tag;
  std::uint16_t rank;
  std::string bytes;
};

std::string text(const std::byte* at, std::size_t n) {
  return {reinterpret_cast<const char*>(at), n};
}

class Beside {
 public:
  explicit Beside(std::uint64_t seed) : random_(seed) {
    draft_.name = name_;
    image_->start(draft_, false);
  }

  void step() {
    const std::uint32_t choice = random_.below(12);
    if (fields_.empty() || (choice < 5 && fields_.size() < 60)) {
      append();
    } else if (choice < 7) {
      const std::uint32_t i = pick();
      fields_[i].bytes = bytes(random_.below(30) + 1);
      const auto size = static_cast<std::uint32_t>(fields_[i].bytes.size());
      std::memcpy(image_->resize(i, size), fields_[i].bytes.data(), size);
    } else if (choice < 8) {
      const std::uint32_t i = pick();
      fields_[i].rank = static_cast<std::uint16_t>(random_.next());
      image_->set_rank(i, fields_[i].rank);
    } else if (choice < 10) {
      remove();
    } else if (choice < 11) {
      rehead();
    } else {
      reload();
    }
  }

  void check() const {
    const RecordHead& head = image_->head();
    ASSERT_FALSE(head.broken);
    ASSERT_EQ(head.fields, fields_.size());
    const RecordHead again = decode_record<PlainBytes>(image_->bytes(), image_->size());
    ASSERT_FALSE(again.broken);
    ASSERT_EQ(again.body_at, head.body_at);
    const RecordDraft draft = draft_of(image_->bytes(), again);
    ASSERT_EQ(draft.name, name_);
    ASSERT_EQ(draft.deadline_ms, draft_.deadline_ms);
    ASSERT_EQ(draft.last_use_ms, draft_.last_use_ms);
    ASSERT_EQ(draft.has_limits, draft_.has_limits);
    ASSERT_EQ(draft.anchor, draft_.anchor);
    const auto items = image_->fields();
    ASSERT_EQ(items.count(), fields_.size());
    for (std::uint32_t i = 0; i < items.count(); ++i) {
      const auto item = items.item(i);
      ASSERT_EQ(text(item.at, item.bytes), fields_[i].bytes) << i << " of " << fields_.size();
      ASSERT_EQ(image_->rank(i), fields_[i].rank) << i;
      if (fields_.size() > 1) {
        ASSERT_EQ(items.slots().tag(i), fields_[i].tag) << i;
      }
    }
    ASSERT_EQ(image_->slot_rank(), fields_.size() == 1 ? fields_[0].rank : 0);
    const std::size_t table = fields_.size() > 1 ? fields_.size() * k_slot_bytes : 0;
    std::size_t expected = encoded_head_bytes(draft_) + table;
    for (const Field& field : fields_)
      expected += field.bytes.size();
    ASSERT_EQ(image_->size(), expected);
  }

 private:
  std::uint32_t pick() { return random_.below(static_cast<std::uint32_t>(fields_.size())); }
  std::string bytes(std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i)
      out.push_back(static_cast<char>(random_.next()));
    return out;
  }
  void append() {
    Field field{static_cast<std::uint8_t>(random_.next()),
                static_cast<std::uint16_t>(random_.next()), bytes(random_.below(30) + 1)};
    const auto size = static_cast<std::uint32_t>(field.bytes.size());
    // A record of one field keeps no tag: its holder knows it.
    const std::uint8_t single = fields_.size() == 1 ? fields_[0].tag : std::uint8_t{0};
    std::memcpy(image_->append(field.tag, field.rank, size, single), field.bytes.data(), size);
    fields_.push_back(std::move(field));
  }
  void remove() {
    const std::uint32_t i = pick();
    if (fields_.size() == 1) return;  // the last one takes the record along
    image_->remove(i);
    fields_.erase(fields_.begin() + i);
  }
  void rehead() {
    name_ = bytes(random_.below(4) == 0 ? 256 + random_.below(700) : random_.below(20));
    draft_ = {};
    draft_.name = name_;
    if (random_.below(2) == 0) draft_.deadline_ms = static_cast<std::int64_t>(random_.next() >> 2);
    if (random_.below(2) == 0) draft_.last_use_ms = random_.below(1000);
    if (random_.below(2) == 0) draft_.has_limits = true;
    if (random_.below(2) == 0) draft_.anchor = random_.below(1000) + 1;
    image_->rehead(draft_);
  }
  void reload() {
    // Through a page: out of one image, into another.
    const std::string stored = text(image_->bytes(), image_->size());
    const std::uint16_t rank = image_->slot_rank();
    auto other = std::make_unique<RecordImage>();
    other->load(reinterpret_cast<const std::byte*>(stored.data()),
                static_cast<std::uint32_t>(stored.size()), rank);
    image_ = std::move(other);
  }

  base::Random random_;
  std::unique_ptr<RecordImage> image_ = std::make_unique<RecordImage>();
  std::string name_ = "group";
  RecordDraft draft_;
  std::vector<Field> fields_;
};

TEST(RecordImage, KeepsEveryFieldWhateverIsDone) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Beside beside(seed);
    for (int i = 0; i < 800; ++i) {
      beside.step();
      beside.check();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(RecordImage, OneFieldAndBackAndNone) {
  const auto image = std::make_unique<RecordImage>();
  RecordDraft draft;
  draft.name = "g";
  image->start(draft, false);
  std::memcpy(image->append(11, 101, 3, 0), "one", 3);
  const std::string single = text(image->bytes(), image->size());
  std::memcpy(image->append(22, 202, 3, 11), "two", 3);
  EXPECT_EQ(image->slot_rank(), 0) << "with two fields ranks are in the record";
  EXPECT_EQ(image->rank(0), 101);
  image->remove(1);
  EXPECT_EQ(text(image->bytes(), image->size()), single);
  EXPECT_EQ(image->slot_rank(), 101);
  image->remove(0);
  EXPECT_EQ(image->head().fields, 0U);
}

TEST(RecordImage, StubsKeepTheirBodyUnderANewHead) {
  const auto image = std::make_unique<RecordImage>();
  RecordDraft draft;
  draft.name = "g";
  draft.anchor = 77;
  image->start(draft, true);
  const Stub stub{5, 6, 7, 8};
  image->finish_stub(stub);
  EXPECT_EQ(image->slot_rank(), 0);
  const std::string longer(900, 'n');
  draft.name = longer;
  draft.deadline_ms = 1234;
  image->rehead(draft);
  ASSERT_TRUE(image->head().is_stub());
  const Stub got = decode_stub<PlainBytes>(image->bytes() + image->head().body_at);
  EXPECT_EQ(got.root, 5U);
  EXPECT_EQ(got.fields, 6U);
  EXPECT_EQ(got.bytes, 7U);
  EXPECT_EQ(got.due_ms, 8);
}

TEST(RecordImage, TheMostFieldsThatARecordMayHave) {
  const auto image = std::make_unique<RecordImage>();
  RecordDraft draft;
  draft.name = "g";
  image->start(draft, false);
  for (unsigned i = 0; i < 255; ++i)
    *image->append(static_cast<std::uint8_t>(i), static_cast<std::uint16_t>(i), 1, 0) =
        static_cast<std::byte>(i);
  EXPECT_EQ(image->head().fields, 255U);
  for (std::uint32_t i = 255; i-- > 0;) {
    const auto item = image->fields().item(i);
    ASSERT_EQ(*item.at, static_cast<std::byte>(i));
    ASSERT_EQ(image->rank(i), i);
    image->remove(i);
  }
  EXPECT_EQ(image->head().fields, 0U);
}

}  // namespace
}  // namespace ullage::engine
