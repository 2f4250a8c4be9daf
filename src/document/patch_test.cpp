// JSON Patch and JSON Merge Patch, by the examples of their standards and against another
// implementation.
#include "document/documents_testing.h"
#include "document/pointer.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace ullage::document {
namespace {

class Patches : public DocumentsFixture {
 protected:
  std::string patched(std::string_view json, std::string_view patch) {
    documents.put("d", json).value();
    const auto done = documents.patch("d", patch);
    if (!done) {
      EXPECT_EQ(get(), json) << "all or nothing";
      return error_of(done);
    }
    return get();
  }
  std::string merged(std::string_view json, std::string_view patch) {
    documents.put("d", json).value();
    const auto done = documents.merge("d", "", patch);
    return done ? get() : error_of(done);
  }
};

// RFC 6902, appendix A.
TEST_F(Patches, DoWhatTheStandardSays) {
  EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])"),
            R"({"foo":"bar","baz":"qux"})");
  EXPECT_EQ(patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])"),
            R"({"foo":["bar","qux","baz"]})");
  EXPECT_EQ(patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])"),
            R"({"foo":"bar"})");
  EXPECT_EQ(patched(R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])"),
            R"({"foo":["bar","baz"]})");
  EXPECT_EQ(
      patched(R"({"baz":"qux","foo":"bar"})", R"([{"op":"replace","path":"/baz","value":"boo"}])"),
      R"({"baz":"boo","foo":"bar"})");
  EXPECT_EQ(patched(R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
                    R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])"),
            R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})");
  EXPECT_EQ(patched(R"({"foo":["all","grass","cows","eat"]})",
                    R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])"),
            R"({"foo":["all","cows","eat","grass"]})");
  EXPECT_EQ(patched(R"({"baz":"qux","foo":["a",2,"c"]})",
                    R"([{"op":"test","path":"/baz","value":"qux"},
                        {"op":"test","path":"/foo/1","value":2}])"),
            R"({"baz":"qux","foo":["a",2,"c"]})");
  EXPECT_EQ(patched(R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])"),
            "patch_failed");
  EXPECT_EQ(
      patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}}}])"),
      R"({"foo":"bar","child":{"grandchild":{}}})");
  EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","xyz":123}])"),
            R"({"foo":"bar","baz":"qux"})");
  EXPECT_EQ(patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])"),
            "patch_failed");
  EXPECT_EQ(
      patched(R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","op":"remove"}])"),
      "patch_failed")
      << "the last of members of one name";
  EXPECT_EQ(patched(R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])"),
            R"({"/":9,"~1":10})");
  EXPECT_EQ(patched(R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":"10"}])"),
            "patch_failed");
  EXPECT_EQ(
      patched(R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])"),
      R"({"foo":["bar",["abc","def"]]})");
}

TEST_F(Patches, AreAllOrNothing) {
  const std::string json = R"({"a":{"b":[1,2,3]},"c":"d"})";
  for (const char* last : {
           R"({"op":"remove","path":"/x"})",
           R"({"op":"replace","path":"/x","value":1})",
           R"({"op":"add","path":"/a/b/9","value":1})",
           R"({"op":"move","from":"/x","path":"/y"})",
           R"({"op":"move","from":"/a","path":"/a/b/0"})",
           R"({"op":"copy","from":"/x","path":"/y"})",
           R"({"op":"test","path":"/a","value":{}})",
           R"({"op":"add","path":"/c/d","value":1})",
       }) {
    const std::string patch =
        R"([{"op":"add","path":"/new","value":1},{"op":"remove","path":"/a/b/0"},)" +
        std::string(last) + "]";
    EXPECT_EQ(patched(json, patch), "patch_failed") << last;
  }
  const auto why = documents.patch(
      "d", R"([{"op":"add","path":"/n","value":1},{"op":"remove","path":"/a/x/y"}])");
  EXPECT_EQ(why.error().message,
            "operation 2 of the patch (remove \"/a/x/y\"): there is nothing at \"/a/x/y\"; the "
            "path ends at \"/a\"");
}

