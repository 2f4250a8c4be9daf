#include "document/documents_testing.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace ullage::document {
namespace {

class DocumentCalls : public DocumentsFixture {};

TEST_F(DocumentCalls, ComeBackAsTheyWere) {
  for (
      const char* json : {
          R"({"name":"Ada","cards":[{"last4":"1234"},{"last4":"9876"}],"active":true,"none":null})",
          "{}",
          "[]",
          "null",
          "true",
          "false",
          "0",
          "-0",
          "1.50",
          "1e400",
          "\"\"",
          "\"text\"",
          "[[],[[]],{}]",
          R"({"a":{},"b":[],"c":{"d":{}}})",
          "123456789012345678901234567890",
          "9007199254740993",
          "0.1000000000000000055511151231",
          R"(["\"","\\","\n\t\b\f\r","\u0001","/"])",
          R"({"":{"":""}})",
          R"({"a/b":1,"m~n":2," ":3,"c%d":4,"k\"l":5,"\n":6,"~1":7,"~0":8})",
          R"({"0":"not an array","1":2})",
          R"({"0":{"0":[{"0":1}]},"x":[[1]]})",
          R"([{"0":1},{"a":[0,{"7":[]}]}])",
          "{\"ключ\":\"значение\",\"\U0001F600\":\"\U0001F600\"}",
          R"({"z":1,"a":2,"m":{"z":1,"a":2}})",
      }) {
    EXPECT_NE(put(json), "bad_json") << json;
    EXPECT_EQ(get(), json);
    EXPECT_EQ(cache.group_kind("d")->kind, k_group_kind_document);
  }
}

// They are written sixteen bytes at a time: whatever stands where, in names of every length.
TEST_F(DocumentCalls, WriteNamesOfEveryLengthWithAnyCharacterAnywhere) {
  for (std::size_t length = 1; length <= 50; ++length) {
    std::string json = "{";
    for (std::size_t at = 0; at < length; ++at) {
      for (const char* special : {"/", "~", R"(\")", R"(\\)", R"(\n)", "\x7f", "\u00e9"}) {
        std::string name(length, static_cast<char>('a' + at % 26));
        name.replace(at, 1, special);
        const std::string inner(at, 'm');
        json += '"';
        json.append(name).append(R"(":{")").append(inner).append(R"(":")").append(name);
        json += R"("},)";
      }
    }
    json += R"("":true})";
    ASSERT_NE(put(json), "bad_json") << json;
    ASSERT_EQ(get(), json) << "names of " << length;
  }
}

// Paths that begin alike for up to three times sixteen bytes, where one's name is another's with
// more behind it.
TEST_F(DocumentCalls, EndContainersWherePathsPart) {
  const std::string pattern =
      R"({"x":{"a":[1,{"b":2}],"x":[[3],[4]]},"xy":{"a":5},"xyz":6,"!":{"x":{"b":{"c":[[[7]]]}}}})";
  for (std::size_t length = 1; length <= 48; ++length) {
    const std::string name(length, 'x');
    std::string json;
    for (const char c : pattern)
      c == 'x' ? json.append(name) : json.append(1, c);
    ASSERT_NE(put(json), "bad_json") << json;
    ASSERT_EQ(get(), json);
    std::string pointer = "/";
    pointer.append(name).append("y");
    EXPECT_EQ(get(pointer), R"({"a":5})");
    pointer.back() = '/';
    EXPECT_EQ(get(pointer.append(name)), "[[3],[4]]");
  }
}

TEST_F(DocumentCalls, LoseBlanksAndEscapesThatNeedNotBe) {
  put(" { \"a\" :\n[ 1 , 2 ] , \"b\\u0041\" : \"\\u00e9\\/\\ud83d\\ude00\" } ");
  EXPECT_EQ(get(), "{\"a\":[1,2],\"bA\":\"\u00e9/\U0001F600\"}");
}

