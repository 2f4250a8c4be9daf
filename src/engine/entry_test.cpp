// One entry's bytes: every form comes back as it was written, and no bytes whatever make the
// decoder read outside them.
#include "engine/entry.h"

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

// What lies behind any entry in a page or an image: the decoder reads its head as one word.
constexpr std::size_t k_pad = 8;

/// An entry's bytes with the promised pad behind them and nothing more.
class Exact {
 public:
  explicit Exact(std::uint32_t bytes)
      : bytes_(bytes), words_((bytes + k_pad + 7) / 8), memory_(new std::uint64_t[words_]()) {}
  [[nodiscard]] std::byte* at() const { return reinterpret_cast<std::byte*>(memory_.get()); }
  [[nodiscard]] std::uint32_t bytes() const { return bytes_; }

 private:
  std::uint32_t bytes_;
  std::size_t words_;
  std::unique_ptr<std::uint64_t[]> memory_;
};

std::string_view view_of(const std::byte* at, std::size_t n) {
  return {reinterpret_cast<const char*>(at), n};
}

constexpr std::int64_t k_base = 1'700'000'000'000;

/// Writes, checks the promised length, reads back with both kinds of bytes.
void round_trip(const EntryDraft& draft, std::int64_t base_ms) {
  const std::uint32_t bytes = encoded_bytes(draft, base_ms);
  const Exact exact(bytes);
  std::memset(exact.at() + bytes, 0xee, k_pad);
  encode_entry(exact.at(), draft, base_ms);
  for (std::size_t i = 0; i < k_pad; ++i)
    ASSERT_EQ(exact.at()[bytes + i], std::byte{0xee}) << "written beyond the promised length";
  const auto check = [&](const EntryHead& e) {
    ASSERT_FALSE(e.broken);
    EXPECT_EQ(view_of(exact.at() + e.field_at, e.field_bytes), draft.field);
    EXPECT_EQ(view_of(exact.at() + e.value_at, e.inline_bytes), draft.value);
    EXPECT_EQ(e.deadline_ms, draft.deadline_ms);
    EXPECT_EQ(e.pieces, draft.pieces);
    if (e.timed) {
      EXPECT_TRUE(form_of(draft, base_ms).timed);
    }
  };
  check(decode_entry<PlainBytes>(exact.at(), bytes, base_ms));
  check(decode_entry<SharedBytes>(exact.at(), bytes, base_ms));
}

TEST(Entry, EveryFormComesBack) {
  const std::string name(k_name_max_bytes, 'n');
  const std::string value(600, 'v');
  const std::string link(k_piece_link_bytes, 'p');
  const std::int64_t deadlines[] = {k_never_ms,
                                    k_base,
                                    k_base + 1,
                                    k_base + 0x7fffff,
                                    k_base + 0x800000,  // too far for 23 bits
                                    k_base + 0x3fffffff,
                                    k_base + 0x40000000,  // too far for 31
                                    k_base - 1,           // before the base
                                    k_base - 0x40000000,
                                    k_base - 0x40000001,
                                    1,
                                    k_ttl_max_ms + k_base};
  for (const std::size_t field : {0U, 1U, 62U, 63U, 64U, 65U, 255U, 256U, 1023U, 1024U}) {
    for (const std::int64_t deadline : deadlines) {
      for (const std::size_t bytes : {0U, 1U, 7U, 8U, 9U, 576U}) {
        SCOPED_TRACE(std::to_string(field) + " " + std::to_string(deadline) + " " +
                     std::to_string(bytes));
        round_trip({std::string_view(name).substr(0, field),
                    std::string_view(value).substr(0, bytes), deadline, false},
                   k_base);
      }
      round_trip({std::string_view(name).substr(0, field), link, deadline, true}, k_base);
    }
  }
}

TEST(Entry, ShortFormsCostWhatTheHeaderSays) {
  EXPECT_EQ(encoded_bytes({"field", "value", k_never_ms, false}, k_base), 1U + 10);
  EXPECT_EQ(encoded_bytes({"field", "value", k_base + 5, false}, k_base), 1U + 3 + 10);
  EXPECT_EQ(encoded_bytes({"field", "value", k_base - 5, false}, k_base), 1U + 4 + 10);
  EXPECT_EQ(encoded_bytes({"field", "value", k_base + 0x40000000, false}, k_base), 2U + 8 + 10);
  const std::string longer(64, 'f');
  EXPECT_EQ(encoded_bytes({longer, "value", k_never_ms, false}, k_base), 2U + 69);
  EXPECT_EQ(encoded_bytes({"field", "12345678", k_never_ms, true}, k_base), 2U + 13);
}