TEST_F(Patches, AreRefusedWhereTheyAreNone) {
  documents.put("d", "{}").value();
  for (const char* patch : {
           "{}",
           "1",
           "[1]",
           R"([{"path":"/a"}])",
           R"([{"op":1,"path":"/a"}])",
           R"([{"op":"put","path":"/a"}])",
           R"([{"op":"add","path":"/a"}])",
           R"([{"op":"add","value":1}])",
           R"([{"op":"add","path":"a","value":1}])",
           R"([{"op":"move","path":"/a"}])",
           R"([{"op":"copy","path":"/a","from":"a"}])",
       })
    EXPECT_EQ(error_of(documents.patch("d", patch)), "bad_patch") << patch;
  EXPECT_EQ(error_of(documents.patch("d", "[")), "bad_json");
  std::string many = "[";
  for (std::size_t i = 0; i <= k_document_patch_max_operations; ++i)
    many += std::string(i == 0 ? "" : ",") + R"({"op":"add","path":"/a","value":1})";
  EXPECT_EQ(error_of(documents.patch("d", many + "]")), "bad_patch");
  std::string copies = R"([{"op":"add","path":"/a","value":[1,2,3,4,5,6,7,8]})";
  for (int i = 0; i < 40; ++i)
    copies += R"(,{"op":"copy","from":"","path":"/a/0"})";
  EXPECT_EQ(error_of(documents.patch("d", copies + "]")), "patch_failed") << "too large";
}

TEST_F(Patches, MayMakeAndEndADocument) {
  EXPECT_TRUE(documents.patch("new", R"([{"op":"add","path":"","value":{"a":1}}])"));
  EXPECT_EQ(get("", "new"), R"({"a":1})");
  EXPECT_TRUE(documents.patch("new", R"([{"op":"remove","path":""}])"));
  EXPECT_FALSE(cache.contains_group("new"));
  EXPECT_EQ(error_of(documents.patch("new", R"([{"op":"add","path":"/a","value":1}])")),
            "patch_failed");
  EXPECT_TRUE(documents.patch("new", "[]"));
  EXPECT_FALSE(cache.contains_group("new"));
}

TEST_F(Patches, CompareNumbersByWhatTheyAre) {
  for (const auto& [left, right] :
       {std::pair{"1", "1.0"}, {"1e2", "100"}, {"-0", "0"}, {"0.5", "5e-1"}}) {
    const std::string patch = R"([{"op":"test","path":"/n","value":)" + std::string(right) + "}]";
    EXPECT_NE(patched(R"({"n":)" + std::string(left) + "}", patch), "patch_failed") << left;
  }
  EXPECT_EQ(patched(R"({"n":9007199254740993})",
                    R"([{"op":"test","path":"/n","value":9007199254740992}])"),
            "patch_failed")
      << "equal as doubles, and not the same";
}

