// JSON documents: what RedisJSON's commands say of paths that name one value.
#include <ullage/document.h>

#include "command/call.h"
#include "command/families.h"
#include "command/json_path.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

constexpr std::string_view k_no_key =
    "ERR could not perform this operation on a key that doesn't exist";
constexpr std::string_view k_no_path = "ERR Path does not exist";
constexpr std::string_view k_new_at_root = "ERR new objects must be created at the root";

/// Argument i, or what stands for it: the root, as it was written before there was a $.
std::optional<JsonPath> path_at(Call& call, std::size_t i) {
  std::string problem;
  auto path = JsonPath::parse(i < call.args.size() ? call.args[i] : ".", problem);
  if (!path) call.error(problem);
  return path;
}

/// Whether the key holds a document; none with an error written where it holds something else.
std::optional<bool> holds_document(Call& call, const Key& key) {
  const Type type = call.type_of(key);
  if (type == Type::none || type == Type::document) return type == Type::document;
  call.wrong_type();
  return std::nullopt;
}

void refused(Call& call, const Error& error) {
  if (error.code == Errc::wrong_kind) return call.wrong_type();
  call.refused(error);
}

/// Whether a path's steps are of the kind that they say, where a pointer cannot tell: [0] is an
/// element, and "0" a member.
bool is_so(Call& call, const Key& key, const JsonPath& path) {
  Documents documents(call.cache());
  std::size_t begin = 0;
  for (const JsonPath::Step& step : path.steps) {
    const std::string_view above = std::string_view(path.pointer).substr(0, begin);
    begin = step.end;
    if (!step.is_index && !step.is_name) continue;
    const auto type = documents.type(key.group(), above);
    if (!type || !*type) return false;
    if ((**type == JsonType::array) != step.is_index) return false;
  }
  return true;
}

void json_set(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  JsonWrite options;
  if (call.args.size() > 5) return call.syntax_error();
  if (call.args.size() == 5) {
    if (call.is_word(4, "NX")) {
      options.condition = Condition::if_absent;
    } else if (call.is_word(4, "XX")) {
      options.condition = Condition::if_present;
    } else {
      return call.syntax_error();
    }
  }
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::several);
  call.see_documents();
  const auto holds = holds_document(call, key);
  if (!holds) return;
  Documents documents(call.cache());
  if (!path->is_root()) {
    if (!*holds) {
      if (options.condition == Condition::if_present) return call.reply.null();
      return call.error(k_new_at_root);
    }
    // What is not there is a member of an object that is: nothing else is made on the way.
    const bool is_element = !path->steps.empty() && path->steps.back().is_index;
    const auto there = documents.exists(key.group(), path->pointer);
    if (!there) return refused(call, there.error());
    if (!is_so(call, key, *path) || (is_element && !*there)) return call.reply.null();
  }
  const auto done = documents.put(key.group(), path->pointer, call.args[3], options);
  if (!done) {
    const Errc code = done.error().code;
    if (code == Errc::not_found || code == Errc::wrong_type) return call.reply.null();
    return refused(call, done.error());
  }
  if (*done == SetOutcome::unchanged) return call.reply.null();
  call.changed_as_a_whole(key, k_event_json_set);
  call.reply.ok();
}

/// How JSON.GET writes: as it is, or for people.
struct Layout {
  std::string_view indent;
  std::string_view newline;
  std::string_view space;
  [[nodiscard]] bool is_plain() const noexcept {
    return indent.empty() && newline.empty() && space.empty();
  }
};

