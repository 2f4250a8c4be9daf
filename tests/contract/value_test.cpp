// Value and Result: what callers hold after the call.
#include "contract.h"

#include <type_traits>

namespace ullage::test {
namespace {

static_assert(Value::k_inline_bytes == 64);
static_assert(std::is_nothrow_move_constructible_v<Value>);
static_assert(std::is_nothrow_move_assignable_v<Value>);
static_assert(std::is_convertible_v<const Value&, std::string_view>);
static_assert(!std::is_convertible_v<Value&&, std::string_view>,
              "a view into a temporary would dangle");
static_assert(!std::is_copy_constructible_v<Cache>);
static_assert(std::is_nothrow_move_constructible_v<Cache>);

constexpr std::size_t k_sizes[] = {0, 1, 63, 64, 65, 100, 5000, 1'000'000};

TEST(Values, CopiesAndMovesKeepTheBytes) {
  for (const std::size_t size : k_sizes) {
    const std::string bytes(size, 'b');
    const Value original(bytes);
    EXPECT_EQ(size, original.size());
    EXPECT_EQ(size == 0, original.empty());
    Value copy(original);
    EXPECT_EQ(original, copy);
    Value moved(std::move(copy));
    EXPECT_EQ(bytes, moved.str());
    for (const std::size_t before : k_sizes) {
      Value assigned(std::string(before, 'a'));
      assigned = original;
      EXPECT_EQ(bytes, assigned.str());
      Value taken(std::string(before, 'a'));
      taken = std::move(assigned);
      EXPECT_EQ(bytes, taken.str());
    }
    const Value& same = moved;
    moved = same;
    EXPECT_EQ(bytes, moved.str());
    EXPECT_EQ(bytes, original.str());
  }
}

TEST(Values, AMovedFromValueIsEmptyAndUsable) {
  for (const std::size_t size : k_sizes) {
    Value from{std::string(size, 'b')};
    const Value to(std::move(from));
    EXPECT_EQ(size, to.size());
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the point
    from = Value("again");
    EXPECT_EQ("again", from.str());
  }
}

TEST(Values, SmallOnesLieInside) {
  const Value small(std::string(64, 's'));
  const auto* begin = reinterpret_cast<const char*>(&small);
  EXPECT_GE(small.data(), begin);
  EXPECT_LT(small.data(), begin + sizeof small);
  const Value large(std::string(65, 'l'));
  begin = reinterpret_cast<const char*>(&large);
  EXPECT_TRUE(large.data() < begin || large.data() >= begin + sizeof large);
}

TEST(Values, AnInsidesCopyIsItsOwn) {
  Value first("first");
  const Value second(first);
  std::memcpy(first.resize_for_overwrite(5), "other", 5);
  EXPECT_EQ("other", first.str());
  EXPECT_EQ("first", second.str());
}

TEST(Values, CompareWithText) {
  const Value value("text");
  EXPECT_TRUE(value == "text");
  EXPECT_TRUE(value != std::string_view("texts"));
  EXPECT_TRUE(Value(std::string(100, 'x')) == std::string(100, 'x'));
  const std::string_view view = value;
  EXPECT_EQ("text", view);
}

TEST(Values, ResizeForOverwriteGivesThatMuchRoom) {
  Value value("x");
  for (const std::size_t size : {10UL, 200UL, 64UL, 65UL, 5000UL, 0UL, 300UL}) {
    char* room = value.resize_for_overwrite(size);
    std::memset(room, 'r', size);
    EXPECT_EQ(std::string(size, 'r'), value.str());
  }
}

class HeldValues : public Contract {};
ULLAGE_EVERY_SETTING(HeldValues);

TEST_P(HeldValues, OutliveTheirEntryAndTheCache) {
  std::vector<Value> held;
  {
    Cache cache = Cache::open(options()).value();
    for (const std::size_t size : {20UL, 64UL, 65UL, 3000UL, 200'000UL}) {
      put(cache, "g", "f", sealed(size, size));
      held.push_back(*cache.get("g", "f"));
      put(cache, "g", "f", "replaced");
    }
    cache.clear();
    settle(cache);
  }
  for (const Value& value : held)
    EXPECT_EQ(value.size(), unseal(value.view()));
}

TEST_P(HeldValues, PinNothing) {
  Cache& cache = open();
  settle(cache);
  const std::uint64_t before = cache.stats().live_page_bytes;
  put(cache, "g", "f", sealed(1, 1_MiB));
  const std::optional<Value> held = cache.get("g", "f");
  EXPECT_TRUE(cache.erase("g", "f"));
  EXPECT_TRUE(eventually(cache, [&] { return cache.stats().live_page_bytes <= before + 16_KiB; }));
  EXPECT_EQ(1U, unseal(held->view()));
}

TEST(Results, HoldOneOrTheOther) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(7, *good);
  EXPECT_EQ(7, good.value_or(9));
  const Result<int> bad = Error{Errc::busy, "too many"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(9, bad.value_or(9));
  EXPECT_EQ(Errc::busy, bad.error().code);
  EXPECT_EQ("too many", bad.error().message);
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(Error{Errc::system, "no"}));
}

TEST(ResultsDeathTest, TheWrongSideEndsTheProcess) {
  const Result<int> bad = Error{Errc::busy, "too many loads"};
  EXPECT_DEATH(static_cast<void>(bad.value()), "too many loads");
  const Result<int> good = 7;
  EXPECT_DEATH(static_cast<void>(good.error()), "of a value");
}

}  // namespace
}  // namespace ullage::test
