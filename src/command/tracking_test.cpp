// The table of who has read what, against a plain one: told once, told all, and every byte back.
#include "command/tracking.h"

#include "command/house_testing.h"
#include "command/random_source.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

class Hearer final : public Client {
 public:
  explicit Hearer(std::uint64_t id) : Client(id, "", "", 0) { protocol = 3; }
  void close() noexcept override {}
  void push(std::shared_ptr<const std::string> bytes) override { heard.push_back(*bytes); }

  std::vector<std::string> heard;
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : source_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return source_() % bound; }

 private:
  RandomSource source_;
};

std::string told(const std::vector<std::string_view>& names) {
  std::string text = ">2\r\n$10\r\ninvalidate\r\n*" + std::to_string(names.size()) + "\r\n";
  for (const std::string_view name : names)
    text += "$" + std::to_string(name.size()) + "\r\n" + std::string(name) + "\r\n";
  return text;
}

class TrackingTable : public ::testing::Test {
 protected:
  std::shared_ptr<Hearer> follower(TrackingOptions options = {}) {
    auto client = std::make_shared<Hearer>(++last_id_);
    clients_.add(client);
    EXPECT_TRUE(tracking_.begin(client, std::move(options)));
    return client;
  }

  Clients clients_;
  Tracking tracking_{64 * 1024, clients_};
  std::uint64_t last_id_ = 0;
};

TEST_F(TrackingTable, EveryByteComesBack) {
  Random random(3);
  std::vector<std::shared_ptr<Hearer>> clients;
  for (int i = 0; i < 8; ++i)
    clients.push_back(follower({.fields = i % 2 == 0}));
  const std::size_t idle_bytes = tracking_.used_bytes();
  for (int round = 0; round < 20'000; ++round) {
    const std::string key = "key:" + std::to_string(random.below(300));
    std::vector<std::string> names;
    for (std::uint64_t n = random.below(4); n != 0; --n)
      names.push_back("field:" + std::to_string(random.below(5)));
    const std::vector<std::string_view> fields(names.begin(), names.end());
    const auto& client = clients[random.below(clients.size())];
    if (random.below(3) != 0) {
      tracking_.remember(client->id(), key, fields);
    } else {
      tracking_.changed(key, fields, client->id());
    }
    ASSERT_LE(tracking_.used_bytes(), 64U * 1024);
  }
  EXPECT_GT(tracking_.used_bytes(), idle_bytes);
  tracking_.everything_changed();
  EXPECT_EQ(tracking_.used_bytes(), idle_bytes);
  EXPECT_EQ(tracking_.totals().keys, 0U);
  for (const auto& client : clients)
    tracking_.end(client->id());
  EXPECT_EQ(tracking_.used_bytes(), 0U);
}

TEST_F(TrackingTable, WhatIsRememberedIsToldAndNothingElse) {
  Random random(5);
  const auto client = follower({.fields = true});
  std::map<std::string, std::set<std::string>> model;  // "" among the fields: the whole key
  for (int round = 0; round < 5'000; ++round) {
    const std::string key = "k" + std::to_string(random.below(10));
    const std::string name = "f" + std::to_string(random.below(4));
    const std::string_view field = name;
    const bool whole = random.below(3) == 0;
    const Tracking::Fields fields = whole ? Tracking::Fields() : Tracking::Fields(&field, 1);
    if (random.below(2) == 0) {
      tracking_.remember(client->id(), key, fields);
      model[key].insert(whole ? "" : name);
      continue;
    }
    client->heard.clear();
    tracking_.changed(key, fields, 0);
    auto& known = model[key];
    std::vector<std::string> expected;
    if (whole) {
      if (!known.empty()) expected = {told({key})};
      known.clear();
    } else {
      if (known.contains("") || known.contains(name))
        expected = {known.contains("") ? told({key}) : told({key, field})};
      known.erase("");
      known.erase(name);
    }
    ASSERT_EQ(client->heard, expected) << "round " << round;
  }
}

