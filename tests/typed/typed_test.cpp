// A cache by types.
#include <ullage/record.h>
#include <ullage/typed.h>

#include "user_id.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage {
namespace {

using namespace std::chrono_literals;
using test::UserId;

enum class Key : std::uint16_t { theme = 1, size = 2, mails = 3 };

struct Typed_ : testing::Test {
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  Cache cache = Cache::open({.memory_limit = k_memory_limit_min_bytes,
                             .maintenance = Maintenance::manual,
                             .clock = clock})
                    .value();
};
using TypedCache = Typed_;

TEST_F(TypedCache, KeepsValuesUnderNamesOfTypes) {
  auto users = typed<std::uint64_t, Key, std::vector<std::string>>(cache);
  EXPECT_EQ(users.set(42, Key::mails, std::vector<std::string>{"a", "b"}).value(),
            SetOutcome::inserted);
  EXPECT_EQ(users.get(42, Key::mails), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(users.get(43, Key::mails), std::nullopt);
  EXPECT_EQ(users.get(42, Key::theme), std::nullopt);
  EXPECT_TRUE(users.contains(42, Key::mails));
  EXPECT_TRUE(users.erase(42, Key::mails));
  EXPECT_FALSE(users.contains(42, Key::mails));
}

TEST_F(TypedCache, IsAskedByViews) {
  auto users = typed<std::string, std::string, std::string>(cache);
  const std::string_view group = "user:42";
  users.set(group, "theme", std::string("dark")).value();
  EXPECT_EQ(users.get("user:42", std::string("theme")), "dark");
  EXPECT_EQ(cache.get("user:42", "theme")->view(), "dark");

  auto routes = typed<std::vector<std::uint16_t>, int, int>(cache);
  const std::uint16_t path[] = {1, 2, 3};
  routes.set(path, 5, 6).value();
  EXPECT_EQ(routes.get(std::vector<std::uint16_t>{1, 2, 3}, 5), 6);
}

TEST_F(TypedCache, SharesNothingWithOtherPrefixes) {
  auto users = typed<int, int, int>(cache, {.group_prefix = "user:"});
  auto carts = typed<int, int, int>(cache, {.group_prefix = "cart:"});
  users.set(1, 1, 10).value();
  carts.set(1, 1, 20).value();
  carts.set(2, 1, 21).value();
  EXPECT_EQ(users.get(1, 1), 10);
  EXPECT_EQ(carts.get(1, 1), 20);
  EXPECT_TRUE(cache.contains_group(std::string("user:\x01\0\0\0", 9)));

  std::map<int, std::uint64_t> groups;
  EXPECT_EQ(carts.for_each_group([&](int group, std::uint64_t fields) { groups[group] = fields; })
                .value(),
            2U);
  EXPECT_EQ(groups, (std::map<int, std::uint64_t>{{1, 1}, {2, 1}}));
  EXPECT_TRUE(carts.erase_group(1));
  EXPECT_FALSE(carts.contains_group(1));
  EXPECT_TRUE(users.contains_group(1));
}

TEST_F(TypedCache, TakesTypesWithACodecOfTheirOwn) {
  auto friends = typed<UserId, UserId, UserId>(cache, {.group_prefix = "user:"});
  friends.set({1}, {20}, {300}).value();
  EXPECT_EQ(cache.get("user:1", "20")->view(), "300");
  EXPECT_EQ(friends.get({1}, {20}), UserId{300});
  EXPECT_EQ(friends.compare_and_set({1}, {20}, {300}, {301}).value(), true);
  EXPECT_EQ(friends.get({1}, {20}), UserId{301});
  EXPECT_EQ(friends.get_many({1}, std::vector<UserId>{{20}, {21}}).value(),
            (std::vector<std::optional<UserId>>{UserId{301}, std::nullopt}));
  cache.set("user:x", "20", "no user of this name").value();
  std::vector<UserId> groups;
  friends.for_each_group([&](UserId id, std::uint64_t) { groups.push_back(id); }).value();
  EXPECT_EQ(groups, std::vector<UserId>{{1}});
}

TEST_F(TypedCache, TellsBytesOfAnotherTypeFromNone) {
  auto numbers = typed<std::string, std::string, std::int64_t>(cache);
  cache.set("g", "short", "abc").value();
  cache.set("g", "long", "abcdefghi").value();
  for (const char* field : {"short", "long"}) {
    EXPECT_EQ(numbers.get("g", field), std::nullopt);
    const Result<std::optional<std::int64_t>> read = numbers.read("g", field);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Errc::bad_encoding);
  }
  EXPECT_EQ(numbers.read("g", "none").value(), std::nullopt);
  auto lists = typed<std::string, std::string, std::vector<std::string>>(cache);
  EXPECT_EQ(lists.read("g", "short").error().code, Errc::bad_encoding);

  // An update changes nothing that it cannot read.
  const Result<SetOutcome> updated = numbers.update(
      "g", "short", [](std::optional<std::int64_t>) { return std::optional<std::int64_t>(1); });
  EXPECT_EQ(updated.error().code, Errc::bad_encoding);
  EXPECT_EQ(cache.get("g", "short")->view(), "abc");
}

TEST_F(TypedCache, LimitsAndFailuresAreTheCaches) {
  auto users = typed<std::string, std::string, std::string>(cache);
  const std::string long_name(k_name_max_bytes + 1, 'n');
  EXPECT_EQ(users.set(long_name, "f", "v").error().code, Errc::name_too_long);
  EXPECT_EQ(users.get(long_name, "f"), std::nullopt);
  EXPECT_EQ(users.set("g", "f", std::string(k_value_default_max_bytes + 1, 'v')).error().code,
            Errc::value_too_long);
}

TEST_F(TypedCache, UpdatesInOneStep) {
  auto counts = typed<int, int, std::uint32_t>(cache);
  const auto more = [](std::optional<std::uint32_t> before) {
    return std::optional<std::uint32_t>(before.value_or(0) + 1);
  };
  EXPECT_EQ(counts.update(1, 1, more).value(), SetOutcome::inserted);
  EXPECT_EQ(counts.update(1, 1, more).value(), SetOutcome::replaced);
  EXPECT_EQ(counts.get(1, 1), 2U);
  EXPECT_EQ(counts.compare_and_set(1, 1, 2, 5).value(), true);
  EXPECT_EQ(counts.compare_and_set(1, 1, 2, 6).value(), false);
  EXPECT_EQ(counts.try_emplace(1, 1, 9).value(), SetOutcome::unchanged);
  EXPECT_EQ(counts.get(1, 1), 5U);
}

TEST_F(TypedCache, TimesToLiveAreTheCaches) {
  auto sessions = typed<int, std::string, std::string>(cache);
  sessions.set(1, "token", "x", {.ttl = 100ms}).value();
  EXPECT_EQ(sessions.ttl(1, "token")->remaining, 100ms);
  EXPECT_TRUE(sessions.expire(1, "token", 50ms).value());
  clock->advance(51ms);
  EXPECT_EQ(sessions.get(1, "token"), std::nullopt);
}

TEST_F(TypedCache, LoadsWhatIsMissingAndWhatCannotBeRead) {
  auto sizes = typed<std::string, std::string, std::uint64_t>(cache);
  int loads = 0;
  const auto load = [&]() -> Result<LoadedAs<std::uint64_t>> {
    ++loads;
    return LoadedAs<std::uint64_t>{.value = 7};
  };
  EXPECT_EQ(sizes.get_or_load("g", "f", load).value(), 7U);
  EXPECT_EQ(sizes.get_or_load("g", "f", load).value(), 7U);
  EXPECT_EQ(loads, 1);
  cache.set("g", "f", "other").value();
  EXPECT_EQ(sizes.get_or_load("g", "f", load).value(), 7U);
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(sizes.get("g", "f"), 7U);

  EXPECT_EQ(sizes.get_or_load("g", "none", [] { return LoadedAs<std::uint64_t>(); }).value(),
            std::nullopt);
  const auto failing = []() -> Result<LoadedAs<std::uint64_t>> {
    return Error{Errc::load_failed, "no database"};
  };
  const auto failed = sizes.get_or_load("g", "failed", failing);
  EXPECT_EQ(failed.error().code, Errc::load_failed);
  EXPECT_NE(failed.error().message.find("no database"), std::string::npos);
}

TEST_F(TypedCache, ReadsManyFields) {
  auto users = typed<int, std::string, std::string>(cache);
  std::vector<std::string> fields;
  for (int i = 0; i < 200; ++i) {
    fields.push_back("field" + std::to_string(i));
    if (i % 3 != 0) users.set(1, fields.back(), "value" + std::to_string(i)).value();
  }
  const std::vector<std::optional<std::string>> values = users.get_many(1, fields).value();
  ASSERT_EQ(values.size(), fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i % 3 == 0) {
      EXPECT_EQ(values[i], std::nullopt);
    } else {
      EXPECT_EQ(values[i], "value" + std::to_string(i));
    }
  }
  fields.resize(k_batch_max + 1);
  EXPECT_EQ(users.get_many(1, fields).error().code, Errc::batch_too_large);
}

