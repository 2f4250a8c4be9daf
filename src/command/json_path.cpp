#include "command/json_path.h"

#include <cstdint>

namespace ullage::command {

namespace {

bool is_name_character(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || byte >= 0x80;
}

bool is_digits(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class Parser {
 public:
  Parser(std::string_view text, std::string& problem) noexcept : text_(text), problem_(problem) {}

  std::optional<JsonPath> parse() {
    if (text_.empty() || text_[0] == '/') return pointer();
    JsonPath path;
    if (text_[0] == '$') {
      path.is_single = false;
      at_ = 1;
    } else if (text_ == ".") {
      return path;
    } else if (text_[0] != '.' && text_[0] != '[') {
      if (!name(path)) return std::nullopt;  // a name may stand at the beginning
    }
    while (at_ < text_.size()) {
      if (text_[at_] == '.') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '[') continue;
        if (!name(path)) return std::nullopt;
      } else if (text_[at_] == '[') {
        if (!bracket(path)) return std::nullopt;
      } else {
        return refuse(), std::nullopt;
      }
    }
    return path;
  }

 private:
  std::nullopt_t refuse() {
    problem_ = "ERR path '" + std::string(text_) +
               "' is not supported: names and indexes are, as in $.a.b[0], and JSON Pointers";
    return std::nullopt;
  }

  std::optional<JsonPath> pointer() {
    JsonPath path;
    path.pointer = text_;
    for (std::size_t i = 1; i <= text_.size() && !text_.empty(); ++i) {
      if (i == text_.size() || text_[i] == '/') path.steps.push_back({i, false, false});
    }
    return path;
  }

  static void add(JsonPath& path, std::string_view step, bool is_index) {
    path.pointer += '/';
    for (const char c : step) {
      if (c == '~') {
        path.pointer += "~0";
      } else if (c == '/') {
        path.pointer += "~1";
      } else {
        path.pointer += c;
      }
    }
    path.steps.push_back({path.pointer.size(), is_index, !is_index && is_digits(step)});
  }

  bool name(JsonPath& path) {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_name_character(text_[at_]))
      ++at_;
    if (at_ == from) return refuse(), false;
    add(path, text_.substr(from, at_ - from), false);
    return true;
  }

  bool bracket(JsonPath& path) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return quoted(path);
    const std::size_t close = text_.find(']', at_);
    if (close == std::string_view::npos) return refuse(), false;
    std::string_view digits = text_.substr(at_, close - at_);
    if (!is_digits(digits)) return refuse(), false;
    while (digits.size() > 1 && digits[0] == '0')
      digits.remove_prefix(1);
    add(path, digits, true);
    at_ = close + 1;
    return true;
  }

  bool quoted(JsonPath& path) {
    const char quote = text_[at_++];
    std::string step;
    for (;; ++at_) {
      if (at_ >= text_.size()) return refuse(), false;
      if (text_[at_] == quote) break;
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      step += text_[at_];
    }
    ++at_;
    if (at_ >= text_.size() || text_[at_] != ']') return refuse(), false;
    ++at_;
    add(path, step, false);
    return true;
  }

  const std::string_view text_;
  std::string& problem_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<JsonPath> JsonPath::parse(std::string_view text, std::string& problem) {
  return Parser(text, problem).parse();
}

}  // namespace ullage::command
