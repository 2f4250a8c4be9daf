// What JSON commands answer, byte by byte: RedisJSON's answers, by its documentation and its tests.
#include "command/house_testing.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace ullage::command {
namespace {

struct Exchange {
  std::string_view ask;
  std::string_view answer;
};

constexpr std::string_view k_wrong =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

/// The words of a line as a request of bulks, in which quotes are what they are.
std::string as_bulks(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words)
    request += "$" + std::to_string(word.size()) + "\r\n" + std::string(word) + "\r\n";
  return request;
}

void hold_words(House& house, const std::vector<Exchange>& exchanges) {
  for (const auto& [ask, answer] : exchanges)
    EXPECT_EQ(house.ask(as_bulks(ask)), answer) << ask;
}

TEST(JsonCommands, AnswerAsRedisJson) {
  House house;
  hold_words(
      house,
      {
          {"json.set d .a 1", "-ERR new objects must be created at the root\r\n"},
          {"json.set d $ {",
           "-ERR no JSON text: at line 1, column 2: syntax error while parsing "
           "object key - unexpected end of input; expected string literal\r\n"},
          {R"(json.set d $ {"a":{"b":[1,2,{"c":"x"}]},"n":1.5,"i":7,"t":true,"z":null,"s":"str"})",
           "+OK\r\n"},
          {"type d", "+ReJSON-RL\r\n"},
          {"json.get d $.a.b[0]", "$3\r\n[1]\r\n"},
          {"json.get d .a.b[2]", "$9\r\n{\"c\":\"x\"}\r\n"},
          {"json.get d a.b[2].c", "$3\r\n\"x\"\r\n"},
          {"json.get d /a/b/1", "$1\r\n2\r\n"},
          {R"(json.get d $["a"]['b'][1])", "$3\r\n[2]\r\n"},
          {"json.get d $.none", "$2\r\n[]\r\n"},
          {"json.get d .none", "-ERR Path does not exist\r\n"},
          {"json.get d .i .n", "$17\r\n{\".i\":7,\".n\":1.5}\r\n"},
          {"json.get d $.i .q", "$19\r\n{\"$.i\":[7],\".q\":[]}\r\n"},
          {"json.get none", "$-1\r\n"},
          {"json.get d $..a",
           "-ERR path '$..a' is not supported: names and indexes are, as in "
           "$.a.b[0], and JSON Pointers\r\n"},
          {"json.get d $.a.*",
           "-ERR path '$.a.*' is not supported: names and indexes are, as in "
           "$.a.b[0], and JSON Pointers\r\n"},
          {"json.get d INDENT _ NEWLINE | SPACE - .a",
           "$44\r\n{|_\"b\":-[|__1,|__2,|__{|___\"c\":-\"x\"|__}|_]|}\r\n"},
          {"json.set d $.a.k 5 NX", "+OK\r\n"},
          {"json.set d $.a.k 6 NX", "$-1\r\n"},
          {"json.set d $.a.k 6 XX", "+OK\r\n"},
          {"json.set d $.a.none 6 XX", "$-1\r\n"},
          {"json.set d $.x.y 6", "$-1\r\n"},
          {"json.set d $.a.b[3] 6", "$-1\r\n"},
          {"json.set d $.i.y 6", "$-1\r\n"},
          {"json.set d $.i 6 QQ", "-ERR syntax error\r\n"},
          {"json.type d", "$6\r\nobject\r\n"},
          {"json.type d $.a.b", "*1\r\n$5\r\narray\r\n"},
          {"json.type d .n", "$6\r\nnumber\r\n"},
          {"json.type d .i", "$7\r\ninteger\r\n"},
          {"json.type d .t", "$7\r\nboolean\r\n"},
          {"json.type d .z", "$4\r\nnull\r\n"},
          {"json.type d .q", "$-1\r\n"},
          {"json.type d $.q", "*0\r\n"},
          {"json.type none", "$-1\r\n"},
          {"json.numincrby d .i 3", "$2\r\n10\r\n"},
          {"json.numincrby d $.n 0.5", "$5\r\n[2.0]\r\n"},
          {"json.numincrby d $.s 1", "$6\r\n[null]\r\n"},
          {"json.numincrby d .s 1", "-ERR Path does not exist or does not contain a number\r\n"},
          {"json.numincrby d $.q 1", "$2\r\n[]\r\n"},
          {"json.numincrby none $.q 1",
           "-ERR could not perform this operation on a key that doesn't exist\r\n"},
          {"json.objkeys d .a", "*2\r\n$1\r\nb\r\n$1\r\nk\r\n"},
          {"json.objkeys d $.a", "*1\r\n*2\r\n$1\r\nb\r\n$1\r\nk\r\n"},
          {"json.objkeys d $.i", "*1\r\n$-1\r\n"},
          {"json.objkeys d .i", "-WRONGTYPE wrong type of path value - expected object\r\n"},
          {"json.objkeys none $", "*0\r\n"},
          {"json.objlen d", ":6\r\n"},
          {"json.objlen d $.a", "*1\r\n:2\r\n"},
          {"json.objlen d $.i", "*1\r\n$-1\r\n"},
          {"json.objlen d .q", "$-1\r\n"},
          {"json.objlen none $", "-ERR Path does not exist or not an object\r\n"},
          {"json.arrlen d .a.b", ":3\r\n"},
          {"json.arrlen d $.a", "*1\r\n$-1\r\n"},
          {"json.arrlen d .a", "-ERR Path does not exist or not an array\r\n"},
          {"json.arrlen d .q", "-ERR Path does not exist\r\n"},
          {"json.arrlen none", "$-1\r\n"},
          {R"(json.merge d $.a {"k":null,"m":{"n":1}})", "+OK\r\n"},
          {"json.get d .a", "$33\r\n{\"b\":[1,2,{\"c\":\"x\"}],\"m\":{\"n\":1}}\r\n"},
          {R"(json.merge fresh $ {"a":1,"b":null})", "+OK\r\n"},
          {"json.get fresh", "$7\r\n{\"a\":1}\r\n"},
          {"json.merge none2 .a 1", "-ERR new objects must be created at the root\r\n"},
          {"json.mget d fresh none $.a.m", "*3\r\n$9\r\n[{\"n\":1}]\r\n$2\r\n[]\r\n$-1\r\n"},
          {"json.mget fresh none .a", "*2\r\n$1\r\n1\r\n$-1\r\n"},
          {"json.clear d $.a.b", ":1\r\n"},
          {"json.clear d $.a.b", ":0\r\n"},
          {"json.clear d .i", ":1\r\n"},
          {"json.clear none",
           "-ERR could not perform this operation on a key that doesn't exist\r\n"},
          {"json.get d .a.b", "$2\r\n[]\r\n"},
          {"json.del d $.a.m", ":1\r\n"},
          {"json.del d $.a.m", ":0\r\n"},
          {"json.forget d .a", ":1\r\n"},
          {"json.del none", ":0\r\n"},
          {"copy d d2", ":1\r\n"},
          {"type d2", "+ReJSON-RL\r\n"},
          {"json.get d2 .s", "$5\r\n\"str\"\r\n"},
          {"rename d2 d3", "+OK\r\n"},
          {"json.get d3 .s", "$5\r\n\"str\"\r\n"},
          {"dump d", "-ERR DUMP knows no JSON documents; JSON.GET has their text\r\n"},
          {"json.del d", ":1\r\n"},
          {"exists d", ":0\r\n"},
          {"del fresh", ":1\r\n"},
          {"hset h f v", ":1\r\n"},
          {"scan 0 type ReJSON-RL", "*2\r\n$1\r\n0\r\n*1\r\n$2\r\nd3\r\n"},
          {"scan 0 type hash", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nh\r\n"},
      });
}

TEST(JsonCommands, KeepDocumentsAndOtherTypesApart) {
  House house;
  hold_words(house, {
                        {R"(json.set d $ {"a":1,"b":[2]})", "+OK\r\n"},
                        {"json.set leaf $ 5", "+OK\r\n"},
                        {"set s v", "+OK\r\n"},
                        {"hset h /a v", ":1\r\n"},
                    });
  for (const char* key : {"d", "leaf"}) {
    for (const char* ask : {"hget KEY /a",
                            "hset KEY f v",
                            "hgetall KEY",
                            "hmget KEY /a",
                            "hdel KEY /a",
                            "hlen KEY",
                            "hkeys KEY",
                            "hvals KEY",
                            "hexists KEY /a",
                            "hstrlen KEY /a",
                            "hincrby KEY /a 1",
                            "hincrbyfloat KEY /a 1",
                            "hsetnx KEY f v",
                            "hscan KEY 0",
                            "hrandfield KEY",
                            "hexpire KEY 10 FIELDS 1 /a",
                            "httl KEY FIELDS 1 /a",
                            "hpersist KEY FIELDS 1 /a",
                            "get KEY",
                            "append KEY x",
                            "incr KEY",
                            "strlen KEY",
                            "getrange KEY 0 1",
                            "getset KEY v",
                            "setrange KEY 1 x",
                            "getdel KEY",
                            "getex KEY",
                            "decrby KEY 2",
                            "incrbyfloat KEY 1"}) {
      std::string asked = ask;
      asked.replace(asked.find("KEY"), 3, key);
      EXPECT_EQ(house.ask(as_bulks(asked)), k_wrong) << asked;
    }
  }
  for (const char* key : {"s", "h"}) {
    for (const char* ask :
         {"json.get KEY", "json.set KEY $ 1", "json.set KEY .a 1", "json.del KEY",
          "json.del KEY .a", "json.type KEY", "json.numincrby KEY .a 1", "json.objkeys KEY",
          "json.objlen KEY", "json.arrlen KEY", "json.merge KEY $ {}", "json.clear KEY"}) {
      std::string asked = ask;
      asked.replace(asked.find("KEY"), 3, key);
      EXPECT_EQ(house.ask(as_bulks(asked)), k_wrong) << asked;
    }
  }
  hold_words(house, {
                        {"mget d leaf s", "*3\r\n$-1\r\n$-1\r\n$1\r\nv\r\n"},
                        {"json.get d", "$15\r\n{\"a\":1,\"b\":[2]}\r\n"},
                        {"json.get leaf", "$1\r\n5\r\n"},
                        {"type leaf", "+ReJSON-RL\r\n"},
                        {"expire d 100", ":1\r\n"},
                        {"ttl d", ":100\r\n"},
                        {"json.set d .a 2", "+OK\r\n"},
                        {"ttl d", ":100\r\n"},
                        {"set d v", "+OK\r\n"},
                        {"get d", "$1\r\nv\r\n"},
                        {"json.get d", k_wrong},
                        {"del leaf", ":1\r\n"},
                        {"json.get leaf", "$-1\r\n"},
                    });
}

TEST(JsonCommands, TellMembersFromElements) {
  House house;
  hold_words(house, {
                        {R"(json.set d $ {"o":{"0":"m"},"a":["e"]})", "+OK\r\n"},
                        {"json.get d $.o[0]", "$2\r\n[]\r\n"},
                        {"json.get d $.a.0", "$2\r\n[]\r\n"},
                        {"json.get d $.o.0", "$5\r\n[\"m\"]\r\n"},
                        {"json.get d $.a[0]", "$5\r\n[\"e\"]\r\n"},
                        {"json.get d /o/0", "$3\r\n\"m\"\r\n"},
                        {"json.get d /a/0", "$3\r\n\"e\"\r\n"},
                        {"json.set d $.a.0 1", "$-1\r\n"},
                        {"json.del d $.o[0]", ":0\r\n"},
                    });
}

TEST(JsonCommands, AnswerInResp3) {
  House house;
  house.session.protocol = resp::Protocol::resp3;
  hold_words(house, {
                        {R"(json.set d $ {"a":1,"f":0.5,"s":"x"})", "+OK\r\n"},
                        {"json.type d $.a", "*1\r\n*1\r\n$7\r\ninteger\r\n"},
                        {"json.type d .a", "*1\r\n$7\r\ninteger\r\n"},
                        {"json.type none", "*1\r\n_\r\n"},
                        {"json.numincrby d $.a 2", "*1\r\n:3\r\n"},
                        {"json.numincrby d .f 0.25", "*1\r\n,0.75\r\n"},
                        {"json.numincrby d $.s 2", "*1\r\n_\r\n"},
                        {"json.get d $.a", "$3\r\n[3]\r\n"},
                        {"json.get none", "_\r\n"},
                    });
}

}  // namespace
}  // namespace ullage::command