TEST_F(TypedCache, WalksEntriesOfItsTypes) {
  auto users = typed<int, std::uint16_t, std::uint32_t>(cache);
  for (std::uint16_t i = 0; i < 50; ++i)
    users.set(1, i, i * 2U).value();
  cache.set(std::string("\x01\0\0\0", 4), "other", "type").value();
  std::map<std::uint16_t, std::uint32_t> seen;
  EXPECT_EQ(
      users.for_each(1, [&](std::uint16_t field, std::uint32_t value) { seen[field] = value; })
          .value(),
      50U);
  EXPECT_EQ(seen.size(), 50U);
  EXPECT_EQ(seen[7], 14U);
  EXPECT_EQ(users.group_size(1), 51U);
}

TEST_F(TypedCache, ReadsWithinVisitorsHoweverDeep) {
  auto users = typed<int, int, std::string>(cache);
  users.set(1, 1, "x").value();
  const auto read = [&](auto&& self, int depth) -> void {
    EXPECT_EQ(users.get(1, 1), "x");
    if (depth == 0) return;
    cache
        .for_each(std::string("\x01\0\0\0", 4),
                  [&](std::string_view, std::string_view) { self(self, depth - 1); })
        .value();
  };
  read(read, static_cast<int>(k_visitor_depth_max));
}