/// Valid JSON without blanks, with the layout's.
std::string laid_out(std::string_view json, const Layout& layout) {
  std::string out;
  std::size_t depth = 0;
  const auto line = [&] {
    out += layout.newline;
    for (std::size_t i = 0; i < depth; ++i)
      out += layout.indent;
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    switch (c) {
      case '"': {
        const std::size_t from = i++;
        while (json[i] != '"')
          i += json[i] == '\\' ? 2 : 1;
        out += json.substr(from, i - from + 1);
        break;
      }
      case '{':
      case '[':
        out += c;
        if (json[i + 1] == '}' || json[i + 1] == ']') {
          out += json[++i];
        } else {
          ++depth;
          line();
        }
        break;
      case '}':
      case ']':
        --depth;
        line();
        out += c;
        break;
      case ',':
        out += c;
        line();
        break;
      case ':':
        out += c;
        out += layout.space;
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// What a path finds, as JSON.GET puts it; none with an error written. `found`: there is something.
std::optional<std::string> text_at(Call& call, const Key& key, const JsonPath& path,
                                   bool as_array) {
  std::optional<Json> json;
  if (is_so(call, key, path)) {
    auto got = Documents(call.cache()).get(key.group(), path.pointer);
    if (!got) {
      refused(call, got.error());
      return std::nullopt;
    }
    json = std::move(*got);
  }
  if (as_array) return json ? "[" + json->text + "]" : "[]";
  if (json) return std::move(json->text);
  call.error(k_no_path);
  return std::nullopt;
}

void json_get(Call& call) {
  Layout layout;
  std::vector<std::pair<std::string_view, JsonPath>> paths;
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    std::string_view* const word = call.is_word(i, "INDENT")    ? &layout.indent
                                   : call.is_word(i, "NEWLINE") ? &layout.newline
                                   : call.is_word(i, "SPACE")   ? &layout.space
                                                                : nullptr;
    if (word != nullptr) {
      if (++i == call.args.size()) return call.syntax_error();
      *word = call.args[i];
      continue;
    }
    if (call.is_word(i, "NOESCAPE")) continue;  // it does nothing, there as here
    auto path = path_at(call, i);
    if (!path) return;
    paths.emplace_back(call.args[i], std::move(*path));
  }
  if (paths.empty()) paths.emplace_back(".", JsonPath{});
  // One path that begins with $ makes all answers arrays.
  const bool as_array =
      std::ranges::any_of(paths, [](const auto& one) { return !one.second.is_single; });
  const Key key = call.key(1);
  call.reading(key, [&] {
    const auto holds = holds_document(call, key);
    if (!holds) return;
    if (!*holds) return call.reply.null();
    std::string text;
    for (const auto& [name, path] : paths) {
      const auto one = text_at(call, key, path, as_array);
      if (!one) return;
      if (paths.size() == 1) {
        text = *one;
        break;
      }
      text += text.empty() ? "{" : ",";
      text += '"';
      for (const char c : name) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += "\":" + *one;
    }
    if (paths.size() > 1) text += '}';
    call.reply.bulk(layout.is_plain() ? text : laid_out(text, layout));
  });
}

void json_mget(Call& call) {
  const std::size_t last = call.args.size() - 1;
  const auto path = path_at(call, last);
  if (!path) return;
  std::vector<KeyLocks::Stripe> stripes;
  for (std::size_t i = 1; i < last; ++i)
    stripes.push_back(call.key(i).stripe());
  call.reading(stripes, [&] {
    call.reply.array(last - 1);
    for (std::size_t i = 1; i < last; ++i) {
      const Key key = call.key(i);
      if (!call.is_document(key)) {
        call.reply.null();
        continue;
      }
      const auto json = is_so(call, key, *path)
                            ? Documents(call.cache()).get(key.group(), path->pointer)
                            : Result<std::optional<Json>>(std::optional<Json>{});
      if (!json || !*json) {
        path->is_single ? call.reply.null() : call.reply.bulk("[]");
      } else {
        call.reply.bulk(path->is_single ? (*json)->text : "[" + (*json)->text + "]");
      }
    }
  });
}

void json_del(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::several);
  const auto holds = holds_document(call, key);
  if (!holds) return;
  if (path->is_root()) {
    const bool erased = call.cache().erase_group(key.group());
    if (erased) call.changed_as_a_whole(key, k_event_del);
    return call.reply.integer(erased ? 1 : 0);
  }
  if (!is_so(call, key, *path)) return call.reply.integer(0);
  const auto done = Documents(call.cache()).erase(key.group(), path->pointer);
  if (!done) return refused(call, done.error());
  const bool erased = done->outcome == JsonErased::Outcome::erased;
  if (erased) call.changed_as_a_whole(key, k_event_json_del);
  call.reply.integer(erased ? 1 : 0);
}

/// The type in RedisJSON's words, which tell integers from other numbers.
std::string_view type_name(Call& call, const Key& key, std::string_view pointer, JsonType type) {
  if (type != JsonType::number) return to_string(type);
  const auto json = Documents(call.cache()).get(key.group(), pointer);
  if (!json || !*json) return "number";
  return (*json)->text.find_first_of(".eE") == std::string::npos ? "integer" : "number";
}

/// Answers of one value: itself, or of a path that begins with $ an array with it.
template <class Write>
void reply_one(Call& call, const JsonPath& path, bool is_there, Write write) {
  if (!path.is_single) {
    call.reply.array(is_there ? 1 : 0);
    if (is_there) write();
    return;
  }
  is_there ? write() : call.reply.null();
}

void json_type(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    const auto holds = holds_document(call, key);
    if (!holds) return;
    const auto type = Documents(call.cache()).type(key.group(), path->pointer);
    if (!type) return refused(call, type.error());
    // To RESP3 an answer more than RESP2 has: RedisJSON puts it into an array of its own.
    if (call.reply.is_resp3()) call.reply.array(1);
    if (!*holds) return call.reply.null();
    reply_one(call, *path, type->has_value() && is_so(call, key, *path),
              [&] { call.reply.bulk(type_name(call, key, path->pointer, **type)); });
  });
}

