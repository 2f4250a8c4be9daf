// A glance answers what the full look answers, or that it is unsure; and it is sure of what it is
// made for.
#include "engine/glance.h"

#include "base/random.h"
#include "engine/core_testing.h"
#include "engine/value_into.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

struct House {
  std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
  Cache cache = [this] {
    Options options;
    options.memory_limit = k_memory_limit_min_bytes;
    options.maintenance = Maintenance::manual;
    options.clock = clock;
    options.random_seed = 7;
    return Cache::open(std::move(options)).value();
  }();
  CacheCore& core = core_of(cache);

  Glance::Saw glance(std::string_view group, std::string_view field, std::string* value = nullptr) {
    const Names names = core.state.names(group, field);
    Reader::Pending read(core.state);
    core.reader.begin(names, read);
    Reader::go_on(names, read);
    if (read.saw == Glance::Saw::found) read.saw = read.glance.field(names);
    if (read.saw == Glance::Saw::found && value != nullptr) {
      value->resize(read.glance.value_bytes());
      base::copy_out(value->data(), read.glance.value(), value->size());
    }
    return read.saw;
  }
  std::optional<Value> look(std::string_view group, std::string_view field) {
    std::optional<Value> value;
    ValueInto sink(value);
    if (!core.reader.read_in_full(core.state.names(group, field), sink, false).hit) value.reset();
    return value;
  }
};

TEST(Glance, AgreesWithTheFullLookForNamesAndValuesOfEveryLength) {
  House house;
  std::vector<std::size_t> lengths;
  for (std::size_t n = 0; n <= 40; ++n)
    lengths.push_back(n);
  for (const std::size_t n : {62U, 63U, 64U, 255U, 256U, 300U, 1024U})
    lengths.push_back(n);
  std::size_t sure = 0;
  for (const std::size_t group_bytes : lengths) {
    const std::string group(group_bytes, 'g');
    for (const std::size_t field_bytes : lengths) {
      // One to three fields a group: more of such lengths would make it a large one.
      for (int others = 0; others < 3; ++others) {
        if (others > 0)
          house.cache.set(group, std::string(3, static_cast<char>('a' + others)), "x").value();
        const std::string value(field_bytes * 7 % 90, 'v');
        house.cache.set(group, std::string(field_bytes, 'f'), value).value();
        for (const char letter : {'f', 'x'}) {
          const std::string field(field_bytes, letter);
          const auto want = house.look(group, field);
          std::string got;
          const auto saw = house.glance(group, field, &got);
          if (saw == Glance::Saw::unsure) continue;
          ++sure;
          ASSERT_EQ(saw == Glance::Saw::found, want.has_value())
              << group_bytes << ' ' << field_bytes;
          if (want) {
            ASSERT_EQ(want->view(), got) << group_bytes << ' ' << field_bytes;
          }
        }
      }
      house.cache.erase_group(group);
    }
  }
  EXPECT_GE(sure, 41 * 41 * 3 * 2U) << "all of the usual lengths";
}

TEST(Glance, IsSureOfSmallGroupsWithPlainValues) {
  House house;
  for (const std::uint64_t fields : {1U, 2U, 7U, 8U, 9U, 15U}) {
    const std::string group = "group" + std::to_string(fields);
    for (std::uint64_t f = 0; f < fields; ++f)
      house.cache.set(group, "field" + std::to_string(f), "value" + std::to_string(f)).value();
    for (std::uint64_t f = 0; f < fields; ++f) {
      std::string value;
      EXPECT_EQ(house.glance(group, "field" + std::to_string(f), &value), Glance::Saw::found);
      EXPECT_EQ(value, "value" + std::to_string(f));
    }
    EXPECT_EQ(house.glance(group, "field99"), Glance::Saw::absent);
  }
  EXPECT_EQ(house.glance("nobody", "field0"), Glance::Saw::absent);
}

TEST(Glance, NeverSeesAnExpiredField) {
  House house;
  house.cache.set("g", "brief", "1", {.ttl = Millis(10)}).value();
  house.cache.set("g", "long", "2", {.ttl = Millis(1000)}).value();
  EXPECT_EQ(house.glance("g", "brief"), Glance::Saw::found);
  house.clock->advance(Millis(10));
  EXPECT_EQ(house.glance("g", "brief"), Glance::Saw::absent);
  EXPECT_EQ(house.glance("g", "long"), Glance::Saw::found);
}

TEST(Glance, LeavesWhatIsMoreThanThatToTheFullLook) {
  House house;
  house.cache.set("own time", "f", "1").value();
  house.cache.expire_group("own time", Millis(1000)).value();
  EXPECT_EQ(house.glance("own time", "f"), Glance::Saw::unsure);

  house.cache.set("own limits", "f", "1").value();
  house.cache.set_group_limits("own limits", GroupLimits{.max_fields = 3}).value();
  EXPECT_EQ(house.glance("own limits", "f"), Glance::Saw::unsure);

  house.cache.set("pieces", "f", std::string(5000, 'p')).value();
  EXPECT_EQ(house.glance("pieces", "f"), Glance::Saw::unsure);
  EXPECT_EQ(house.look("pieces", "f")->size(), 5000U);

  for (int f = 0; f < 200; ++f)
    house.cache.set("large", "field" + std::to_string(f), std::string(30, 'l')).value();
  EXPECT_EQ(house.glance("large", "field7"), Glance::Saw::unsure);
  EXPECT_EQ(house.look("large", "field7")->size(), 30U);
}

TEST(Glance, OverGarbageStaysInThePage) {
  // What a reader may meet when a page is freed and written anew under it: any bytes at all.
  House house;
  const State& state = house.core.state;
  house.cache.set("group", "field", std::string(300, 'v')).value();
  const Names names = state.names("group", "field");
  const Ref ref = state.shard_of(names.group_hash)
                      .refs[leading_bits(state.in_shard(names.group_hash), 0, k_shard_node_bits)];
  std::byte* const page = state.page(ref);
  const std::vector<std::byte> kept(page, page + load_header(page).used);
  base::Random random(11);
  std::size_t begun = 0;
  std::size_t found = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::memcpy(page, kept.data(), kept.size());
    // A few bytes of a true page, so that most of the way is walked; the head more often.
    const std::uint32_t changes = 1 + random.below(6);
    for (std::uint32_t i = 0; i < changes; ++i) {
      const std::size_t end = random.below(2) == 0 ? 48 : kept.size();
      page[random.below(static_cast<std::uint32_t>(end))] =
          static_cast<std::byte>(random.below(256));
    }
    Reader::Pending read(state);
    house.core.reader.begin(names, read);
    if (read.saw == Glance::Saw::begun) ++begun;
    Reader::go_on(names, read);
    if (read.saw == Glance::Saw::found) read.saw = read.glance.field(names);
    if (read.saw != Glance::Saw::found) continue;
    ++found;
    ASSERT_GE(read.glance.value(), page);
    ASSERT_LE(read.glance.value() + read.glance.value_bytes(), page + arena::k_page_max_bytes);
    ASSERT_LE(read.glance.rank_at() + sizeof(policy::Rank), page + arena::k_page_max_bytes);
  }
  std::memcpy(page, kept.data(), kept.size());
  EXPECT_GT(begun, 1000U);
  EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace ullage::engine