TEST_F(DocumentCalls, AreFieldsNamedByPointers) {
  put(R"({"name":"Ada","cards":[{"last4":"1234"}],"a/b":{"m~n":1},"none":{}})");
  std::vector<std::string> fields;
  EXPECT_TRUE(cache.for_each(
      "d", [&](std::string_view field, std::string_view) { fields.emplace_back(field); }));
  std::ranges::sort(fields);
  EXPECT_EQ(fields, (std::vector<std::string>{"/a~1b/m~0n", "/cards/0/last4", "/name", "/none"}));
}

TEST_F(DocumentCalls, TakeTheLastOfMembersOfOneName) {
  put(R"({"a":1,"b":2,"a":{"c":3},"a":4})");
  EXPECT_EQ(get(), R"({"a":4,"b":2})");
}

TEST_F(DocumentCalls, ReadParts) {
  put(R"({"a":{"b":[10,{"c":"x"},[]],"d":{}},"ab":1,"0":true})");
  EXPECT_EQ(get("/a"), R"({"b":[10,{"c":"x"},[]],"d":{}})");
  EXPECT_EQ(get("/a/b"), R"([10,{"c":"x"},[]])");
  EXPECT_EQ(get("/a/b/0"), "10");
  EXPECT_EQ(get("/a/b/1"), R"({"c":"x"})");
  EXPECT_EQ(get("/a/b/1/c"), "\"x\"");
  EXPECT_EQ(get("/a/b/2"), "[]");
  EXPECT_EQ(get("/a/d"), "{}");
  EXPECT_EQ(get("/ab"), "1");
  EXPECT_EQ(get("/0"), "true");
  for (const char* absent : {"/b", "/a/b/3", "/a/b/-", "/a/b/00", "/ab/c", "/a/", "/", "/a/b/1/d"})
    EXPECT_EQ(get(absent), "none") << absent;
  EXPECT_EQ(get("", "nobody"), "none");
  EXPECT_EQ(get("/a", "nobody"), "none");
}

TEST_F(DocumentCalls, WriteParts) {
  EXPECT_EQ(put("1", "/a"), "not_found") << "there is no document";
  EXPECT_EQ(put("{}"), "inserted");
  EXPECT_EQ(put("1", "/a"), "inserted");
  EXPECT_EQ(put("2", "/a"), "replaced");
  EXPECT_EQ(put(R"({"x":[]})", "/b"), "inserted");
  EXPECT_EQ(put("\"first\"", "/b/x/-"), "inserted");
  EXPECT_EQ(put("\"second\"", "/b/x/1"), "inserted");
  EXPECT_EQ(put("[1,2]", "/b/x/0"), "replaced");
  EXPECT_EQ(put("0", "/b/x/3"), "not_found") << "it would leave a hole";
  EXPECT_EQ(put("0", "/b/y/z"), "not_found");
  EXPECT_EQ(put("0", "/a/b"), "wrong_type");
  EXPECT_EQ(put("0", "/b/x/name"), "not_found");
  EXPECT_EQ(get(), R"({"a":2,"b":{"x":[[1,2],"second"]}})");
  EXPECT_EQ(put(R"({"deep":{}})", "/a"), "replaced");
  EXPECT_EQ(put("7", "/b/x/0/1"), "replaced");
  EXPECT_EQ(put("null", "/a/deep"), "replaced");
  EXPECT_EQ(get(), R"({"a":{"deep":null},"b":{"x":[[1,7],"second"]}})");
  EXPECT_EQ(put("[]"), "replaced");
  EXPECT_EQ(get(), "[]");
}

TEST_F(DocumentCalls, KeepOrderOfMembers) {
  put(R"({"z":1,"b":{"y":1,"c":2},"a":2})");
  put("3", "/b/x");
  put("4", "/m");
  put("{\"q\":5}", "/z");
  EXPECT_EQ(get(), R"({"z":{"q":5},"b":{"y":1,"c":2,"x":3},"a":2,"m":4})");
  EXPECT_EQ(documents.keys("d", "/b").value().value(), (std::vector<std::string>{"y", "c", "x"}));
}

