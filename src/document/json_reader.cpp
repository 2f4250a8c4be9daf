#include "document/json_reader.h"

#include <ullage/document.h>

#include "document/errors.h"
#include "document/json_text.h"

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <simdjson.h>

namespace ullage::document {

namespace {

namespace ondemand = simdjson::ondemand;

/// Says of a text that is no JSON where it is wrong: by a parser that knows.
class FirstError {
 public:
  using number_integer_t = std::int64_t;
  using number_unsigned_t = std::uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  static bool null() { return true; }
  static bool boolean(bool) { return true; }
  static bool number_integer(number_integer_t) { return true; }
  static bool number_unsigned(number_unsigned_t) { return true; }
  static bool number_float(number_float_t, const string_t&) { return true; }
  static bool string(string_t&) { return true; }
  static bool binary(binary_t&) { return true; }
  static bool start_object(std::size_t) { return true; }
  static bool key(string_t&) { return true; }
  static bool end_object() { return true; }
  static bool start_array(std::size_t) { return true; }
  static bool end_array() { return true; }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    std::string what = error.what();
    if (const std::size_t close = what.find("] "); close != std::string::npos)
      what = what.substr(close + 2);
    what_ = what.starts_with("parse error at line") ? what.substr(12)
                                                    : "at byte " + std::to_string(at) + ": " + what;
    return false;
  }
  [[nodiscard]] const std::string& what() const noexcept { return what_; }

 private:
  std::string what_;
};

Error bad_json(std::string_view text) {
  FirstError first;
  nlohmann::json::sax_parse(text.begin(), text.end(), &first);
  return {
      Errc::bad_json,
      "no JSON text: " + (first.what().empty() ? "a value that JSON does not have" : first.what())};
}

/// Takes values as they come. Answers false with `error` empty where the text is no JSON.
class Reader {
 public:
  explicit Reader(Tree& tree) noexcept : tree_(tree) {}

  bool value(ondemand::value& value, unsigned depth, Tree::Node& made) {
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    switch (type) {
      case ondemand::json_type::object: {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS) return false;
        return this->object(object, depth, made);
      }
      case ondemand::json_type::array: {
        ondemand::array array;
        if (value.get_array().get(array) != simdjson::SUCCESS) return false;
        return this->array(array, depth, made);
      }
      case ondemand::json_type::string: {
        std::string_view characters;
        if (value.get_string().get(characters) != simdjson::SUCCESS) return false;
        token_.assign(1, '"');
        append_escaped(token_, characters);
        return scalar(tree_.keep(token_), made);
      }
      case ondemand::json_type::number: {
        std::string_view digits;
        // As it is written; a value that was only looked at the parser steps over.
        digits = value.raw_json_token();
        digits = digits.substr(0, digits.find_last_not_of(" \t\r\n") + 1);
        return is_json_number(digits) && scalar(tree_.keep(digits), made);
      }
      case ondemand::json_type::boolean: {
        bool is_true = false;
        if (value.get_bool().get(is_true) != simdjson::SUCCESS) return false;
        return scalar(is_true ? "t" : "f", made);
      }
      case ondemand::json_type::null: {
        if (!is_null(value)) return false;
        return scalar("n", made);
      }
    }
    return false;
  }

  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  static bool is_null(ondemand::value& value) {
    bool is = false;
    return simdjson::simdjson_result<bool>(value.is_null()).get(is) == simdjson::SUCCESS && is;
  }

  bool scalar(std::string_view token, Tree::Node& made) {
    made = tree_.add_scalar(token);
    return count_leaf();
  }
  bool count_leaf() {
    if (++leaves_ <= k_document_max_leaves) return true;
    error_ = too_many_leaves();
    return false;
  }
  bool is_too_deep(unsigned depth) {
    if (depth < k_document_max_depth) return false;
    error_ = too_deep();
    return true;
  }

  bool object(ondemand::object& object, unsigned depth, Tree::Node& made) {
    if (is_too_deep(depth)) return false;
    made = tree_.add_container(Tree::Kind::object);
    for (auto field : object) {
      std::string_view name;
      if (field.unescaped_key().get(name) != simdjson::SUCCESS) return false;
      const std::string_view kept = tree_.keep(name);
      ondemand::value value;
      if (field.value().get(value) != simdjson::SUCCESS) return false;
      Tree::Node node = Tree::k_none;
      if (!this->value(value, depth + 1, node)) return false;
      tree_.set_member(made, kept, node);
    }
    return !tree_.children(made).empty() || count_leaf();
  }
  bool array(ondemand::array& array, unsigned depth, Tree::Node& made) {
    if (is_too_deep(depth)) return false;
    made = tree_.add_container(Tree::Kind::array);
    for (auto element : array) {
      ondemand::value value;
      if (element.get(value) != simdjson::SUCCESS) return false;
      Tree::Node node = Tree::k_none;
      if (!this->value(value, depth + 1, node)) return false;
      tree_.insert(made, tree_.children(made).size(), node);
    }
    return !tree_.children(made).empty() || count_leaf();
  }

  Tree& tree_;
  std::string token_;
  std::size_t leaves_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<Tree> read_json(std::string_view text) {
  if (text.size() > k_document_text_max_bytes) {
    return Error{Errc::value_too_long, "a JSON text of " + std::to_string(text.size()) +
                                           " bytes is longer than " +
                                           std::to_string(k_document_text_max_bytes)};
  }
  // A document is an object or an array to the parser, so that one way leads to all values: what is
  // neither becomes the only element of an array.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_container =
      first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  const simdjson::padded_string padded =
      is_container ? simdjson::padded_string(text)
                   : simdjson::padded_string("[" + std::string(text) + "]");
  ondemand::parser parser;
  ondemand::document document;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return bad_json(text);
  Tree tree;
  Reader reader(tree);
  Tree::Node root = Tree::k_none;
  ondemand::value whole;
  if (document.get_value().get(whole) != simdjson::SUCCESS || !reader.value(whole, 0, root)) {
    if (reader.error()) return *reader.error();
    return bad_json(text);
  }
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS) return bad_json(text);  // more
  if (!is_container) {
    if (tree.children(root).size() != 1) return bad_json(text);
    root = tree.children(root)[0];
  }
  tree.set_root(root);
  return tree;
}

}  // namespace ullage::document