// --- records -----------------------------------------------------------------------------------

struct Settings {
  std::string theme = "light";
  std::uint32_t font_size = 12;
  std::optional<std::string> language;

  static constexpr auto ullage_fields() {
    return std::tuple(field("theme", &Settings::theme), field("font_size", &Settings::font_size),
                      field("language", &Settings::language));
  }
};
using Records = Typed_;

TEST_F(Records, AreGroupsByTheNamesOfTheirMembers) {
  EXPECT_EQ(read_record<Settings>(cache, "user:42").value(), std::nullopt);
  const EditOutcome written =
      write_record(cache, "user:42", Settings{.theme = "dark", .font_size = 14, .language = {}})
          .value();
  EXPECT_EQ(written.inserted, 2U);
  EXPECT_EQ(cache.get("user:42", "theme")->view(), "dark");
  EXPECT_FALSE(cache.contains("user:42", "language"));

  cache.set("user:42", "language", "en").value();
  cache.set("user:42", "unknown", "left alone").value();
  const auto user = read_record<Settings>(cache, "user:42").value();
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->value.theme, "dark");
  EXPECT_EQ(user->value.font_size, 14U);
  EXPECT_EQ(user->value.language, "en");
  EXPECT_TRUE(user->is_complete());

  write_record(cache, "user:42", Settings{}).value();
  EXPECT_FALSE(cache.contains("user:42", "language"));
  EXPECT_TRUE(cache.contains("user:42", "unknown"));
}

TEST_F(Records, SayWhatIsNotThere) {
  write_record(cache, "u", Settings{.theme = "dark", .font_size = 14, .language = "en"}).value();
  cache.erase("u", "font_size");
  const auto user = read_record<Settings>(cache, "u").value();
  ASSERT_TRUE(user.has_value());
  EXPECT_FALSE(user->is_complete());
  EXPECT_EQ(user->present, (std::array{true, false, true}));
  EXPECT_EQ(user->value.font_size, 12U);
}

TEST_F(Records, NameTheFieldThatCannotBeRead) {
  cache.set("u", "font_size", "twelve").value();
  const auto user = read_record<Settings>(cache, "u");
  ASSERT_FALSE(user.has_value());
  EXPECT_EQ(user.error().code, Errc::bad_encoding);
  EXPECT_NE(user.error().message.find("'font_size'"), std::string::npos);
}

TEST_F(Records, AreWrittenInOneStepWithTheirTimes) {
  write_record(cache, "u", Settings{}, {.ttl = 100ms}).value();
  EXPECT_EQ(cache.ttl("u", "theme")->remaining, 100ms);
  const auto refused = write_record(cache, "u", Settings{}, {.ttl = -1ms});
  EXPECT_EQ(refused.error().code, Errc::ttl_out_of_range);
  const std::string long_name(k_name_max_bytes + 1, 'n');
  EXPECT_EQ(write_record(cache, long_name, Settings{}).error().code, Errc::name_too_long);
}

TEST_F(Records, AreValuesToo) {
  auto settings = typed<int, std::string, Settings>(cache);
  settings.set(1, "ui", Settings{.theme = "dark", .font_size = 9, .language = "en"}).value();
  const std::optional<Settings> read = settings.get(1, "ui");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->theme, "dark");
  EXPECT_EQ(read->font_size, 9U);
  EXPECT_EQ(read->language, "en");
}

}  // namespace
}  // namespace ullage
