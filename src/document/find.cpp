// Searching a document for leaves.
#include <ullage/document.h>

#include "document/json_reader.h"
#include "document/json_text.h"
#include "document/leaves.h"
#include "document/pointer.h"
#include "document/tree.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ullage {

using namespace document;

namespace {

std::vector<std::string_view> steps_of(std::string_view pointer) {
  std::vector<std::string_view> steps;
  for (Tokens tokens(pointer); !tokens.empty();)
    steps.push_back(tokens.next());
  return steps;
}

/// Whether a path's steps fit a pattern's: as file names fit a pattern with stars, with steps in
/// place of characters. O(steps of both) for each ** that has to take more than it first did.
bool fits(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path) {
  std::size_t p = 0;
  std::size_t i = 0;
  std::size_t star = std::string_view::npos;  // the last ** met ...
  std::size_t taken = 0;                      // ... and where what follows it was tried last
  while (i < path.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      star = p++;
      taken = i;
    } else if (p < pattern.size() && (pattern[p] == "*" || pattern[p] == path[i])) {
      ++p;
      ++i;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == "**")
    ++p;
  return p == pattern.size();
}

/// Whether a leaf's value is one that is wanted.
class Wanted {
 public:
  static Result<Wanted> of(const JsonFilter& filter) {
    Wanted wanted(filter);
    if (const auto* equals = std::get_if<JsonFilter::Equals>(&filter.value)) {
      Result<Tree> value = read_json(equals->json);
      if (!value) return value.error();
      if (value->is_container(value->root()) && !value->children(value->root()).empty()) {
        return Error{Errc::invalid_argument,
                     "a filter compares leaves: strings, numbers, true, false, null, {} and []"};
      }
      if (value->is_container(value->root())) {
        wanted.token_ = value->kind(value->root()) == Tree::Kind::object ? "{" : "[";
      } else {
        wanted.token_ = value->token(value->root());
      }
    }
    return wanted;
  }

  [[nodiscard]] bool operator()(std::string_view token) const {
    if (std::holds_alternative<JsonFilter::Equals>(filter_.value)) {
      if (type_of_token(token) != type_of_token(token_)) return false;
      return type_of_token(token) == JsonType::number ? equal_numbers(token, token_)
                                                      : token == token_;
    }
    if (const auto* range = std::get_if<JsonFilter::Range>(&filter_.value)) {
      if (type_of_token(token) != JsonType::number) return false;
      double value = 0;
      const auto done = std::from_chars(token.data(), token.data() + token.size(), value);
      return done.ec == std::errc() && value >= range->least && value <= range->most;
    }
    if (const auto* prefix = std::get_if<JsonFilter::Prefix>(&filter_.value)) {
      return type_of_token(token) == JsonType::string &&
             unescaped_json(token.substr(1)).starts_with(prefix->characters);
    }
    return true;
  }

 private:
  explicit Wanted(const JsonFilter& filter) : filter_(filter) {}

  const JsonFilter& filter_;
  std::string token_;
};

}  // namespace

Result<std::vector<JsonMatch>> Documents::find(std::string_view group, const JsonFilter& filter,
                                               const JsonRead& options) {
  if (auto bad = check_pointer(filter.pattern)) return *bad;
  const Result<Wanted> wanted = Wanted::of(filter);
  if (!wanted) return wanted.error();
  const std::vector<std::string_view> pattern = steps_of(filter.pattern);
  std::vector<JsonMatch> matches;
  std::optional<Error> error;
  const auto read = cache_.read_group(group, [&](const GroupView& view) {
    if (options.strict && view.has_losses) return;
    const Result<Leaves> leaves = Leaves::of(view, "");
    if (!leaves) {
      error = leaves.error();
      return;
    }
    for (std::size_t i = 0; i < leaves->size(); ++i) {
      const Leaves::One leaf = (*leaves)[i];
      if (matches.size() == filter.max_matches) return;
      if (!fits(pattern, steps_of(leaf.pointer)) || !(*wanted)(leaf.token)) continue;
      JsonMatch& match = matches.emplace_back();
      match.pointer = leaf.pointer;
      append_token_text(match.json, leaf.token);
    }
  });
  if (!read) return read.error();
  if (error) return *error;
  return matches;
}

}  // namespace ullage
