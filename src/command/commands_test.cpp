// What commands answer, byte by byte, in the order in which they are asked. The answers are those
// of Redis 7.0 where it has the command, else those of its documentation (oracle in the command's
// row).
#include "command/house_testing.h"
#include "command/names.h"

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

struct Exchange {
  std::string_view ask;
  std::string_view answer;
};

void hold(House& house, const std::vector<Exchange>& exchanges) {
  for (const auto& [ask, answer] : exchanges)
    ASSERT_EQ(house.ask(ask), answer) << ask;
}

constexpr std::string_view k_wrong =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

TEST(Commands, Hashes) {
  House house;
  hold(house, {
                  {"hset h a 1 b 2", ":2\r\n"},
                  {"HSET h a 3 c 4", ":1\r\n"},
                  {"hset h a", "-ERR wrong number of arguments for 'hset' command\r\n"},
                  {"hset h a 1 b", "-ERR wrong number of arguments for 'hset' command\r\n"},
                  {"hget h a", "$1\r\n3\r\n"},
                  {"hget h none", "$-1\r\n"},
                  {"hget none a", "$-1\r\n"},
                  {"hmget h a none c", "*3\r\n$1\r\n3\r\n$-1\r\n$1\r\n4\r\n"},
                  {"hlen h", ":3\r\n"},
                  {"hlen none", ":0\r\n"},
                  {"hstrlen h a", ":1\r\n"},
                  {"hexists h b", ":1\r\n"},
                  {"hexists h z", ":0\r\n"},
                  {"hsetnx h a 9", ":0\r\n"},
                  {"hsetnx h d 9", ":1\r\n"},
                  {"hdel h a b z", ":2\r\n"},
                  {"hgetall h", "*4\r\n$1\r\nc\r\n$1\r\n4\r\n$1\r\nd\r\n$1\r\n9\r\n"},
                  {"hkeys h", "*2\r\n$1\r\nc\r\n$1\r\nd\r\n"},
                  {"hvals h", "*2\r\n$1\r\n4\r\n$1\r\n9\r\n"},
                  {"hgetall none", "*0\r\n"},
                  {"hmset m x y", "+OK\r\n"},
                  {"hdel m x", ":1\r\n"},
                  {"exists m", ":0\r\n"},
              });
}

TEST(Commands, NamesOfHashesMayHaveAnyBytes) {
  House house;
  hold(house, {
                  {R"(hset h "" empty "\x00" zero "\x00\x00a" two)", ":3\r\n"},
                  {R"(hget h "")", "$5\r\nempty\r\n"},
                  {R"(hget h "\x00")", "$4\r\nzero\r\n"},
                  {R"(hget h "\x00\x00a")", "$3\r\ntwo\r\n"},
                  {"type h", "+hash\r\n"},
                  {"hlen h", ":3\r\n"},
                  {R"(hset "" f v)", ":1\r\n"},
                  {R"(hset "\x00\x01k" f v)", ":1\r\n"},
                  {R"(exists "" "\x00\x01k" "k")", ":2\r\n"},
              });
  const std::string keys = house.ask("hkeys h");
  EXPECT_NE(keys.find(std::string_view("$1\r\n\0\r\n", 7)), std::string::npos);
  EXPECT_NE(keys.find("$0\r\n\r\n"), std::string::npos);
}

TEST(Commands, DatabasesAreIsolated) {
  House house;
  hold(house, {{"hset k f zero", ":1\r\n"}});
  house.session.database = 1;
  hold(house, {{"exists k", ":0\r\n"}, {"hset k f one", ":1\r\n"}, {"hget k f", "$3\r\none\r\n"}});
  house.session.database = 0;
  hold(house, {{"hget k f", "$4\r\nzero\r\n"},
               {"copy k k DB 1", ":0\r\n"},
               {"copy k k DB 1 REPLACE", ":1\r\n"}});
  house.session.database = 1;
  hold(house, {{"hget k f", "$4\r\nzero\r\n"}});
}