TEST_F(TrackingTable, WhatMakesRoomIsTold) {
  const auto client = follower();
  std::set<std::string> remembered;
  for (int i = 0; i < 2'000; ++i) {
    const std::string key = "key:" + std::to_string(i);
    tracking_.remember(client->id(), key, {});
    remembered.insert(told({key}));
  }
  EXPECT_GT(client->heard.size(), 1'000U);
  for (const std::string& one : client->heard)
    EXPECT_EQ(remembered.erase(one), 1U) << one;
  EXPECT_EQ(remembered.size(), tracking_.totals().keys);
}

TEST_F(TrackingTable, WhatIsLargerThanTheTableCountsAsChangedAtOnce) {
  const auto client = follower({.fields = true});
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i)
    names.push_back(std::string(1'000, 'x') + std::to_string(i));
  const std::vector<std::string_view> fields(names.begin(), names.end());
  tracking_.remember(client->id(), "key", fields);
  EXPECT_EQ(client->heard, std::vector{told({"key"})});
  EXPECT_EQ(tracking_.totals().keys, 0U);
}

TEST_F(TrackingTable, VeryManyFieldsAreTheWholeKey) {
  const auto client = follower({.fields = true});
  std::vector<std::string> names;
  for (int i = 0; i < 1'000; ++i)
    names.push_back("field:" + std::to_string(i));
  const std::vector<std::string_view> fields(names.begin(), names.end());
  tracking_.remember(client->id(), "key", fields);
  const std::string_view another = "another";
  tracking_.changed("key", {&another, 1}, 0);
  EXPECT_EQ(client->heard, std::vector{told({"key"})});
}

TEST_F(TrackingTable, PrefixesThatDoNotFitAreRefused) {
  TrackingOptions options{.broadcast = true};
  options.prefixes.emplace_back(100'000, 'x');
  const auto client = std::make_shared<Hearer>(1);
  EXPECT_FALSE(tracking_.begin(client, std::move(options)));
  EXPECT_FALSE(tracking_.is_on());
  EXPECT_EQ(tracking_.used_bytes(), 0U);
}

TEST_F(TrackingTable, ManyPrefixesAreFoundFromTheKey) {
  TrackingOptions options{.broadcast = true};
  for (int i = 0; i < 50; ++i)
    options.prefixes.push_back("p" + std::to_string(i) + ":");
  const auto client = follower(std::move(options));
  client->set_user(Acl(Table()).find("default"));
  tracking_.changed("p7:x", {}, 0);
  tracking_.changed("q7:x", {}, 0);
  tracking_.changed("p7", {}, 0);
  EXPECT_EQ(client->heard, std::vector{told({"p7:x"})});
}

// A reader that notes before it reads, and a writer that writes before he tells: whatever the
// reader has, he is told when it is not so any more.
TEST(Tracking, AReaderIsNeverLeftWithWhatHasChanged) {
  House house;
  auto hearer = std::make_shared<Hearer>(7);
  house.clients.add(hearer);
  Session reader;
  reader.client = hearer;
  ask_line(house.dispatcher, reader, "CLIENT TRACKING ON", resp::Protocol::resp3);
  house.ask("SET k 0");
  std::thread writer([&] {
    for (int i = 1; i <= 2'000; ++i)
      house.ask("SET k " + std::to_string(i));
  });
  std::string last;
  for (int i = 0; i < 2'000; ++i)
    last = ask_line(house.dispatcher, reader, "GET k", resp::Protocol::resp2);
  writer.join();
  const std::size_t told_before = hearer->heard.size();
  if (last != "$4\r\n2000\r\n") {
    EXPECT_GT(told_before, 0U);
    EXPECT_EQ(house.tracking.totals().keys, 0U) << "told of the change after the last read";
  }
}

}  // namespace
}  // namespace ullage::command
