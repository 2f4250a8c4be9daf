// What flights remember lies outside the arena: it is bounded in number and in bytes.
#include "engine/loader.h"

#include "engine/core.h"
#include "engine/engine_testing.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::engine {
namespace {

Names names_of(std::string_view field) {
  return {"group", field, 0, 0};
}

std::size_t remembered_of(Flights& flights, const std::vector<std::string>& fields) {
  std::size_t count = 0;
  for (const std::string& field : fields)
    count += flights.remembered(names_of(field)).has_value() ? 1 : 0;
  return count;
}

TEST(Memories, AreBoundedInBytes) {
  Yard yard(1);
  Flights flights(yard.state, 1000, 8192);
  const Flights::Flight flight;
  std::vector<std::string> fields;
  for (int i = 0; i < 100; ++i)
    fields.push_back(std::string(1000, 'f') + std::to_string(i));
  for (const std::string& field : fields)
    flights.remember(names_of(field), flight, Loaded::Kind::none, {}, Millis(1000));
  const std::size_t count = remembered_of(flights, fields);
  EXPECT_GE(count, 4U);
  EXPECT_LE(count, 8U);
}

TEST(Memories, OfLongMessagesKeepTheBeginning) {
  Yard yard(1);
  Flights flights(yard.state, 1000, 8192);
  const Flights::Flight flight;
  flights.remember(names_of("f"), flight, Loaded::Kind::failure, std::string(1'000'000, 'm'),
                   Millis(1000));
  const auto known = flights.remembered(names_of("f"));
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(Loaded::Kind::failure, known->kind);
  EXPECT_GE(known->message.size(), 100U);
  EXPECT_LE(known->message.size(), 1000U);
}

TEST(Memories, EndGoWithTheirGroupAndAreNotMadeOfWhatWasOvertaken) {
  Yard yard(1);
  Flights flights(yard.state, 10, 8192);
  Flights::Flight flight;
  flights.remember(names_of("a"), flight, Loaded::Kind::none, {}, Millis(10));
  flights.remember(names_of("b"), flight, Loaded::Kind::none, {}, Millis(1000));
  yard.clock->advance(Millis(10));
  EXPECT_FALSE(flights.remembered(names_of("a")).has_value());
  EXPECT_TRUE(flights.remembered(names_of("b")).has_value());
  flights.group_changed("other");
  EXPECT_TRUE(flights.remembered(names_of("b")).has_value());
  flights.group_changed("group");
  EXPECT_FALSE(flights.remembered(names_of("b")).has_value());
  flight.overtaken = true;
  flights.remember(names_of("c"), flight, Loaded::Kind::none, {}, Millis(1000));
  EXPECT_FALSE(flights.remembered(names_of("c")).has_value());
}

TEST(Budgets, TheTablesDoNotOverlap) {
  for (const std::size_t limit : {8'400'000UL, 10'000'000UL, 33'333'333UL, 64UL * k_mib}) {
    Options options;
    options.memory_limit = limit;
    options.on_removal = [](const Removal&) {};
    const Budget budget = Budget::of(options);
    EXPECT_GT(budget.ring_bytes, 0U);
    EXPECT_EQ(budget.ring_bytes % 64, 0U) << "the ghosts behind the ring begin a line";
  }
}

}  // namespace
}  // namespace ullage::engine
