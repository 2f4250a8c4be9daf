// What types become as bytes, and that bytes which are none of a type are refused.
#include <ullage/codec.h>
#include <ullage/record.h>

#include "user_id.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage {
namespace {

enum class Colour : std::uint8_t { red = 1, green = 2 };

struct Point {
  std::int32_t x;
  std::int32_t y;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Person {
  std::string name;
  std::vector<std::string> mails;
  std::optional<Point> place;

  static constexpr auto ullage_fields() {
    return std::tuple(field("name", &Person::name), field("mails", &Person::mails),
                      field("place", &Person::place));
  }
  friend bool operator==(const Person&, const Person&) = default;
};

using test::UserId;

template <class T>
std::string bytes_of(const T& value) {
  return std::string(codec_detail::EncodedAs<T>(value).view());
}
template <class T>
void goes_there_and_back(const T& value) {
  const std::string bytes = bytes_of(value);
  const std::optional<T> back = Codec<T>::decode(bytes);
  ASSERT_TRUE(back.has_value()) << testing::PrintToString(bytes);
  EXPECT_EQ(*back, value);
}

TEST(Codecs, GiveBackWhatTheyWereGiven) {
  goes_there_and_back(std::int64_t{-5});
  goes_there_and_back(std::uint8_t{255});
  goes_there_and_back(1.5);
  goes_there_and_back(true);
  goes_there_and_back(Colour::green);
  goes_there_and_back(Point{1, -2});
  goes_there_and_back(std::array<std::uint16_t, 3>{1, 2, 3});
  goes_there_and_back(std::string());
  goes_there_and_back(std::string("a\0b", 3));
  goes_there_and_back(std::string(100'000, 'x'));
  goes_there_and_back(std::vector<std::int32_t>{});
  goes_there_and_back(std::vector<std::int32_t>{1, -1, 7});
  goes_there_and_back(std::vector<bool>{true, false, true});
  goes_there_and_back(std::vector<Colour>{Colour::red, Colour::green});
  goes_there_and_back(std::vector<std::string>{"", "one", std::string(300, 'y')});
  goes_there_and_back(std::vector<std::vector<std::string>>{{}, {"a"}, {"", ""}});
  goes_there_and_back(std::optional<std::string>());
  goes_there_and_back(std::optional<std::string>(""));
  goes_there_and_back(std::optional<std::optional<int>>(std::optional<int>()));
  goes_there_and_back(std::vector<std::optional<int>>{1, std::nullopt, 3});
  goes_there_and_back(UserId{42});
  goes_there_and_back(std::vector<UserId>{{1}, {20}});
  goes_there_and_back(Person{"Ada", {"a@b", ""}, Point{3, 4}});
  goes_there_and_back(std::vector<Person>{{}, {"Bob", {}, std::nullopt}});
}

TEST(Codecs, KeepStringsAndNumbersAsTheirOwnBytes) {
  EXPECT_EQ(bytes_of(std::string("dark")), "dark");
  EXPECT_EQ(bytes_of(std::uint32_t{0x01020304}), "\x04\x03\x02\x01");
  EXPECT_EQ(bytes_of(std::vector<std::uint16_t>{1, 2}), std::string("\x01\0\x02\0", 4));
  EXPECT_EQ(bytes_of(std::vector<std::string>{"a", "bc"}),
            "\x01"
            "a"
            "\x02"
            "bc");
  EXPECT_EQ(bytes_of(std::optional<std::string>("x")), "\x01x");
  EXPECT_EQ(bytes_of(UserId{7}), "7");
}

TEST(Codecs, CopyNoString) {
  const std::string text(1000, 'z');
  EXPECT_EQ(codec_detail::EncodedAs<std::string>(text).view().data(), text.data());
}

TEST(Codecs, RefuseBytesOfOtherTypes) {
  EXPECT_FALSE(Codec<std::int32_t>::decode("abc"));
  EXPECT_FALSE(Codec<std::int32_t>::decode("abcde"));
  EXPECT_FALSE(Codec<bool>::decode("\x02"));
  EXPECT_FALSE(Codec<std::vector<std::int32_t>>::decode("abcde"));
  EXPECT_FALSE(Codec<std::vector<bool>>::decode("\x01\x02"));
  EXPECT_FALSE(
      Codec<std::vector<std::string>>::decode("\x05"
                                              "abc"));
  EXPECT_FALSE(Codec<std::vector<std::string>>::decode("\xff"));
  EXPECT_FALSE(Codec<std::optional<std::string>>::decode(""));
  EXPECT_FALSE(Codec<std::optional<std::string>>::decode("\x02"));
  EXPECT_FALSE(Codec<std::optional<std::string>>::decode(std::string_view("\0x", 2)));
  EXPECT_FALSE(Codec<std::optional<int>>::decode("\x01"));
  EXPECT_FALSE(Codec<UserId>::decode("x"));
  const std::string person = bytes_of(Person{"Ada", {"m"}, Point{1, 2}});
  for (std::size_t size = 0; size < person.size(); ++size)
    EXPECT_FALSE(Codec<Person>::decode(person.substr(0, size))) << size;
  EXPECT_FALSE(Codec<Person>::decode(person + "x"));
}

// A length that no bytes follow must not be believed, whatever it says.
TEST(Codecs, SurviveAnyBytes) {
  std::minstd_rand random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random() % 4 == 0 ? random() % 256 : random() % 4);
    if (const auto read = Codec<std::vector<Person>>::decode(bytes)) goes_there_and_back(*read);
    (void)Codec<std::vector<std::vector<std::string>>>::decode(bytes);
    (void)Codec<std::optional<Person>>::decode(bytes);
  }
}

// --- what is refused when it is compiled ------------------------------------------------------

struct Name {
  std::string_view text;
};
struct Deep {
  int number;
  struct {
    char letters[3];
    Name name;
  } inner;
};
struct Plain {
  int numbers[4];
  std::array<Point, 2> points;
  std::optional<int> maybe;
  Colour colour;
};
struct PointsBack {
  double weight;
  const Point* point;
};

static_assert(k_holds_view<std::string_view>);
static_assert(k_holds_view<const char*>);
static_assert(k_holds_view<std::span<const int>>);
static_assert(k_holds_view<std::optional<std::string_view>>);
static_assert(k_holds_view<std::vector<std::vector<std::string_view>>>);
static_assert(k_holds_view<std::array<const char*, 2>>);
static_assert(k_holds_view<std::pair<int, std::string_view>>);
static_assert(k_holds_view<Name>);
static_assert(k_holds_view<Deep>);
static_assert(k_holds_view<PointsBack>);
static_assert(k_holds_view<std::reference_wrapper<int>>);
static_assert(!k_holds_view<Plain>);
static_assert(!k_holds_view<Point>);
static_assert(!k_holds_view<std::string>);
static_assert(!k_holds_view<std::array<std::string, 2>>);
static_assert(!Codable<Deep> && !Codable<PointsBack> && !Codable<std::string_view>);
static_assert(!Codable<std::vector<Name>> && !Codable<std::optional<const char*>>);
static_assert(Codable<Plain> && Codable<Person> && Codable<std::vector<std::optional<Person>>>);
static_assert(!Codable<std::unique_ptr<int>>);
static_assert(std::is_same_v<Borrowed<std::string>, std::string_view>);
static_assert(std::is_same_v<Borrowed<std::vector<int>>, std::span<const int>>);
static_assert(std::is_same_v<Borrowed<int>, int>);
static_assert(std::is_same_v<Borrowed<Point>, const Point&>);

}  // namespace
}  // namespace ullage
