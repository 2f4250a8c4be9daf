// Tenants: users whose key patterns are their boundary. Every row of the table is tried as one
// tenant while another one's data is there: nothing of it is seen, and nothing of it changes.
#include "command/house_testing.h"
#include "command/pubsub.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

constexpr std::string_view k_mark = "SECRET";

/// What tenant b has. Names that b's neighbour may guess, with what he must not learn.
const std::vector<std::string> k_data_of_b = {
    "hset b:hash SECRETFIELD SECRETVALUE counter 1",
    "hset b:SECRETHASH f v",
    "set b:string SECRETVALUE",
    "set b:number 7",
    "hset b:timed SECRETFIELD v",
    "expire b:timed 1000",
};

std::string picture_of_b(House& house) {
  std::string all;
  for (const char* line :
       {"hgetall b:hash", "hgetall b:SECRETHASH", "get b:string", "get b:number", "hgetall b:timed",
        "ttl b:timed", "ttl b:hash", "ttl b:string", "exists b:new b:other"})
    all += house.ask(line);
  return all;
}

class Tenants : public testing::Test {
 protected:
  Tenants() {
    for (const std::string& line : k_data_of_b)
      house.ask(line);
    house.ask("hset a:hash f v");
    house.ask("set a:string 5");
    EXPECT_EQ(house.ask("acl setuser a on nopass ~a:* &a:* +@all"), "+OK\r\n");
    before = picture_of_b(house);
  }

  void be(std::string_view user) {
    house.session.reset();
    EXPECT_EQ(house.ask("auth " + std::string(user) + " x"), "+OK\r\n");
  }

  /// Runs the command with arguments of many kinds.
  void try_row(const std::string& name, const Row& row, std::size_t words) {
    static const std::vector<std::string> pool = {
        "b:hash", "b:string", "b:number", "b:timed",    "b:new",   "a:hash", "a:string",  "a:new",
        "*",      "b:*",      "0",        "1",          "-1",      "5",      "100",       "f",
        "FIELDS", "MATCH",    "COUNT",    "WITHVALUES", "REPLACE", "NX",     "XX",        "GET",
        "EX",     "ID",       "TYPE",     "on",         "a",       "b",      "default",   "@all",
        "RESET",  "ASYNC",    "DB",       "hash",       "string",  "all",    "everything"};
    const std::size_t least = static_cast<std::size_t>(row.arity < 0 ? -row.arity : row.arity);
    for (int i = 0; i < 400; ++i) {
      std::string line = name;
      const std::size_t count = row.arity > 0 ? least : least + random() % 5;
      for (std::size_t w = words; w < count; ++w)
        line += " " + pool[random() % pool.size()];
      // What says who he is, or ends it, is not the matter here.
      if (name == "AUTH" || name == "HELLO" || name == "QUIT" || name == "RESET") return;
      const std::string reply = house.ask(line);
      ASSERT_EQ(reply.find(k_mark), std::string::npos) << line << " -> " << reply;
      if (name == "MULTI") house.ask("DISCARD");
      house.session.replies = Replies::on;
      house.session.subscriptions.reset();
      ASSERT_EQ(house.ask("acl whoami"), "$1\r\na\r\n") << line;
    }
  }

  House house;
  std::string before;
  std::mt19937 random{3};
};

TEST_F(Tenants, NoRowShowsOrChangesWhatIsAnothers) {
  be("a");
  for (const Row* row : house.table.rows()) {
    if (row->run != nullptr) try_row(std::string(row->name), *row, 1);
    for (const Row& sub : row->subcommands)
      try_row(std::string(row->name) + " " + std::string(sub.name), sub, 2);
    house.pause_ends();
  }
  EXPECT_FALSE(house.host.stopped);
  EXPECT_EQ(house.host.maxmemory, "67108864");
  EXPECT_EQ(house.client->pushed.find(k_mark), std::string::npos);
  be("default");
  EXPECT_EQ(picture_of_b(house), before);
  EXPECT_EQ(house.ask("acl users"), "*2\r\n$1\r\na\r\n$7\r\ndefault\r\n");
}

TEST_F(Tenants, WhatIsTheirsTheyMayUse) {
  be("a");
  const std::string keys = house.ask("keys *");
  EXPECT_TRUE(keys == "*2\r\n$8\r\na:string\r\n$6\r\na:hash\r\n" ||
              keys == "*2\r\n$6\r\na:hash\r\n$8\r\na:string\r\n")
      << keys;
  EXPECT_EQ(house.ask("dbsize"), ":2\r\n");
  EXPECT_EQ(house.ask("hget a:hash f"), "$1\r\nv\r\n");
  EXPECT_EQ(house.ask("incr a:string"), ":6\r\n");
  EXPECT_EQ(house.ask("info keyspace"),
            "$44\r\n# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\n\r\n");
  for (int i = 0; i < 50; ++i)
    EXPECT_NE(house.ask("randomkey").find("a:"), std::string::npos);
  EXPECT_EQ(house.ask("flushall"), "+OK\r\n");
  EXPECT_EQ(house.ask("dbsize"), ":0\r\n");
  EXPECT_EQ(house.ask("randomkey"), "$-1\r\n");
  be("default");
  EXPECT_EQ(picture_of_b(house), before);
}

TEST_F(Tenants, EventsOfOthersKeysAreNotHeard) {
  house.services.key_events.want("KEA");
  be("default");
  EXPECT_EQ(house.ask("acl setuser a &*"), "+OK\r\n");
  be("a");
  house.ask("psubscribe __key*", resp::Protocol::resp3);
  // By another connection.
  Session other;
  std::swap(other, house.session);
  house.session.client = std::make_shared<LoneClient>();
  house.ask("set b:string SECRETVALUE");
  house.ask("del b:SECRETHASH");
  EXPECT_EQ(house.client->pushed, "");
  house.ask("set a:string 1");
  EXPECT_NE(house.client->pushed.find("a:string"), std::string::npos);
  std::swap(other, house.session);
}

TEST_F(Tenants, ReadingAndWritingMayBeAllowedApart) {
  be("default");
  EXPECT_EQ(house.ask("acl setuser r on nopass %R~b:* +@all"), "+OK\r\n");
  EXPECT_EQ(house.ask("acl setuser w on nopass %W~b:* +@all"), "+OK\r\n");
  constexpr std::string_view k_refused =
      "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
  be("r");
  EXPECT_EQ(house.ask("get b:number"), "$1\r\n7\r\n");
  EXPECT_EQ(house.ask("set b:number 8"), k_refused);
  EXPECT_EQ(house.ask("incr b:number"), k_refused);
  EXPECT_EQ(house.ask("flushdb"), "+OK\r\n");  // nothing that he may write
  be("w");
  EXPECT_EQ(house.ask("get b:number"), k_refused);
  EXPECT_EQ(house.ask("set b:number 8 get"), k_refused);
  EXPECT_EQ(house.ask("incr b:number"), k_refused);
  EXPECT_EQ(house.ask("set b:number 8"), "+OK\r\n");
}

TEST_F(Tenants, WhatAnAdministratorChangesHoldsAtOnce) {
  be("a");
  EXPECT_EQ(house.ask("get a:string"), "$1\r\n5\r\n");
  static_cast<void>(house.acl.change("a", {"-get"}));
  EXPECT_EQ(house.ask("get a:string"),
            "-NOPERM this user has no permissions to run the 'get' command\r\n");
  EXPECT_TRUE(house.acl.remove("a"));
  EXPECT_EQ(house.ask_together({"ping", "ping"}), "");
  EXPECT_TRUE(house.session.closing);
}

}  // namespace
}  // namespace ullage::command