/// The sum as RESP3 has it: a number in an array, whatever the path is written like.
void reply_sum_in_resp3(Call& call, const std::optional<std::string>& sum, bool is_no_number) {
  call.reply.array(sum || is_no_number ? 1 : 0);
  if (is_no_number) return call.reply.null();
  if (!sum) return;
  const char* const end = sum->data() + sum->size();
  std::int64_t integer = 0;
  if (const auto done = std::from_chars(sum->data(), end, integer); done.ptr == end)
    return call.reply.integer(integer);
  double real = 0;
  std::from_chars(sum->data(), end, real);
  call.reply.real(real);
}

void json_numincrby(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::one_entry);
  const auto holds = holds_document(call, key);
  if (!holds) return;
  if (!*holds) return call.error(k_no_key);
  std::optional<std::string> sum;
  if (is_so(call, key, *path)) {
    auto done = Documents(call.cache()).increment(key.group(), path->pointer, call.args[3]);
    if (!done) {
      if (done.error().code != Errc::wrong_type) return refused(call, done.error());
      if (call.reply.is_resp3()) return reply_sum_in_resp3(call, std::nullopt, true);
      if (path->is_single)
        return call.error("ERR Path does not exist or does not contain a number");
      return call.reply.bulk("[null]");
    }
    sum = std::move(*done);
  }
  if (sum) call.changed_as_a_whole(key, k_event_json_numincrby);
  if (call.reply.is_resp3()) return reply_sum_in_resp3(call, sum, false);
  if (!path->is_single) return call.reply.bulk(sum ? "[" + *sum + "]" : "[]");
  if (!sum) return call.error("ERR Path does not exist or does not contain a number");
  call.reply.bulk(*sum);
}

void json_objkeys(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    const auto holds = holds_document(call, key);
    if (!holds) return;
    if (!*holds) return path->is_single ? call.reply.null() : call.reply.array(0);
    const auto keys = Documents(call.cache()).keys(key.group(), path->pointer);
    const bool is_none = !keys && keys.error().code == Errc::wrong_type;
    if (!keys && !is_none) return refused(call, keys.error());
    if (is_none && path->is_single)
      return call.error("WRONGTYPE wrong type of path value - expected object");
    const bool is_there = is_none || (keys->has_value() && is_so(call, key, *path));
    reply_one(call, *path, is_there, [&] {
      if (is_none) return call.reply.null();
      call.reply.array((*keys)->size());
      for (const std::string& name : **keys)
        call.reply.bulk(name);
    });
  });
}

template <JsonType wanted>
void json_len(Call& call) {
  constexpr bool k_of_object = wanted == JsonType::object;
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  call.reading(key, [&] {
    const auto holds = holds_document(call, key);
    if (!holds) return;
    if (!*holds) {
      if (path->is_single) return call.reply.null();
      return call.error(k_of_object ? "ERR Path does not exist or not an object" : k_no_key);
    }
    Documents documents(call.cache());
    const auto type = documents.type(key.group(), path->pointer);
    if (!type) return refused(call, type.error());
    const bool is_there = type->has_value() && is_so(call, key, *path);
    if (path->is_single && !is_there)
      return k_of_object ? call.reply.null() : call.error(k_no_path);
    if (path->is_single && **type != wanted) {
      return call.error(k_of_object ? "WRONGTYPE wrong type of path value - expected object"
                                    : "ERR Path does not exist or not an array");
    }
    const auto count = is_there && **type == wanted
                           ? documents.count(key.group(), path->pointer)
                           : Result<std::optional<std::uint64_t>>(std::optional<std::uint64_t>{});
    if (!count) return refused(call, count.error());
    reply_one(call, *path, is_there, [&] {
      *count ? call.reply.integer(static_cast<std::int64_t>(**count)) : call.reply.null();
    });
  });
}