TEST_F(DocumentCalls, WriteUnderConditions) {
  const auto put_if = [&](Condition condition, std::string_view pointer) {
    const auto done = documents.put("d", pointer, "1", {.condition = condition});
    return done ? std::string(done.value() == SetOutcome::unchanged ? "no" : "yes")
                : error_of(done);
  };
  EXPECT_EQ(put_if(Condition::if_present, ""), "no");
  put(R"({"a":{"b":0}})");
  EXPECT_EQ(put_if(Condition::if_absent, ""), "no");
  EXPECT_EQ(put_if(Condition::if_absent, "/a/b"), "no");
  EXPECT_EQ(put_if(Condition::if_absent, "/a/c"), "yes");
  EXPECT_EQ(put_if(Condition::if_present, "/a/d"), "no");
  EXPECT_EQ(put_if(Condition::if_present, "/x/y"), "no");
  EXPECT_EQ(put_if(Condition::if_absent, "/x/y"), "not_found");
  EXPECT_EQ(put_if(Condition::if_present, "/a/b"), "yes");
  EXPECT_EQ(get(), R"({"a":{"b":1,"c":1}})");
}

TEST_F(DocumentCalls, EraseSafely) {
  put(R"({"a":{"b":[1,{"c":2,"d":3},4]},"e":5})");
  const auto erase = [&](std::string_view pointer) {
    const JsonErased erased = documents.erase("d", pointer).value();
    return std::tuple(erased.outcome, erased.leaves, erased.where);
  };
  using enum JsonErased::Outcome;
  EXPECT_EQ(erase("/a/x"), std::tuple(absent, 0U, "/a"));
  EXPECT_EQ(erase("/a/b/3"), std::tuple(absent, 0U, "/a/b"));
  EXPECT_EQ(erase("/a/b/1/c/k/l"), std::tuple(through_scalar, 0U, "/a/b/1/c"));
  EXPECT_EQ(erase("/e/f"), std::tuple(through_scalar, 0U, "/e"));
  EXPECT_EQ(erase("/q/r"), std::tuple(absent, 0U, ""));
  EXPECT_EQ(get(), R"({"a":{"b":[1,{"c":2,"d":3},4]},"e":5})") << "nothing was touched";
  EXPECT_EQ(erase("/a/b/1"), std::tuple(erased, 2U, ""));
  EXPECT_EQ(get(), R"({"a":{"b":[1,4]},"e":5})") << "elements move up";
  EXPECT_EQ(erase("/a/b"), std::tuple(erased, 2U, ""));
  EXPECT_EQ(get(), R"({"a":{},"e":5})") << "what is left empty stays";
  EXPECT_EQ(erase("/a"), std::tuple(erased, 1U, ""));
  EXPECT_EQ(erase(""), std::tuple(erased, 1U, ""));
  EXPECT_FALSE(cache.contains_group("d"));
  EXPECT_EQ(erase(""), std::tuple(absent, 0U, ""));
}