TEST(Entry, TheBaseOfAnotherPageMovesDeadlinesAsItSays) {
  // Why a timed entry must not be copied under another base: the same bytes say another moment.
  const EntryDraft draft{"f", "v", k_base + 1000, false};
  const Exact exact(encoded_bytes(draft, k_base));
  encode_entry(exact.at(), draft, k_base);
  EXPECT_EQ(decode_entry<PlainBytes>(exact.at(), exact.bytes(), k_base + 7).deadline_ms,
            k_base + 1007);
}

TEST(Entry, FarDeadlinesDoNotDependOnTheBase) {
  const EntryDraft draft{"f", "v", k_base - 0x80000000LL, false};
  const Exact exact(encoded_bytes(draft, k_base));
  encode_entry(exact.at(), draft, k_base);
  const EntryHead e = decode_entry<PlainBytes>(exact.at(), exact.bytes(), 42);
  EXPECT_EQ(e.deadline_ms, k_base - 0x80000000LL);
  EXPECT_FALSE(e.timed);
}

TEST(Entry, LinksComeBack) {
  const Exact exact(k_piece_link_bytes);
  encode_link(exact.at(), {0x89abcdef, 0x01234567});
  for (const PieceLink link :
       {decode_link<PlainBytes>(exact.at()), decode_link<SharedBytes>(exact.at())}) {
    EXPECT_EQ(link.first, 0x89abcdefU);
    EXPECT_EQ(link.bytes, 0x01234567U);
  }
}

TEST(Entry, CutShortItIsBrokenOrShorter) {
  const std::string field(100, 'f');
  for (const std::int64_t deadline : {k_never_ms, k_base + 5, k_base - 5}) {
    for (const bool pieces : {false, true}) {
      const EntryDraft draft{field, "12345678", deadline, pieces};
      const std::uint32_t whole = encoded_bytes(draft, k_base);
      std::vector<std::byte> bytes(whole + k_pad);
      encode_entry(bytes.data(), draft, k_base);
      for (std::uint32_t cut = 0; cut < whole; ++cut) {
        const Exact exact(cut);
        std::memcpy(exact.at(), bytes.data(), cut);
        const EntryHead e = decode_entry<PlainBytes>(exact.at(), cut, k_base);
        const bool whole_field = cut + 8 >= whole;
        EXPECT_EQ(e.broken, pieces || !whole_field) << cut << " of " << whole;
      }
    }
  }
}

TEST(Entry, GarbageIsNeverReadBeyondItsEnd) {
  base::Random random(1);
  for (int round = 0; round < 200'000; ++round) {
    const std::uint32_t bytes = random.below(random.below(8) == 0 ? 2000 : 24);
    const Exact exact(bytes);
    for (std::uint32_t i = 0; i < bytes + k_pad; ++i)
      exact.at()[i] = static_cast<std::byte>(random.next());
    for (const EntryHead& e : {decode_entry<PlainBytes>(exact.at(), bytes, k_base),
                               decode_entry<SharedBytes>(exact.at(), bytes, k_base)}) {
      if (e.broken) continue;
      ASSERT_LE(e.field_at + e.field_bytes, bytes);
      ASSERT_EQ(e.field_at + e.field_bytes, e.value_at);
      ASSERT_EQ(e.value_at + e.inline_bytes, bytes);
      if (e.pieces) {
        ASSERT_EQ(e.inline_bytes, k_piece_link_bytes);
      }
    }
  }
}

TEST(Entry, TheReservedFlagIsBrokenToday) {
  const EntryDraft draft{std::string_view("field"), "12345678", k_never_ms, true};
  const Exact exact(encoded_bytes(draft, k_base));
  encode_entry(exact.at(), draft, k_base);
  exact.at()[0] |= static_cast<std::byte>(detail::k_flag_shared >> 8);
  EXPECT_TRUE(decode_entry<PlainBytes>(exact.at(), exact.bytes(), k_base).broken);
}

}  // namespace
}  // namespace ullage::engine
