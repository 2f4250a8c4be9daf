// A group's bytes: heads with every mix of extensions come back, stubs too, and no bytes whatever
// make the decoder point outside them.
#include "engine/record.h"

#include "base/random.h"

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

constexpr std::size_t k_pad = 8;  // a page's bytes go on behind any record

std::string_view view_of(const std::byte* at, std::size_t n) {
  return {reinterpret_cast<const char*>(at), n};
}

RecordDraft draft_with(std::string_view name, unsigned extensions) {
  RecordDraft draft;
  draft.name = name;
  if ((extensions & 1) != 0) draft.deadline_ms = 123'456'789'012;
  if ((extensions & 2) != 0) draft.last_use_ms = 0;
  if ((extensions & 4) != 0) {
    draft.has_limits = true;
    draft.limits = {7, std::uint64_t{1} << 40, Millis(5000)};
  }
  if ((extensions & 8) != 0) draft.anchor = 0xfedcba98;
  return draft;
}

void expect_same(const RecordDraft& got, const RecordDraft& expected) {
  EXPECT_EQ(got.name, expected.name);
  EXPECT_EQ(got.deadline_ms, expected.deadline_ms);
  EXPECT_EQ(got.last_use_ms, expected.last_use_ms);
  EXPECT_EQ(got.has_limits, expected.has_limits);
  EXPECT_EQ(got.limits, expected.limits);
  EXPECT_EQ(got.anchor, expected.anchor);
}

TEST(Record, EveryMixOfExtensionsComesBack) {
  const std::string name(k_name_max_bytes, 'g');
  for (unsigned extensions = 0; extensions < 16; ++extensions) {
    for (const std::size_t length : {0U, 1U, 254U, 255U, 256U, 1024U}) {
      SCOPED_TRACE(std::to_string(extensions) + " " + std::to_string(length));
      const RecordDraft draft = draft_with(std::string_view(name).substr(0, length), extensions);
      const std::uint32_t head_bytes = encoded_head_bytes(draft);
      const std::string body = "one entry's bytes";
      const auto bytes = static_cast<std::uint32_t>(head_bytes + body.size());
      std::vector<std::uint64_t> words((bytes + k_pad + 7) / 8);
      auto* const at = reinterpret_cast<std::byte*>(words.data());
      std::byte* const to = encode_head(at, draft, 1, false);
      ASSERT_EQ(to - at, head_bytes);
      std::memcpy(to, body.data(), body.size());

      const RecordHead plain = decode_record<PlainBytes>(at, bytes);
      const RecordHead shared = decode_record<SharedBytes>(at, bytes);
      ASSERT_FALSE(plain.broken);
      ASSERT_FALSE(shared.broken);
      EXPECT_EQ(plain.body_at, shared.body_at);
      EXPECT_EQ(plain.name_at, shared.name_at);
      EXPECT_EQ(plain.fields, 1U);
      EXPECT_FALSE(plain.is_stub());
      EXPECT_EQ(view_of(at + plain.body_at, plain.body_bytes()), body);
      expect_same(draft_of(at, plain), draft);
      if (draft.has_limits) {
        EXPECT_EQ(decode_limits<SharedBytes>(at, shared), draft.limits);
      }
    }
  }
}

TEST(Record, PlainGroupsCostThreeBytesAndTheirName) {
  EXPECT_EQ(encoded_head_bytes(draft_with("group", 0)), 3U + 5);
  EXPECT_EQ(encoded_head_bytes(draft_with("group", 15)), 3U + 5 + 8 + 8 + 24 + 4);
  EXPECT_EQ(encoded_head_bytes(draft_with(std::string(256, 'g'), 0)), 4U + 256);
  EXPECT_LE(encoded_head_bytes(draft_with(std::string(k_name_max_bytes, 'g'), 15)),
            k_record_head_max);
}