TEST(Commands, HashNumbers) {
  House house;
  hold(house, {
                  {"hincrby h n 5", ":5\r\n"},
                  {"hincrby h n -7", ":-2\r\n"},
                  {"hincrby h n 1.5", "-ERR value is not an integer or out of range\r\n"},
                  {"hset h s text big 9223372036854775807", ":2\r\n"},
                  {"hincrby h s 1", "-ERR hash value is not an integer\r\n"},
                  {"hincrby h big 1", "-ERR increment or decrement would overflow\r\n"},
                  {"hincrbyfloat h f 10.5", "$4\r\n10.5\r\n"},
                  {"hincrbyfloat h f -5.5", "$1\r\n5\r\n"},
                  {"hincrbyfloat h f 5.0e3", "$4\r\n5005\r\n"},
                  {"hincrbyfloat h f 0.1", "$22\r\n5005.10000000000000009\r\n"},
                  {"hincrbyfloat h s 1", "-ERR hash value is not a float\r\n"},
                  {"hincrbyfloat h f x", "-ERR value is not a valid float\r\n"},
                  {"hincrbyfloat h f inf", "-ERR value is NaN or Infinity\r\n"},
              });
}

TEST(Commands, WalksOfHashes) {
  House house;
  hold(house, {
                  {"hset h a 1", ":1\r\n"},
                  {"hscan h 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
                  {"hscan h 0 NOVALUES", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
                  {"hscan h 0 MATCH b* COUNT 5", "*2\r\n$1\r\n0\r\n*0\r\n"},
                  {"hscan none 0", "*2\r\n$1\r\n0\r\n*0\r\n"},
                  {"hscan h x", "-ERR invalid cursor\r\n"},
                  {"hscan h 0 COUNT 0", "-ERR syntax error\r\n"},
                  {"hscan h 0 COUNT x", "-ERR value is not an integer or out of range\r\n"},
                  {"hscan h 0 TYPE hash", "-ERR syntax error\r\n"},
                  {"hrandfield h", "$1\r\na\r\n"},
                  {"hrandfield none", "$-1\r\n"},
                  {"hrandfield h 5", "*1\r\n$1\r\na\r\n"},
                  {"hrandfield h -3", "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n"},
                  {"hrandfield h 1 WITHVALUES", "*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
                  {"hrandfield h 1 x", "-ERR syntax error\r\n"},
                  {"hrandfield none 2", "*0\r\n"},
              });
  EXPECT_EQ(house.ask("hrandfield h 1 WITHVALUES", resp::Protocol::resp3),
            "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
  EXPECT_EQ(house.ask("hgetall h", resp::Protocol::resp3), "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
  EXPECT_EQ(house.ask("hget h z", resp::Protocol::resp3), "_\r\n");
}

TEST(Commands, AWalkOfALargeHashSeesEveryField) {
  House house;
  for (int i = 0; i < 3000; ++i)
    house.ask("hset big f" + std::to_string(i) + " v");
  std::size_t seen = 0;
  std::string cursor = "0";
  do {
    const std::string page = house.ask("hscan big " + cursor + " COUNT 100 NOVALUES");
    const std::size_t begin = page.find("\r\n", page.find('$')) + 2;
    cursor = page.substr(begin, page.find("\r\n", begin) - begin);
    const std::size_t count = page.find('*', begin) + 1;
    seen += std::stoul(page.substr(count));
  } while (cursor != "0");
  EXPECT_EQ(seen, 3000U);
  EXPECT_TRUE(house.ask("hgetall big").starts_with("*6000\r\n"));
}

TEST(Commands, FieldsHaveTimesToLive) {
  House house;
  hold(house,
       {
           {"hset h a 1 b 2", ":2\r\n"},
           {"hexpire h 10 FIELDS 3 a b z", "*3\r\n:1\r\n:1\r\n:-2\r\n"},
           {"httl h FIELDS 2 a z", "*2\r\n:10\r\n:-2\r\n"},
           {"hpttl h FIELDS 1 a", "*1\r\n:10000\r\n"},
           {"hexpiretime h FIELDS 1 a", "*1\r\n:1700000010\r\n"},
           {"hpexpiretime h FIELDS 1 a", "*1\r\n:1700000010000\r\n"},
           {"hexpire h 20 NX FIELDS 1 a", "*1\r\n:0\r\n"},
           {"hexpire h 20 GT FIELDS 1 a", "*1\r\n:1\r\n"},
           {"hexpire h 30 LT FIELDS 1 a", "*1\r\n:0\r\n"},
           {"hpersist h FIELDS 3 b b z", "*3\r\n:1\r\n:-1\r\n:-2\r\n"},
           {"hexpire h 20 XX FIELDS 1 b", "*1\r\n:0\r\n"},
           {"hexpireat h 1 FIELDS 1 b", "*1\r\n:2\r\n"},
           {"hexists h b", ":0\r\n"},
           {"hpexpireat h 1700000000500 FIELDS 1 a", "*1\r\n:1\r\n"},
           {"hexpire none 1 FIELDS 1 a", "*1\r\n:-2\r\n"},
           {"hexpire h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0\r\n"},
           {"hexpire h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0\r\n"},
           {"hexpire h 1 FIELDS 2 a",
            "-ERR The `numfields` parameter must match the number of arguments\r\n"},
           {"hexpire h 1 FIELD 1 a",
            "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n"},
           {"hexpire h 9223372036854775807 FIELDS 1 a",
            "-ERR invalid expire time in 'hexpire' command\r\n"},
       });
  house.time->advance(Millis(500));
  hold(house, {{"hlen h", ":0\r\n"}, {"hget h a", "$-1\r\n"}, {"exists h", ":0\r\n"}});
}

TEST(Commands, FieldsAreReadAndWrittenWithTheirTimesToLive) {
  House house;
  hold(house, {
                  {"hsetex h EX 10 FIELDS 2 a 1 b 2", ":1\r\n"},
                  {"hsetex h FNX FIELDS 1 a 3", ":0\r\n"},
                  {"hsetex h FXX KEEPTTL FIELDS 1 a 3", ":1\r\n"},
                  {"httl h FIELDS 2 a b", "*2\r\n:10\r\n:10\r\n"},
                  {"hsetex h FIELDS 1 a 4", ":1\r\n"},
                  {"httl h FIELDS 1 a", "*1\r\n:-1\r\n"},
                  {"hgetex h PX 700 FIELDS 2 a z", "*2\r\n$1\r\n4\r\n$-1\r\n"},
                  {"hpttl h FIELDS 1 a", "*1\r\n:700\r\n"},
                  {"hgetex h PERSIST FIELDS 1 a", "*1\r\n$1\r\n4\r\n"},
                  {"hpttl h FIELDS 1 a", "*1\r\n:-1\r\n"},
                  {"hgetdel h FIELDS 2 a z", "*2\r\n$1\r\n4\r\n$-1\r\n"},
                  {"hexists h a", ":0\r\n"},
                  {"hset h b 5", ":0\r\n"},
                  {"httl h FIELDS 1 b", "*1\r\n:-1\r\n"},
              });
}

TEST(Commands, Keys) {
  House house;
  hold(house, {
                  {"hset a f 1", ":1\r\n"},
                  {"hset b f 2", ":1\r\n"},
                  {"exists a b a none", ":3\r\n"},
                  {"type a", "+hash\r\n"},
                  {"type none", "+none\r\n"},
                  {"touch a none", ":1\r\n"},
                  {"rename a c", "+OK\r\n"},
                  {"rename a d", "-ERR no such key\r\n"},
                  {"renamenx c b", ":0\r\n"},
                  {"renamenx c c", ":0\r\n"},
                  {"rename c c", "+OK\r\n"},
                  {"rename c b", "+OK\r\n"},
                  {"hget b f", "$1\r\n1\r\n"},
                  {"copy b e", ":1\r\n"},
                  {"copy b e", ":0\r\n"},
                  {"copy none e REPLACE", ":0\r\n"},
                  {"copy b b", "-ERR source and destination objects are the same\r\n"},
                  {"copy b e DB 99", "-ERR DB index is out of range\r\n"},
                  {"del b e none", ":2\r\n"},
                  {"unlink b", ":0\r\n"},
              });
}

TEST(Commands, TouchReadsStringsAlone) {
  House house;
  house.cache.set("s", k_string_field, "text").value();
  house.services.seen.strings = true;
  hold(house, {{"hset h f 1", ":1\r\n"}});
  const Stats before = house.cache.stats();
  hold(house, {{"touch h s none", ":2\r\n"}});
  const Stats after = house.cache.stats();
  EXPECT_EQ(after.hits, before.hits + 1) << "the string";
  EXPECT_EQ(after.misses, before.misses);
}

TEST(Commands, KeysHaveTimesToLive) {
  House house;
  hold(house,
       {
           {"hset k f 1", ":1\r\n"},
           {"ttl k", ":-1\r\n"},
           {"ttl none", ":-2\r\n"},
           {"expire k 100", ":1\r\n"},
           {"ttl k", ":100\r\n"},
           {"pttl k", ":100000\r\n"},
           {"expiretime k", ":1700000100\r\n"},
           {"pexpiretime k", ":1700000100000\r\n"},
           {"expire k 200 NX", ":0\r\n"},
           {"expire k 50 GT", ":0\r\n"},
           {"expire k 50 LT", ":1\r\n"},
           {"expire k 60 XX", ":1\r\n"},
           {"expire k 1 NX XX",
            "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
           {"expire k 1 GT LT", "-ERR GT and LT options at the same time are not compatible\r\n"},
           {"expire k 1 YY", "-ERR Unsupported option YY\r\n"},
           {"expire k x", "-ERR value is not an integer or out of range\r\n"},
           {"expire k 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n"},
           {"copy k c", ":1\r\n"},
           {"ttl c", ":60\r\n"},
           {"persist k", ":1\r\n"},
           {"persist k", ":0\r\n"},
           {"expire none 1", ":0\r\n"},
           {"pexpireat k 1700000000250", ":1\r\n"},
       });
  house.time->advance(Millis(250));
  hold(house, {{"exists k", ":0\r\n"}, {"expire c -1", ":1\r\n"}, {"exists c", ":0\r\n"}});
}

TEST(Commands, HashCommandsRefuseStrings) {
  House house;
  house.cache.set("s", k_string_field, "text").value();
  house.services.seen.strings = true;
  for (const std::string_view ask : {"hset s f v",
                                     "hget s f",
                                     "hmget s f",
                                     "hgetall s",
                                     "hdel s f",
                                     "hlen s",
                                     "hexists s f",
                                     "hincrby s f 1",
                                     "hincrbyfloat s f 1",
                                     "hkeys s",
                                     "hvals s",
                                     "hstrlen s f",
                                     "hscan s 0",
                                     "hrandfield s",
                                     "hsetnx s f v",
                                     "hexpire s 1 FIELDS 1 f",
                                     "httl s FIELDS 1 f",
                                     "hpersist s FIELDS 1 f",
                                     "hgetdel s FIELDS 1 f",
                                     "hgetex s FIELDS 1 f",
                                     "hsetex s FIELDS 1 f v"})
    EXPECT_EQ(house.ask(ask), k_wrong) << ask;
  EXPECT_EQ(house.ask("type s"), "+string\r\n");
  EXPECT_EQ(house.cache.group_size("s"), 1U) << "nothing was written";
}

TEST(Commands, WhatIsUnknownOrTooLongSaysSo) {
  House house;
  EXPECT_EQ(house.ask("eval script 0"),
            "-ERR unknown command 'eval', with args beginning with: 'script' '0' \r\n");
  EXPECT_EQ(house.ask(R"("\x1b[2J")"),
            "-ERR unknown command '?[2J', with args beginning with: \r\n");
  const std::string name(k_name_max_bytes + 1, 'n');
  EXPECT_EQ(house.ask("hset " + name + " f v"), "-ERR a key of 1025 bytes is longer than 1024\r\n");
  EXPECT_EQ(house.ask("hset k f v " + name + " v"),
            "-ERR a field of 1025 bytes is longer than 1024\r\n");
  EXPECT_EQ(house.ask("hlen k"), ":0\r\n") << "nothing was written";
  EXPECT_EQ(house.ask("hget k " + name), "$-1\r\n");
}

TEST(Commands, Strings) {
  House house;
  hold(house, {
                  {"set s v", "+OK\r\n"},
                  {"get s", "$1\r\nv\r\n"},
                  {"set s w nx", "$-1\r\n"},
                  {"set s w xx get", "$1\r\nv\r\n"},
                  {"set s x ex 100", "+OK\r\n"},
                  {"ttl s", ":100\r\n"},
                  {"set s y keepttl", "+OK\r\n"},
                  {"ttl s", ":100\r\n"},
                  {"set s z", "+OK\r\n"},
                  {"ttl s", ":-1\r\n"},
                  {"append s 12", ":3\r\n"},
                  {"setrange s 1 ab", ":3\r\n"},
                  {"getrange s 0 -2", "$2\r\nza\r\n"},
                  {"strlen s", ":3\r\n"},
                  {"incr s", "-ERR value is not an integer or out of range\r\n"},
                  {"incrby n 5", ":5\r\n"},
                  {"decrby n 7", ":-2\r\n"},
                  {"incrbyfloat n 0.5", "$4\r\n-1.5\r\n"},
                  {"mset a 1 b 2", "+OK\r\n"},
                  {"msetnx b 3 c 4", ":0\r\n"},
                  {"mget a b c", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n"},
                  {"getdel a", "$1\r\n1\r\n"},
                  {"exists a", ":0\r\n"},
                  {"hset h f v", ":1\r\n"},
                  {"get h", k_wrong},
                  {"append h x", k_wrong},
                  {"set h v", "+OK\r\n"},  // whatever it held
                  {"type h", "+string\r\n"},
                  {"hget h f", k_wrong},
              });
}

TEST(Commands, TransactionsRunWholeOrNotAtAll) {
  House house;
  hold(house, {
                  {"exec", "-ERR EXEC without MULTI\r\n"},
                  {"multi", "+OK\r\n"},
                  {"multi", "-ERR MULTI calls can not be nested\r\n"},
                  {"set k 1", "+QUEUED\r\n"},
                  {"incr k", "+QUEUED\r\n"},
                  {"get k", "+QUEUED\r\n"},
                  {"exec", "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n"},
                  {"multi", "+OK\r\n"},
                  {"set k", "-ERR wrong number of arguments for 'set' command\r\n"},
                  {"set k 3", "+QUEUED\r\n"},
                  {"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
                  {"get k", "$1\r\n2\r\n"},
                  {"multi", "+OK\r\n"},
                  {"set k 9", "+QUEUED\r\n"},
                  {"discard", "+OK\r\n"},
                  {"get k", "$1\r\n2\r\n"},
              });
}

TEST(Commands, ClientListShowsHowManyCommandsAreQueued) {
  House house;
  EXPECT_EQ(house.client->queued.load(), -1);
  house.ask("multi");
  EXPECT_EQ(house.client->queued.load(), 0);
  house.ask("set k 1");
  EXPECT_EQ(house.client->queued.load(), 1);
  house.ask("exec");
  EXPECT_NE(house.ask("client list").find(" multi=-1 "), std::string::npos);
}

TEST(Commands, AWatchedKeyThatChangesStopsTheTransaction) {
  const auto run = [](std::string_view change) {
    House house;
    house.ask("set k 1 ex 10");
    house.ask("watch k none");
    Session other;
    std::swap(other, house.session);
    house.session.client = std::make_shared<LoneClient>();
    if (change == "time") {
      house.time->advance(Millis(20'000));
    } else {
      house.ask(change);
    }
    std::swap(other, house.session);
    house.ask("multi");
    house.ask("set done 1");
    return house.ask("exec");
  };
  constexpr std::string_view k_stopped = "*-1\r\n";
  EXPECT_EQ(run("get k"), "*1\r\n+OK\r\n");
  EXPECT_EQ(run("set unwatched 1"), "*1\r\n+OK\r\n");
  for (const char* change :
       {"set k 2", "del k", "expire k 100", "hset none f v", "rename k q", "flushall", "time"})
    EXPECT_EQ(run(change), k_stopped) << change;
}

TEST(Commands, DatabasesAreApart) {
  House house;
  hold(house, {
                  {"set k 0", "+OK\r\n"},
                  {"select 3", "+OK\r\n"},
                  {"get k", "$-1\r\n"},
                  {"set k 3", "+OK\r\n"},
                  {"set own 1", "+OK\r\n"},
                  {"dbsize", ":2\r\n"},
                  {"copy own moved db 0", ":1\r\n"},
                  {"flushdb", "+OK\r\n"},
                  {"dbsize", ":0\r\n"},
                  {"select 0", "+OK\r\n"},
                  {"dbsize", ":2\r\n"},
                  {"get k", "$1\r\n0\r\n"},
                  {"get moved", "$1\r\n1\r\n"},
              });
}

TEST(Commands, AKeyComesBackFromItsDump) {
  House house;
  house.ask("hset h f v g w");
  house.ask("hpexpire h 5000 FIELDS 1 g");
  house.ask("set s text px 9000");
  for (const std::string_view key : {"h", "s"}) {
    const std::string reply = house.ask("dump " + std::string(key));
    const std::size_t begin = reply.find("\r\n") + 2;
    std::string quoted;
    for (const char c : reply.substr(begin, reply.size() - begin - 2)) {
      char text[8];
      std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
      quoted += text;
    }
    const std::string restore = "restore copy-" + std::string(key) + " 0 \"";
    EXPECT_EQ(house.ask(restore + quoted + "\""), "+OK\r\n");
    EXPECT_EQ(house.ask(restore + quoted + "\""), "-BUSYKEY Target key name already exists.\r\n");
    EXPECT_EQ(house.ask(restore + quoted + "\" REPLACE"), "+OK\r\n");
    // Whatever byte is another, or missing, it is refused.
    for (std::size_t i = 0; i < quoted.size(); i += 4) {
      std::string broken = quoted;
      broken[i + 3] = broken[i + 3] == '0' ? '1' : '0';
      EXPECT_EQ(house.ask(restore + broken + "\" REPLACE"),
                "-ERR DUMP payload version or checksum are wrong\r\n");
      EXPECT_EQ(house.ask(restore + quoted.substr(0, i) + "\" REPLACE"),
                "-ERR DUMP payload version or checksum are wrong\r\n");
    }
  }
  hold(house, {
                  {"hmget copy-h f g", "*2\r\n$1\r\nv\r\n$1\r\nw\r\n"},
                  {"hpttl copy-h FIELDS 2 f g", "*2\r\n:-1\r\n:5000\r\n"},
                  {"get copy-s", "$4\r\ntext\r\n"},
                  {"pttl copy-s", ":-1\r\n"},
                  {"dump none", "$-1\r\n"},
              });
}

TEST(Commands, LimitsOfOneKeyAndTheLargestKeys) {
  House house;
  for (int i = 0; i < 20; ++i)
    house.ask("hset large f" + std::to_string(i) + " value");
  house.ask("hset small f v");
  hold(house, {
                  {"ul.limit small maxfields 3 idle 60000", "+OK\r\n"},
                  {"ul.limit small",
                   "*6\r\n$10\r\nmax-fields\r\n:3\r\n$9\r\nmax-bytes\r\n:0\r\n$7\r\nidle-ms"
                   "\r\n:60000\r\n"},
                  {"ul.limit none", "$-1\r\n"},
                  {"ul.limit small bogus 1", "-ERR syntax error\r\n"},
              });
  for (int i = 0; i < 20; ++i)
    house.ask("hset small f" + std::to_string(i) + " value");
  EXPECT_EQ(house.ask("hlen small"), ":3\r\n");
  const std::string top = house.ask("ul.top fields count 1");
  EXPECT_NE(top.find("large"), std::string::npos) << top;
  EXPECT_EQ(top.find("small"), std::string::npos) << top;
  EXPECT_NE(house.ask("ul.validate").find("$2\r\nok\r\n:1\r\n"), std::string::npos);
}

TEST(Commands, WhatTookLongIsKept) {
  House house;
  house.services.slow_log.set_threshold_us(0);
  house.ask("set k " + std::string(200, 'v'));
  const std::string log = house.ask("slowlog get 1");
  EXPECT_NE(log.find("... (72 more bytes)"), std::string::npos) << log;
  house.services.slow_log.set_threshold_us(-1);
  EXPECT_EQ(house.ask("slowlog reset"), "+OK\r\n");
  house.ask("set k v");
  EXPECT_EQ(house.ask("slowlog len"), ":0\r\n");
}

TEST(Commands, APipelineAnswersAsItsCommandsDoOneByOne) {
  const std::vector<std::string> writes = {"hset h a 1 b 2 \"\" 3 \"\\x00z\" 4", "set s text",
                                           "hset other f v", "mset x 1 y 2"};
  std::vector<std::string> reads;
  for (int i = 0; i < 40; ++i) {
    for (const char* line :
         {"hget h a", "hget h b", "hget h none", "hget s a", "hget none a", "hget h \"\"",
          "hget h \"\\x00z\"", "hget other f", "hget other f", "HGET h a"})
      reads.emplace_back(line);
    if (i % 3 == 0) reads.emplace_back("hget h");
    if (i % 5 == 0) reads.emplace_back("hset h a " + std::to_string(i));
    if (i % 7 == 0) reads.emplace_back("nosuch");
    reads.emplace_back("hmget h a none \"\" b \"\\x00z\" a");
    reads.emplace_back("hmget s a b");
    reads.emplace_back("get s");
    reads.emplace_back("get h");
  }
  House together;
  House alone;
  std::string expected;
  for (const std::string& line : writes) {
    expected += alone.ask(line);
    together.ask(line);
  }
  expected.clear();
  for (const std::string& line : reads)
    expected += alone.ask(line);
  EXPECT_EQ(together.ask_together(reads), expected);
  EXPECT_EQ(together.services.counters.commands.load(), alone.services.counters.commands.load());
  EXPECT_EQ(together.services.counters.errors.load(), alone.services.counters.errors.load());
}

void check_row(const Row& row) {
  EXPECT_NE(row.arity, 0) << row.name;
  EXPECT_NE(row.run == nullptr, row.subcommands.empty() || row.name == "COMMAND") << row.name;
  EXPECT_FALSE(row.summary.empty() || row.since.empty() || row.complexity.empty()) << row.name;
  EXPECT_FALSE(row.is(k_write) && row.is(k_readonly)) << row.name;
  // What names keys says whether it changes them.
  if (row.keys.first != 0 && row.family != Family::transactions) {
    EXPECT_TRUE(row.is(k_write) || row.is(k_readonly)) << row.name;
  }
  for (const Row& subcommand : row.subcommands)
    check_row(subcommand);
}

TEST(Commands, EveryRowIsWhole) {
  const Table table;
  for (const Row* row : table.rows()) {
    EXPECT_EQ(table.find(row->name), row);
    check_row(*row);
  }
  EXPECT_EQ(table.find("hGeT"), table.find("HGET"));
  EXPECT_EQ(table.find("HGETX"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
}

}  // namespace
}  // namespace ullage::command