// RFC 7396, appendix A.
TEST_F(Patches, MergeAsTheStandardSays) {
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"b":"c"})"), R"({"a":"b","b":"c"})");
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"a":null})"), "{}");
  EXPECT_EQ(merged(R"({"a":"b","b":"c"})", R"({"a":null})"), R"({"b":"c"})");
  EXPECT_EQ(merged(R"({"a":["b"]})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(merged(R"({"a":"c"})", R"({"a":["b"]})"), R"({"a":["b"]})");
  EXPECT_EQ(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})"), R"({"a":{"b":"d"}})");
  EXPECT_EQ(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(merged(R"(["a","b"])", R"(["c","d"])"), R"(["c","d"])");
  EXPECT_EQ(merged(R"({"a":"b"})", R"(["c"])"), R"(["c"])");
  EXPECT_EQ(merged(R"({"a":"foo"})", "null"), "null");
  EXPECT_EQ(merged(R"({"a":"foo"})", "\"bar\""), "\"bar\"");
  EXPECT_EQ(merged(R"({"e":null})", R"({"a":1})"), R"({"e":null,"a":1})");
  EXPECT_EQ(merged("[1,2]", R"({"a":"b","c":null})"), R"({"a":"b"})");
  EXPECT_EQ(merged("{}", R"({"a":{"bb":{"ccc":null}}})"), R"({"a":{"bb":{}}})");
}

TEST_F(Patches, MergeIntoParts) {
  documents.put("d", R"({"a":{"b":{"c":1,"d":2}},"e":1})").value();
  EXPECT_TRUE(documents.merge("d", "/a/b", R"({"c":null,"x":{"y":null,"z":1}})"));
  EXPECT_EQ(get(), R"({"a":{"b":{"d":2,"x":{"z":1}}},"e":1})");
  EXPECT_TRUE(documents.merge("d", "/a/new", R"({"p":{"q":null}})"));
  EXPECT_EQ(get("/a/new"), R"({"p":{}})");
  EXPECT_TRUE(documents.merge("d", "/e", "null"));
  EXPECT_EQ(get("/e"), "none");
  EXPECT_EQ(error_of(documents.merge("d", "/q/r", "{}")), "not_found");
  EXPECT_TRUE(documents.merge("made", "", R"({"a":1,"b":null})"));
  EXPECT_EQ(get("", "made"), R"({"a":1})");
}

/// Small documents with few names, so that patches meet what is there.
class Some {
 public:
  explicit Some(std::uint64_t seed) : state_(seed) {}
  nlohmann::ordered_json value(int depth) {
    switch (next() % (depth == 0 ? 5 : 8)) {
      case 0:
        return nullptr;
      case 1:
        return next() % 2 == 0;
      case 2:
        return static_cast<int>(next() % 100) - 50;
      case 3:
        return 0.25 * static_cast<double>(next() % 16) + 0.125;
      case 4:
        return std::string(next() % 4, "a\"\\\n"[next() % 4]);
      case 5: {
        nlohmann::ordered_json array = nlohmann::ordered_json::array();
        for (std::uint64_t n = next() % 4; n > 0; --n)
          array.push_back(value(depth - 1));
        return array;
      }
      default: {
        nlohmann::ordered_json object = nlohmann::ordered_json::object();
        for (std::uint64_t n = next() % 5; n > 0; --n)
          object[name()] = value(depth - 1);
        return object;
      }
    }
  }
  std::string name() {
    constexpr const char* k_names[] = {"a", "b", "0", "1", "~", "/", "", "long name"};
    return k_names[next() % std::size(k_names)];
  }
  /// Mostly of what is there.
  std::string pointer(const nlohmann::ordered_json& in) {
    std::string pointer;
    const nlohmann::ordered_json* at = &in;
    while (next() % 4 != 0 && at->is_structured() && !at->empty()) {
      const auto nth = static_cast<std::ptrdiff_t>(next() % at->size());
      if (at->is_array()) {
        append_index(pointer, static_cast<std::size_t>(nth));
        at = &(*at)[static_cast<std::size_t>(nth)];
      } else {
        const auto member = std::next(at->begin(), nth);
        append_token(pointer, member.key());
        at = &member.value();
      }
    }
    if (next() % 3 == 0) append_token(pointer, next() % 3 == 0 ? "-" : name());
    return pointer;
  }
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

TEST_F(Patches, AgreeWithAnotherImplementation) {
  int patches_done = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Some some(seed);
    nlohmann::ordered_json model = some.value(3);
    documents.put("d", model.dump()).value();
    ASSERT_EQ(get(), model.dump());
    for (int step = 0; step < 4; ++step) {
      if (some.next() % 2 == 0) {
        const nlohmann::ordered_json patch = some.value(3);
        model.merge_patch(patch);
        ASSERT_TRUE(documents.merge("d", "", patch.dump())) << seed;
        ASSERT_EQ(nlohmann::ordered_json::parse(get()), model) << seed << " " << patch.dump();
        continue;
      }
      nlohmann::ordered_json patch = nlohmann::ordered_json::array();
      for (std::uint64_t n = 1 + some.next() % 3; n > 0; --n) {
        constexpr const char* k_ops[] = {"add", "remove", "replace", "move", "copy", "test"};
        const std::string op = k_ops[some.next() % std::size(k_ops)];
        nlohmann::ordered_json one{{"op", op}, {"path", some.pointer(model)}};
        if (op == "move" || op == "copy") one["from"] = some.pointer(model);
        if (op == "add" || op == "replace" || op == "test") one["value"] = some.value(2);
        // The other one knows no document that is gone.
        for (const char* member : {"path", "from"}) {
          if ((op == "remove" || op == "move") && one.contains(member) &&
              one[member].get<std::string>().empty())
            one[member] = "/a";
        }
        patch.push_back(one);
      }
      const std::string before = get();
      const auto done = documents.patch("d", patch.dump());
      if (done) {
        model = model.patch(patch);  // it ends the process where a path goes on below a scalar
        // What is moved to where it is keeps its place among the members with us.
        ASSERT_EQ(nlohmann::json::parse(get()), nlohmann::json::parse(model.dump()))
            << seed << " " << patch.dump();
        model = nlohmann::ordered_json::parse(get());
        ++patches_done;
      } else {
        ASSERT_EQ(get(), before) << seed;
      }
    }
  }
  EXPECT_GT(patches_done, 500);
  EXPECT_TRUE(cache.validate().ok);
}

}  // namespace
}  // namespace ullage::document