void json_merge(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::several);
  call.see_documents();
  const auto holds = holds_document(call, key);
  if (!holds) return;
  if (!*holds && !path->is_root()) return call.error(k_new_at_root);
  if (!is_so(call, key, *path)) return call.reply.null();
  const auto done = Documents(call.cache()).merge(key.group(), path->pointer, call.args[3]);
  if (!done) {
    const Errc code = done.error().code;
    if (code == Errc::not_found || code == Errc::wrong_type) return call.reply.null();
    return refused(call, done.error());
  }
  call.changed_as_a_whole(key, k_event_json_merge);
  call.reply.ok();
}

void json_clear(Call& call) {
  const auto path = path_at(call, 2);
  if (!path) return;
  const Key key = call.key(1);
  const Writing held(call, key, Writing::Changes::several);
  const auto holds = holds_document(call, key);
  if (!holds) return;
  if (!*holds) return call.error(k_no_key);
  if (!is_so(call, key, *path)) return call.reply.integer(0);
  const auto done = Documents(call.cache()).clear(key.group(), path->pointer);
  if (!done) return refused(call, done.error());
  const bool cleared = done->value_or(false);
  if (cleared) call.changed_as_a_whole(key, k_event_json_clear);
  call.reply.integer(cleared ? 1 : 0);
}

constexpr Row make_json_row(std::string_view name, int arity, std::uint32_t flags,
                            KeyPositions keys, std::string_view syntax, std::string_view summary,
                            std::string_view since, Run run) {
  Row row = make_row(Family::json, name, arity, flags, keys, syntax, summary, since,
                     "O(leaves of the document)", run);
  row.entries = Entries::none;
  row.oracle = Oracle::transcript;
  return row;
}

constexpr Row k_rows[] = {
    make_json_row("JSON.SET", -4, k_write | k_denyoom, k_one_key, "key path value [NX|XX]",
                  "Writes a document, or a member or an element of one.", "1.0.0", json_set),
    make_json_row("JSON.GET", -2, k_readonly, k_one_key,
                  "key [INDENT indent] [NEWLINE newline] [SPACE space] [path ...]",
                  "A document, or parts of it, as JSON.", "1.0.0", json_get),
    make_json_row("JSON.MGET", -3, k_readonly, {1, -2, 1}, "key [key ...] path",
                  "The same part of several documents.", "1.0.0", json_mget),
    make_json_row("JSON.DEL", -2, k_write, k_one_key, "key [path]",
                  "Removes a document, a member or an element; answers how many.", "1.0.0",
                  json_del),
    make_json_row("JSON.FORGET", -2, k_write, k_one_key, "key [path]", "As JSON.DEL.", "1.0.0",
                  json_del),
    make_json_row("JSON.TYPE", -2, k_readonly, k_one_key, "key [path]", "Of what type a value is.",
                  "1.0.0", json_type),
    make_json_row("JSON.NUMINCRBY", 4, k_write | k_denyoom, k_one_key, "key path value",
                  "Adds to a number; answers the sum.", "1.0.0", json_numincrby),
    make_json_row("JSON.OBJKEYS", -2, k_readonly, k_one_key, "key [path]",
                  "Names of an object's members.", "1.0.0", json_objkeys),
    make_json_row("JSON.OBJLEN", -2, k_readonly, k_one_key, "key [path]",
                  "How many members an object has.", "1.0.0", json_len<JsonType::object>),
    make_json_row("JSON.ARRLEN", -2, k_readonly, k_one_key, "key [path]",
                  "How many elements an array has.", "1.0.0", json_len<JsonType::array>),
    make_json_row("JSON.MERGE", 4, k_write | k_denyoom, k_one_key, "key path value",
                  "Merges a JSON Merge Patch (RFC 7396) into a value.", "2.6.0", json_merge),
    make_json_row("JSON.CLEAR", -2, k_write, k_one_key, "key [path]",
                  "Makes an object or array empty, a number 0; answers how many changed.", "2.0.0",
                  json_clear),
};

}  // namespace

std::span<const Row> json_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