TEST_F(DocumentCalls, TellTypesKeysAndCounts) {
  put(R"({"o":{"b":1,"a":{"x":1,"y":2}},"a":[1,[2,3],{}],"s":"x","n":1,"t":true,"z":null,"eo":{},"ea":[]})");
  const std::map<std::string, JsonType> types{
      {"", JsonType::object},    {"/o", JsonType::object},   {"/a", JsonType::array},
      {"/a/1", JsonType::array}, {"/a/2", JsonType::object}, {"/s", JsonType::string},
      {"/n", JsonType::number},  {"/t", JsonType::boolean},  {"/z", JsonType::null},
      {"/eo", JsonType::object}, {"/ea", JsonType::array}};
  for (const auto& [pointer, type] : types) {
    EXPECT_EQ(documents.type("d", pointer).value(), type) << pointer;
    EXPECT_TRUE(documents.exists("d", pointer).value());
  }
  EXPECT_EQ(documents.type("d", "/q").value(), std::nullopt);
  EXPECT_FALSE(documents.exists("d", "/a/3").value());
  EXPECT_FALSE(documents.exists("x").value());
  EXPECT_EQ(documents.keys("d", "/o").value().value(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(documents.keys("d").value()->size(), 8U);
  EXPECT_EQ(documents.keys("d", "/eo").value()->size(), 0U);
  EXPECT_EQ(error_of(documents.keys("d", "/a")), "wrong_type");
  EXPECT_EQ(documents.keys("d", "/q").value(), std::nullopt);
  EXPECT_EQ(documents.count("d").value(), 8U);
  EXPECT_EQ(documents.count("d", "/a").value(), 3U);
  EXPECT_EQ(documents.count("d", "/o/a").value(), 2U);
  EXPECT_EQ(documents.count("d", "/ea").value(), 0U);
  EXPECT_EQ(error_of(documents.count("d", "/s")), "wrong_type");
  EXPECT_EQ(documents.count("d", "/q").value(), std::nullopt);
}

TEST_F(DocumentCalls, AddNumbers) {
  put(R"({"n":5,"f":1.5,"big":9223372036854775807,"s":"x","o":{"a":1}})");
  const auto add = [&](std::string_view pointer, std::string_view by) {
    const auto sum = documents.increment("d", pointer, by);
    return sum ? sum->value_or("none") : error_of(sum);
  };
  EXPECT_EQ(add("/n", "3"), "8");
  EXPECT_EQ(add("/n", "-10"), "-2");
  EXPECT_EQ(add("/n", "0.5"), "-1.5");
  EXPECT_EQ(add("/f", "1.5"), "3.0");
  EXPECT_EQ(add("/big", "1"), "out_of_range");
  EXPECT_EQ(add("/s", "1"), "wrong_type");
  EXPECT_EQ(add("/o", "1"), "wrong_type");
  EXPECT_EQ(add("/q", "1"), "none");
  EXPECT_EQ(add("/n", "x"), "invalid_argument");
  EXPECT_EQ(add("/f", "1e308"), "1e+308");
  EXPECT_EQ(add("/f", "1e308"), "out_of_range");
  EXPECT_EQ(get("/f"), "1e+308");
}

TEST_F(DocumentCalls, Clear) {
  put(R"({"o":{"a":1},"a":[1,2],"n":5,"s":"x"})");
  EXPECT_EQ(documents.clear("d", "/o").value(), true);
  EXPECT_EQ(documents.clear("d", "/a").value(), true);
  EXPECT_EQ(documents.clear("d", "/n").value(), true);
  EXPECT_EQ(documents.clear("d", "/s").value(), false);
  EXPECT_EQ(documents.clear("d", "/o").value(), false);
  EXPECT_EQ(documents.clear("d", "/q").value(), std::nullopt);
  EXPECT_EQ(get(), R"({"o":{},"a":[],"n":0,"s":"x"})");
  EXPECT_EQ(documents.clear("d").value(), true);
  EXPECT_EQ(get(), "{}");
}

TEST_F(DocumentCalls, AreWalked) {
  put(R"({"b":[1,{"c":"x"}],"a":{}})");
  std::vector<std::string> seen;
  EXPECT_EQ(documents
                .walk("d", "",
                      [&](std::string_view pointer, std::string_view json) {
                        seen.push_back(std::string(pointer) + "=" + std::string(json));
                      })
                .value(),
            3U);
  EXPECT_EQ(seen, (std::vector<std::string>{"/b/0=1", "/b/1/c=\"x\"", "/a={}"}));
  EXPECT_EQ(documents.walk("d", "/b/1", [](auto, auto) {}).value(), 1U);
  EXPECT_EQ(documents.walk("d", "/q", [](auto, auto) {}).value(), 0U);
}

TEST_F(DocumentCalls, KeepTimesToLive) {
  documents.put("d", R"({"a":1,"b":[1,2,3],"c":3})", {.ttl = Millis(1000)}).value();
  EXPECT_TRUE(cache.expire("d", "/b/2", Millis(5000)).value());
  EXPECT_TRUE(cache.expire("d", "/c", std::nullopt).value());
  const auto left = [&](std::string_view field) {
    const auto ttl = cache.ttl("d", field);
    return ttl && ttl->remaining ? ttl->remaining->count() : -1;
  };
  documents.put("d", "/a", "2", {.keep_ttl = true}).value();
  EXPECT_EQ(left("/a"), 1000);
  put("4", "/d");
  EXPECT_EQ(left("/a"), 1000);
  EXPECT_EQ(left("/d"), -1);
  EXPECT_TRUE(documents.erase("d", "/b/0"));
  EXPECT_EQ(left("/b/0"), 1000);
  EXPECT_EQ(left("/b/1"), 5000) << "it has moved, and its time with it";
  EXPECT_EQ(left("/b/2"), -1);
  EXPECT_EQ(get(), R"({"a":2,"b":[2,3],"c":3,"d":4})");
  documents.put("d", "/a", "2", {.ttl = Millis(7)}).value();
  EXPECT_EQ(left("/a"), 7);
  EXPECT_EQ(error_of(documents.put("d", "/a", "2", {.ttl = Millis(7), .keep_ttl = true})),
            "invalid_argument");
  EXPECT_EQ(error_of(documents.put("d", "/a", "2", {.ttl = Millis(0)})), "ttl_out_of_range");
}

TEST_F(DocumentCalls, SayWhatTheyLost) {
  put(R"({"a":1,"b":[1,2,3],"c":{"d":4}})");
  EXPECT_TRUE(documents.get("d").value()->is_complete);
  EXPECT_TRUE(cache.expire("d", "/b/1", Millis(10)).value());
  clock->advance(Millis(10));
  const auto whole = documents.get("d").value();
  EXPECT_EQ(whole->text, R"({"a":1,"b":[1,null,3],"c":{"d":4}})") << "the third stays the third";
  EXPECT_FALSE(whole->is_complete);
  EXPECT_FALSE(documents.get("d", "/c").value()->is_complete) << "nobody knows of what";
  EXPECT_TRUE(documents.get("d", "/c/d").value()->is_complete) << "a leaf is what was written";
  const JsonRead strict{.strict = true};
  EXPECT_EQ(documents.get("d", "", strict).value(), std::nullopt);
  EXPECT_EQ(documents.get("d", "/a", strict).value(), std::nullopt);
  EXPECT_FALSE(documents.exists("d", "/c", strict).value());
  EXPECT_EQ(documents.keys("d", "", strict).value(), std::nullopt);
  EXPECT_EQ(documents.count("d", "/b", strict).value(), std::nullopt);
  EXPECT_EQ(documents.find("d", {}, strict).value().size(), 0U);
  // An edit does not make it whole, and what was lost stays lost.
  put("5", "/e");
  EXPECT_EQ(get(), R"({"a":1,"b":[1,null,3],"c":{"d":4},"e":5})");
  EXPECT_FALSE(documents.get("d").value()->is_complete);
  EXPECT_FALSE(cache.contains("d", "/b/1"));
  put(R"({"a":1})");
  EXPECT_TRUE(documents.get("d").value()->is_complete);
  EXPECT_EQ(documents.get("d", "/a", strict).value()->text, "1");
}

TEST_F(DocumentCalls, AreLoadedWhereTheyAreNot) {
  int loads = 0;
  const Loader loader = [&](std::string_view group, std::string_view field) {
    EXPECT_EQ(group, "d");
    EXPECT_EQ(field, "");
    ++loads;
    return Loaded::of(R"({"a":[1,2]})");
  };
  EXPECT_EQ(documents.get_or_load("d", "/a/1", loader).value()->text, "2");
  EXPECT_EQ(documents.get_or_load("d", "/a/0", loader).value()->text, "1");
  EXPECT_EQ(documents.get_or_load("d", "/b", loader).value(), std::nullopt);
  EXPECT_EQ(loads, 1);
  EXPECT_TRUE(cache.expire("d", "/a/1", Millis(10)).value());
  clock->advance(Millis(10));
  EXPECT_EQ(documents.get_or_load("d", "/a/1", loader).value(), std::nullopt);
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(documents.get_or_load("d", "/a/1", loader, {.strict = true}).value()->text, "2");
  EXPECT_EQ(loads, 2);
  const auto none = [](std::string_view, std::string_view) { return Loaded::absent(); };
  EXPECT_EQ(documents.get_or_load("x", "", none).value(), std::nullopt);
  const auto broken = [](std::string_view, std::string_view) { return Loaded::of("{"); };
  EXPECT_EQ(error_of(documents.get_or_load("x", "", broken)), "bad_json");
  const auto failing = [](std::string_view, std::string_view) { return Loaded::failed("why"); };
  EXPECT_EQ(error_of(documents.get_or_load("x", "", failing)), "load_failed");
  cache.set("hash", "f", "v").value();
  EXPECT_EQ(error_of(documents.get_or_load("hash", "", loader)), "wrong_kind");
}

TEST_F(DocumentCalls, AreNotLoadedOverWhatOthersWriteMeanwhile) {
  // As another thread writes while the loader is asked.
  const auto load = [&](const std::function<void()>& meanwhile, const JsonRead& options = {}) {
    const auto json = documents.get_or_load(
        "d", "/a",
        [&](auto, auto) {
          std::thread(meanwhile).join();
          return Loaded::of(R"({"a":"loaded"})");
        },
        options);
    if (!json) return error_of(json);
    return *json ? (*json)->text : "none";
  };
  EXPECT_EQ(load([&] { put(R"({"a":"written"})"); }), "\"written\"");
  EXPECT_EQ(get(), R"({"a":"written"})");

  cache.erase_group("d");
  EXPECT_EQ(load([&] { put(R"({"b":"written"})"); }), "none")
      << "it is there, and has no such part";
  EXPECT_EQ(get(), R"({"b":"written"})");

  cache.erase_group("d");
  EXPECT_EQ(load([&] { put("1"), cache.erase_group("d"); }), "\"loaded\"");
  EXPECT_EQ(get(), "none") << "it was erased after what was loaded had been looked up";

  cache.erase_group("d");
  EXPECT_EQ(load([&] { cache.set("d", "f", "v").value(); }), "wrong_kind");
  cache.erase_group("d");

  for (const Loaded& answer : {Loaded::absent(), Loaded::failed("why"), Loaded::of("{")}) {
    cache.erase_group("d");
    const auto json = documents.get_or_load("d", "/a", [&](auto, auto) {
      std::thread([&] { put(R"({"a":1})"); }).join();
      return answer;
    });
    EXPECT_EQ(json.value()->text, "1") << "another wrote it, whatever the loader says";
  }
  cache.erase_group("d");

  // A strict reader gets all of a document or none of it.
  put(R"({"a":1,"b":2})");
  EXPECT_TRUE(cache.expire("d", "/b", Millis(10)).value());
  clock->advance(Millis(10));
  EXPECT_EQ(load([&] { put("3", "/a"); }, {.strict = true}), "\"loaded\"");
  EXPECT_EQ(get(), R"({"a":3})") << "what another wrote stays";
  EXPECT_EQ(load([&] {}, {.strict = true}), "\"loaded\"");
  EXPECT_EQ(get(), R"({"a":"loaded"})");
}

TEST_F(DocumentCalls, AreLoadedWithTheirTimeToLiveOrRememberedAsAbsent) {
  int loads = 0;
  const auto ask = [&](const Loaded& answer, const LoadOptions& options) {
    const auto json = documents.get_or_load(
        "d", "",
        [&](auto, auto) {
          ++loads;
          return answer;
        },
        {}, options);
    if (!json) return error_of(json);
    return *json ? (*json)->text : "none";
  };
  EXPECT_EQ(ask(Loaded::absent(), {.negative_ttl = Millis(100)}), "none");
  EXPECT_EQ(ask(Loaded::of("[1]"), {}), "none");
  EXPECT_EQ(loads, 1);
  clock->advance(Millis(101));
  EXPECT_EQ(ask(Loaded::of("[1]"), {.ttl = Millis(50), .negative_ttl = Millis(100)}), "[1]");
  clock->advance(Millis(51));
  EXPECT_EQ(ask(Loaded::of("[2]", Millis(20)), {.ttl = Millis(50)}), "[2]")
      << "a put is no absence";
  clock->advance(Millis(21));
  EXPECT_EQ(get(), "none");
}

TEST_F(DocumentCalls, RefuseWhatIsNoDocument) {
  cache.set("d", "field", "value").value();
  cache.set("d", "/a", "value").value();
  EXPECT_EQ(get(), "wrong_kind");
  EXPECT_EQ(get("/a"), "wrong_kind");
  EXPECT_EQ(get("/b"), "wrong_kind");
  EXPECT_EQ(put("1"), "wrong_kind");
  EXPECT_EQ(put("1", "/a"), "wrong_kind");
  EXPECT_EQ(put("{}", "/a"), "wrong_kind");
  EXPECT_EQ(error_of(documents.erase("d", "/a")), "wrong_kind");
  EXPECT_EQ(error_of(documents.erase("d", "")), "wrong_kind");
  EXPECT_EQ(error_of(documents.increment("d", "/a", "1")), "wrong_kind");
  EXPECT_EQ(error_of(documents.merge("d", "", "{}")), "wrong_kind");
  EXPECT_EQ(error_of(documents.patch("d", "[]")), "wrong_kind");
  EXPECT_EQ(error_of(documents.find("d", {})), "wrong_kind");
  EXPECT_EQ(error_of(documents.type("d")), "wrong_kind");
  EXPECT_EQ(cache.get("d", "field")->view(), "value");
  // A document that somebody else wrote into is none any more.
  documents.put("e", R"({"a":1})").value();
  cache.set("e", "not a pointer", "x").value();
  EXPECT_EQ(get("", "e"), "wrong_kind");
}

TEST_F(DocumentCalls, RefuseBadInput) {
  put(R"({"a":1})");
  EXPECT_EQ(put("{", ""), "bad_json");
  EXPECT_EQ(put("1", "a"), "bad_pointer");
  EXPECT_EQ(put("1", "/a~"), "bad_pointer");
  EXPECT_EQ(put("1", "/a~2"), "bad_pointer");
  for (const char* no_utf8 : {"/\xb6", "/a\xc3", "/a/\xff\xfe/b", "/\xed\xa0\x80", "/\xc0\xaf"})
    EXPECT_EQ(put("1", no_utf8), "bad_pointer") << "it would come out as no JSON";
  EXPECT_EQ(get("a"), "bad_pointer");
  EXPECT_EQ(put("1", "/" + std::string(k_document_pointer_max_bytes, 'x')), "path_too_long");
  EXPECT_EQ(put("{\"" + std::string(k_document_pointer_max_bytes, 'x') + "\":1}"), "path_too_long");
  std::string deep;
  for (std::size_t i = 0; i < k_document_max_depth; ++i)
    deep += "/x";
  EXPECT_EQ(get(deep), "none");
  EXPECT_EQ(get(deep + "/x"), "too_deep");
  EXPECT_EQ(
      put(std::string(k_document_max_depth + 1, '[') + std::string(k_document_max_depth + 1, ']')),
      "too_deep");
  EXPECT_EQ(put(std::string(k_document_max_depth, '[') + std::string(k_document_max_depth, ']')),
            "replaced");
  std::string wide = "[";
  for (std::size_t i = 0; i < k_document_max_leaves; ++i)
    wide += "0,";
  EXPECT_EQ(put(wide + "0]"), "too_many_leaves");
  wide.back() = ']';
  EXPECT_EQ(put(wide), "replaced");
  EXPECT_EQ(get(), wide);
  EXPECT_EQ(put("0", "/-"), "too_many_leaves");
  EXPECT_EQ(get(), wide);
  EXPECT_EQ(put("\"" + std::string(2 * k_mib, 'x') + "\""), "value_too_long");
}

TEST_F(DocumentCalls, MayBeLarge) {
  std::string json = "{";
  for (int i = 0; i < 1000; ++i) {
    if (i != 0) json += ",";
    json += "\"member " + std::to_string(i) + "\":{\"number\":" + std::to_string(i * 7) +
            ",\"text\":\"" + std::string(static_cast<std::size_t>(i % 40), 'x') +
            "\",\"list\":[true,null,-1.5]}";
  }
  json += "}";
  EXPECT_EQ(put(json), "inserted");
  EXPECT_EQ(get(), json);
  EXPECT_EQ(get("/member 17/list/2"), "-1.5");
  EXPECT_EQ(documents.count("d").value(), 1000U);
  EXPECT_TRUE(cache.validate().ok);
}

TEST_F(DocumentCalls, FindLeaves) {
  put(R"({"users":[{"name":"Ada","age":36},{"name":"Bob","age":7,"tags":["a","b"]}],"count":2,"ada":"Adam"})");
  const auto find = [&](const JsonFilter& filter) {
    std::string all;
    const auto found = documents.find("d", filter);
    if (!found) return error_of(found);
    for (const JsonMatch& match : *found)
      all += match.pointer + "=" + match.json + " ";
    return all;
  };
  EXPECT_EQ(find({.pattern = "/users/*/name"}), "/users/0/name=\"Ada\" /users/1/name=\"Bob\" ");
  EXPECT_EQ(find({.pattern = "/**/name"}), "/users/0/name=\"Ada\" /users/1/name=\"Bob\" ");
  EXPECT_EQ(find({.pattern = "/**/tags/*"}), "/users/1/tags/0=\"a\" /users/1/tags/1=\"b\" ");
  EXPECT_EQ(find({.pattern = "/*"}), "/count=2 /ada=\"Adam\" ");
  EXPECT_EQ(find({.pattern = "/**/1/**"}),
            "/users/1/name=\"Bob\" /users/1/age=7 /users/1/tags/0=\"a\" /users/1/tags/1=\"b\" ");
  EXPECT_EQ(find({.value = JsonFilter::Equals{"2.0"}}), "/count=2 ");
  EXPECT_EQ(find({.value = JsonFilter::Equals{"\"Ada\""}}), "/users/0/name=\"Ada\" ");
  EXPECT_EQ(find({.value = JsonFilter::Range{7, 36}}), "/users/0/age=36 /users/1/age=7 ");
  EXPECT_EQ(find({.value = JsonFilter::Prefix{"Ad"}}), "/users/0/name=\"Ada\" /ada=\"Adam\" ");
  EXPECT_EQ(find({.pattern = "/**", .max_matches = 2}), "/users/0/name=\"Ada\" /users/0/age=36 ");
  EXPECT_EQ(find({.pattern = "/nobody"}), "");
  EXPECT_EQ(find({.pattern = "users"}), "bad_pointer");
  EXPECT_EQ(find({.value = JsonFilter::Equals{"{\"a\":1}"}}), "invalid_argument");
  EXPECT_EQ(find({.value = JsonFilter::Equals{"{"}}), "bad_json");
  put("5");
  EXPECT_EQ(find({}), "=5 ") << "a document that is a leaf";
}

}  // namespace
}  // namespace ullage::document