TEST(Record, StubsComeBackAndNeedAnAnchor) {
  const Stub stub{0x12345678, 1'000'000'007, 99'999'999'999, 42};
  for (const unsigned extensions : {8U, 15U, 0U}) {
    const RecordDraft draft = draft_with("large", extensions);
    const std::uint32_t bytes = encoded_head_bytes(draft) + k_stub_bytes;
    std::vector<std::uint64_t> words((bytes + k_pad + 7) / 8);
    auto* const at = reinterpret_cast<std::byte*>(words.data());
    encode_stub(encode_head(at, draft, 0, true), stub);
    const RecordHead head = decode_record<PlainBytes>(at, bytes);
    ASSERT_EQ(head.broken, extensions == 0) << "a stub without an anchor owns nothing";
    if (head.broken) continue;
    EXPECT_TRUE(head.is_stub());
    for (const Stub& got : {decode_stub<PlainBytes>(at + head.body_at),
                            decode_stub<SharedBytes>(at + head.body_at)}) {
      EXPECT_EQ(got.root, stub.root);
      EXPECT_EQ(got.fields, stub.fields);
      EXPECT_EQ(got.bytes, stub.bytes);
      EXPECT_EQ(got.due_ms, stub.due_ms);
    }
    EXPECT_TRUE(decode_record<PlainBytes>(at, bytes - 1).broken);
    EXPECT_TRUE(decode_record<PlainBytes>(at, bytes + 1).broken);
  }
}

TEST(Record, CutShortItIsBrokenOrItsBodyIs) {
  const RecordDraft draft = draft_with("a group", 15);
  const std::uint32_t head_bytes = encoded_head_bytes(draft);
  std::vector<std::byte> whole(head_bytes + 20 + k_pad);
  encode_head(whole.data(), draft, 1, false);
  for (std::uint32_t cut = 0; cut < head_bytes; ++cut) {
    const auto exact = std::make_unique<std::byte[]>(cut + k_pad);
    std::memcpy(exact.get(), whole.data(), cut);
    EXPECT_TRUE(decode_record<PlainBytes>(exact.get(), cut).broken) << cut;
  }
}

TEST(Record, GarbageLeadsNowhereOutside) {
  base::Random random(2);
  for (int round = 0; round < 100'000; ++round) {
    const std::uint32_t bytes = random.below(random.below(4) == 0 ? 1500 : 80);
    const auto exact = std::make_unique<std::byte[]>(bytes + k_pad);
    for (std::uint32_t i = 0; i < bytes + k_pad; ++i)
      exact[i] = static_cast<std::byte>(random.next());
    const RecordHead head = decode_record<PlainBytes>(exact.get(), bytes);
    if (head.broken) continue;
    ASSERT_EQ(head.bytes, bytes);
    ASSERT_LE(head.name_at + head.name_bytes, head.body_at);
    ASSERT_LE(head.body_at, bytes);
    for (const std::uint32_t at : {head.ttl_at, head.idle_at}) {
      ASSERT_TRUE(at == 0 || at + 8 <= head.name_at);
    }
    ASSERT_TRUE(head.limits_at == 0 || head.limits_at + 24 <= head.name_at);
    ASSERT_TRUE(head.anchor_at == 0 || head.anchor_at + 4 <= head.name_at);
    static_cast<void>(draft_of(exact.get(), head));
    if (head.is_stub()) {
      ASSERT_EQ(head.body_bytes(), k_stub_bytes);
      continue;
    }
    const RecordFields<PlainBytes> fields(exact.get(), head);
    for (std::uint32_t i = 0; i < fields.count(); ++i) {
      const auto item = fields.item(i);
      ASSERT_GE(item.at, exact.get() + head.body_at);
      ASSERT_LE(item.at + item.bytes, exact.get() + bytes);
      static_cast<void>(fields.find_tag(7, i));
      if (item.bytes == 0) continue;
      const EntryHead e = decode_entry<PlainBytes>(item.at, item.bytes, 0);
      if (!e.broken) {
        ASSERT_LE(item.at + e.value_at + e.inline_bytes, exact.get() + bytes);
      }
    }
  }
}

}  // namespace
}  // namespace ullage::engine
