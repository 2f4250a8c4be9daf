#include "observe/patterns.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

TEST(Collapsed, TakesOutWhatTellsANameFromItsLikes) {
  const std::pair<std::string, std::string> table[] = {
      {"", ""},
      {"theme", "theme"},
      {"user:42", "user:<n>"},
      {"user42", "user<n>"},
      {"v2beta13", "v<n>beta<n>"},
      {"2024-11-26T10:00", "<n>-<n>-<n>T<n>:<n>"},
      {"session:550e8400-e29b-41d4-a716-446655440000:cart", "session:<uuid>:cart"},
      {"550e8400-e29b-41d4-a716-44665544000", "<hex>-e<n>b-<n>d<n>-a<n>-<n>"},
      {"blob/9f86d081884c7d65", "blob/<hex>"},
      {"deadbeef", "deadbeef"},  // a word: it has no digit
      {"feed", "feed"},
      {"token.eyJhbGciOiJIUzI1NiIsInR5cCI6", "token.<id>"},
      {"a b\tc", "a b<bin>c"},
      {std::string("\0\1x", 3), "<bin>x"},
      {"gr\xc3\xb6\xc3\x9f"
       "e",
       "gr\xc3\xb6\xc3\x9f"
       "e"},
      {"bad\xc3(\xff\xfe)", "bad<bin>(<bin>)"},
      {"surrogate\xed\xa0\x80", "surrogate<bin>"},
  };
  for (const auto& [name, pattern] : table)
    EXPECT_EQ(collapsed(name), pattern) << name;
}

TEST(Collapsed, IsBoundedAndStaysText) {
  const std::string words = collapsed(std::string(100'000, 'w'));
  EXPECT_LE(words.size(), k_collapsed_max_bytes);
  EXPECT_TRUE(words.ends_with("..."));
  std::string umlauts;
  for (int i = 0; i < 1000; ++i)
    umlauts += "\xc3\xb6";
  for (int blanks = 0; blanks < 4; ++blanks) {
    const std::string cut = collapsed(std::string(static_cast<std::size_t>(blanks), ' ') + umlauts);
    EXPECT_LE(cut.size(), k_collapsed_max_bytes);
    EXPECT_EQ(collapsed(cut), cut) << "no character is cut in two";
  }
}

/// The weight of each pattern once all is learned.
std::map<std::string, std::uint64_t> learned(
    const std::vector<std::pair<std::string, std::uint64_t>>& names) {
  Patterns patterns(10'000);
  std::vector<std::pair<Patterns::Id, std::uint64_t>> ids;
  for (const auto& [name, weight] : names)
    ids.emplace_back(patterns.of(name, weight), weight);
  const std::vector<Patterns::Id> stands_for = patterns.settle();
  std::map<std::string, std::uint64_t> weights;
  for (const auto& [id, weight] : ids)
    weights[patterns.text(stands_for[id])] += weight;
  return weights;
}

TEST(Patterns, FewWordsAreToldApart) {
  const auto weights =
      learned({{"user:1:theme", 1}, {"user:2:theme", 2}, {"session:1", 4}, {"", 8}});
  const std::map<std::string, std::uint64_t> want{
      {"user:<n>:theme", 3}, {"session:<n>", 4}, {"\"\"", 8}};
  EXPECT_EQ(weights, want);
}

std::string word(int number) {
  std::string text;
  for (int i = 0; i < 4; ++i, number /= 26)
    text += static_cast<char>('a' + number % 26);
  return text;
}

TEST(Patterns, OfManyWordsTheHeavyOnesStay) {
  std::vector<std::pair<std::string, std::uint64_t>> names;
  for (int i = 0; i < 5000; ++i)
    names.emplace_back("user:" + word(i) + ":" + (i % 2 == 0 ? "theme" : "cart"), 1);
  names.emplace_back("user:heavy:cart", 5000);
  // In any order: whether a word is early or late does not decide whether it is shown.
  for (const bool heavy_first : {true, false}) {
    if (heavy_first) std::swap(names.front(), names.back());
    const auto weights = learned(names);
    std::uint64_t sum = 0;
    for (const auto& [pattern, weight] : weights)
      sum += weight;
    EXPECT_EQ(sum, 10'000U);
    EXPECT_LE(weights.size(), 4U);
    EXPECT_TRUE(weights.contains("user:*:theme"));
    EXPECT_TRUE(weights.contains("user:*:cart"));
    if (heavy_first) {
      EXPECT_EQ(weights.at("user:heavy:cart"), 5000U);
    }
  }
}

TEST(Patterns, AreBounded) {
  constexpr std::size_t k_nodes = 3000;
  Patterns patterns(k_nodes);
  std::uint64_t weight = 0;
  std::vector<Patterns::Id> ids;
  for (int i = 0; i < 300'000; ++i) {
    // Three places of many words each: a tree that would be large.
    const std::string name = word(i % 40'000) + ":" + word(i / 7) + ":" + word(i * 31);
    ids.push_back(patterns.of(name, 1));
    ++weight;
  }
  EXPECT_LE(patterns.size(), k_nodes);
  const auto stands_for = patterns.settle();
  std::map<std::string, std::uint64_t> weights;
  for (const Patterns::Id id : ids)
    ++weights[patterns.text(stands_for[id])];
  std::uint64_t sum = 0;
  for (const auto& [pattern, one] : weights)
    sum += one;
  EXPECT_EQ(sum, weight);
  EXPECT_LT(weights.size(), 2000U);
}

}  // namespace
}  // namespace ullage::observe
