#include <ullage/document.h>

#include "document/edit.h"
#include "document/errors.h"
#include "document/json_reader.h"
#include "document/json_text.h"
#include "document/leaf.h"
#include "document/leaves.h"
#include "document/pointer.h"
#include "document/tree.h"

#include <atomic>
#include <charconv>
#include <cmath>
#include <utility>

namespace ullage {

using namespace document;

std::string_view to_string(JsonType type) noexcept {
  switch (type) {
    case JsonType::null:
      return "null";
    case JsonType::boolean:
      return "boolean";
    case JsonType::number:
      return "number";
    case JsonType::string:
      return "string";
    case JsonType::object:
      return "object";
    case JsonType::array:
      return "array";
  }
  return "?";
}

namespace {

std::optional<Error> check_options(const JsonWrite& options) {
  if (!options.keep_ttl || !options.ttl) return std::nullopt;
  return Error{Errc::invalid_argument, "keep_ttl and ttl exclude each other"};
}

bool holds(Condition condition, bool is_there) noexcept {
  switch (condition) {
    case Condition::always:
      return true;
    case Condition::if_absent:
      return !is_there;
    case Condition::if_present:
      return is_there;
  }
  return false;
}

/// A leaf, if the pointer names one that is there.
struct LeafText {
  bool is_there = false;
  std::string text;
  JsonType type = JsonType::null;
};
Result<LeafText> leaf_at(Cache& cache, std::string_view group, std::string_view pointer) {
  LeafText leaf;
  bool is_foreign = false;
  const auto visited = cache.visit(group, pointer, [&](std::string_view value) {
    const std::optional<Leaf> decoded = decode_leaf(value);
    is_foreign = !decoded || !is_token(decoded->token);
    if (is_foreign) return;
    append_token_text(leaf.text, decoded->token);
    leaf.type = type_of_token(decoded->token);
  });
  if (!visited) return visited.error();
  if (is_foreign) return no_document();
  leaf.is_there = *visited;
  return leaf;
}

/// Whether a strict reader takes the document as not there.
bool is_refused(Cache& cache, std::string_view group, const JsonRead& options) {
  if (!options.strict) return false;
  const auto kind = cache.group_kind(group);
  return kind && kind->has_losses;
}

/// Looks at what the pointer names. `look(leaves, is_complete)` is called if it is there.
template <class Look>
Result<void> look_at(Cache& cache, std::string_view group, std::string_view pointer,
                     const JsonRead& options, Look look) {
  if (auto bad = check_pointer(pointer)) return *bad;
  std::optional<Error> error;
  const auto read = cache.read_group(group, [&](const GroupView& view) {
    const Result<Leaves> leaves = Leaves::of(view, pointer);
    if (!leaves) {
      error = leaves.error();
    } else if (!leaves->empty() && (!options.strict || !view.has_losses)) {
      look(*leaves, !view.has_losses);
    }
  });
  if (!read) return read.error();
  if (error) return *error;
  return {};
}

/// Changes what a pointer names: `change(tree, place)` answers whether it did.
template <class Change>
Result<bool> change(Cache& cache, std::string_view group, std::string_view pointer,
                    const NewLeafOptions& options, Change change) {
  if (auto bad = check_pointer(pointer)) return *bad;
  bool is_changed = false;
  const auto done = cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    is_changed = false;
    Result<Tree> read = Tree::of(edit.before());
    if (!read) return read.error();
    Tree tree = std::move(*read);
    const Result<bool> changed = change(tree, tree.find(pointer));
    if (!changed) return changed.error();
    is_changed = *changed;
    return is_changed ? write_back(edit, tree, options) : Result<void>{};
  });
  if (!done) return done.error();
  return is_changed;
}
}  // namespace

Result<SetOutcome> Documents::put(std::string_view group, std::string_view json,
                                  const JsonWrite& options) {
  return put(group, "", json, options);
}

Result<SetOutcome> Documents::put(std::string_view group, std::string_view pointer,
                                  std::string_view json, const JsonWrite& options) {
  if (auto bad = check_pointer(pointer)) return *bad;
  if (auto bad = check_options(options)) return *bad;
  Result<Tree> value = read_json(json);
  if (!value) return value.error();

  // A leaf in the place of a leaf is one write.
  if (!pointer.empty() && !value->is_container(value->root())) {
    const auto kind = cache_.group_kind(group);
    if (kind && kind->kind != k_group_kind_document) return no_document();
    if (kind) {
      bool was_there = false;
      const auto done = cache_.update(
          group, pointer,
          [&](std::optional<std::string_view> there) -> std::optional<std::string> {
            const std::optional<Leaf> leaf = there ? decode_leaf(*there) : std::nullopt;
            was_there = leaf.has_value();
            if (!leaf || !holds(options.condition, true)) return std::nullopt;
            std::string bytes;
            encode_leaf(bytes, {leaf->place, leaf->names, value->token(value->root())});
            return bytes;
          },
          {.ttl = options.ttl, .keep_ttl = options.keep_ttl, .condition = Condition::always});
      if (!done) return done.error();
      if (was_there) return *done;
    }
  }

  SetOutcome outcome = SetOutcome::unchanged;
  const NewLeafOptions leaf_options{{options.ttl, options.keep_ttl}, pointer.empty()};
  if (pointer.empty()) {
    // All of it: what is there need not be understood.
    const auto done = cache_.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
      const bool is_there = !edit.before().entries.empty();
      outcome = SetOutcome::unchanged;
      if (is_there && edit.before().kind != k_group_kind_document) return no_document();
      if (!holds(options.condition, is_there)) return {};
      outcome = is_there ? SetOutcome::replaced : SetOutcome::inserted;
      return write_back(edit, *value, leaf_options);
    });
    if (!done) return done.error();
    return outcome;
  }
  const auto done = change(cache_, group, pointer, leaf_options,
                           [&](Tree& tree, const Tree::Place& place) -> Result<bool> {
                             outcome = SetOutcome::unchanged;
                             const bool is_there = place.node != Tree::k_none;
                             if (!is_there && options.condition == Condition::if_present)
                               return false;
                             if (!is_puttable(tree, pointer, place))
                               return not_there(pointer, place);
                             if (!holds(options.condition, is_there)) return false;
                             outcome = is_there ? SetOutcome::replaced : SetOutcome::inserted;
                             put_at(tree, place, tree.copy(*value, value->root()));
                             return true;
                           });
  if (!done) return done.error();
  return outcome;
}

Result<std::optional<Json>> Documents::get(std::string_view group, std::string_view pointer,
                                           const JsonRead& options) {
  if (auto bad = check_pointer(pointer)) return *bad;
  if (!pointer.empty()) {
    Result<LeafText> leaf = leaf_at(cache_, group, pointer);
    if (!leaf) return leaf.error();
    if (leaf->is_there) {
      if (is_refused(cache_, group, options)) return std::optional<Json>{};
      return std::optional<Json>(Json{std::move(leaf->text), true});
    }
  }
  std::optional<Json> json;
  const auto looked =
      look_at(cache_, group, pointer, options, [&](const Leaves& leaves, bool is_complete) {
        json.emplace();
        leaves.write(json->text);
        json->is_complete = is_complete;
      });
  if (!looked) return looked.error();
  return json;
}

namespace {
/// Of how many loads a caller waits for one that it sees something of.
constexpr int k_loads_waited_for = 8;

/// What the pointer names in a document that was loaded.
std::optional<Json> part_of(const Tree& tree, std::string_view pointer) {
  const Tree::Place place = tree.find(pointer);
  if (place.node == Tree::k_none) return std::nullopt;
  std::optional<Json> part(std::in_place);
  tree.write(place.node, part->text);
  return part;
}

/// Makes what was loaded the group's document, unless it is overtaken.
Result<void> store_loaded(Cache& cache, std::string_view group, Tree& value,
                          std::optional<Millis> ttl, const std::atomic<bool>& overtaken) {
  const NewLeafOptions options{{.ttl = ttl}, true};
  const auto done = cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    if (overtaken.load(std::memory_order_acquire)) return {};  // by a write under the same lock
    if (!edit.before().entries.empty() && edit.before().kind != k_group_kind_document)
      return no_document();
    return write_back(edit, value, options);
  });
  if (!done) return done.error();
  return {};
}
}  // namespace

Result<std::optional<Json>> Documents::get_or_load(std::string_view group, std::string_view pointer,
                                                   const Loader& loader, const JsonRead& options,
                                                   const LoadOptions& load) {
  if (auto bad = check_pointer(pointer)) return *bad;
  const auto is_there = [&]() -> Result<bool> {
    const auto kind = cache_.group_kind(group);
    if (kind && kind->kind != k_group_kind_document) return no_document();
    return kind && !(options.strict && kind->has_losses);
  };
  std::optional<Tree> mine;  // what this call has loaded
  for (int i = 0; i < k_loads_waited_for; ++i) {
    if (const Result<bool> before = is_there(); !before) {
      return before.error();
    } else if (*before) {
      auto json = get(group, pointer, options);
      if (!json || *json) return json;
      // Nothing is there: but was the document, when it was looked for?
      if (const Result<bool> after = is_there(); !after || *after) return json;
    }
    // It was lost again, or another write overtook the load and is gone too.
    if (mine) return part_of(*mine, pointer);
    std::optional<Error> failed;
    const Result<bool> loaded = cache_.load_group(
        group,
        [&](const std::atomic<bool>& overtaken) -> std::optional<Loaded> {
          // Another load may have ended between the look and the start of this one.
          if (is_there().value_or(false)) return std::nullopt;
          Loaded answer = loader(group, "");
          if (answer.kind != Loaded::Kind::value) return answer;
          const auto fails = [&](const Error& error) {
            failed = error;
            return Loaded::failed(error.message);
          };
          Result<Tree> value = read_json(answer.value);
          if (!value) return fails(value.error());
          if (const auto done = store_loaded(cache_, group, *value,
                                             answer.ttl ? answer.ttl : load.ttl, overtaken);
              !done)
            return fails(done.error());
          mine = std::move(*value);
          return Loaded::of({});
        },
        load);
    if (loaded && *loaded) continue;
    // What another wrote meanwhile is the truth, whatever became of the load.
    if (is_there().value_or(false)) return get(group, pointer, options);
    if (failed) return *failed;
    if (!loaded) return loaded.error();
    return std::optional<Json>{};
  }
  return Error{Errc::busy, "the document was lost as often as it was loaded"};
}

Result<JsonErased> Documents::erase(std::string_view group, std::string_view pointer) {
  JsonErased erased;
  const auto done =
      change(cache_, group, pointer, {}, [&](Tree& tree, const Tree::Place& place) -> Result<bool> {
        erased = {};
        if (place.node == Tree::k_none) {
          erased.where = place.deepest;
          if (place.is_through_scalar) erased.outcome = JsonErased::Outcome::through_scalar;
          return false;
        }
        erased.outcome = JsonErased::Outcome::erased;
        const auto before = tree.leaves();
        if (!before) return before.error();
        for (const Tree::Stored& leaf : **before)
          erased.leaves += is_within(leaf.pointer, pointer) ? 1 : 0;
        if (place.parent == Tree::k_none) {
          tree.set_root(Tree::k_none);
        } else {
          tree.remove(place.parent, place.position);
        }
        return true;
      });
  if (!done) return done.error();
  return erased;
}

Result<std::optional<bool>> Documents::clear(std::string_view group, std::string_view pointer) {
  bool is_there = false;
  const auto done =
      change(cache_, group, pointer, {}, [&](Tree& tree, const Tree::Place& place) -> Result<bool> {
        is_there = place.node != Tree::k_none;
        if (!is_there) return false;
        if (tree.is_container(place.node)) {
          if (tree.children(place.node).empty()) return false;
          tree.clear(place.node);
          return true;
        }
        if (tree.type(place.node) != JsonType::number || tree.token(place.node) == "0")
          return false;
        put_at(tree, place, tree.add_scalar("0"));
        return true;
      });
  if (!done) return done.error();
  if (!is_there) return std::optional<bool>{};
  return std::optional<bool>(*done);
}

Result<bool> Documents::exists(std::string_view group, std::string_view pointer,
                               const JsonRead& options) {
  const auto found = type(group, pointer, options);
  if (!found) return found.error();
  return found->has_value();
}

Result<std::optional<JsonType>> Documents::type(std::string_view group, std::string_view pointer,
                                                const JsonRead& options) {
  if (auto bad = check_pointer(pointer)) return *bad;
  if (!pointer.empty()) {
    const Result<LeafText> leaf = leaf_at(cache_, group, pointer);
    if (!leaf) return leaf.error();
    if (leaf->is_there) {
      if (is_refused(cache_, group, options)) return std::optional<JsonType>{};
      return std::optional<JsonType>(leaf->type);
    }
  }
  std::optional<JsonType> found;
  const auto looked = look_at(cache_, group, pointer, options,
                              [&](const Leaves& leaves, bool) { found = leaves.type(); });
  if (!looked) return looked.error();
  return found;
}

Result<std::optional<std::vector<std::string>>> Documents::keys(std::string_view group,
                                                                std::string_view pointer,
                                                                const JsonRead& options) {
  std::optional<std::vector<std::string>> names;
  std::optional<JsonType> type;
  const auto looked = look_at(cache_, group, pointer, options, [&](const Leaves& leaves, bool) {
    type = leaves.type();
    if (type == JsonType::object) names = leaves.keys();
  });
  if (!looked) return looked.error();
  if (type && !names) {
    return Error{Errc::wrong_type, "\"" + std::string(pointer) + "\" is of type " +
                                       std::string(to_string(*type)) + " and not an object"};
  }
  return names;
}

Result<std::optional<std::uint64_t>> Documents::count(std::string_view group,
                                                      std::string_view pointer,
                                                      const JsonRead& options) {
  std::optional<std::uint64_t> count;
  std::optional<JsonType> type;
  const auto looked = look_at(cache_, group, pointer, options, [&](const Leaves& leaves, bool) {
    type = leaves.type();
    if (type == JsonType::object || type == JsonType::array) count = leaves.count();
  });
  if (!looked) return looked.error();
  if (type && !count) {
    return Error{Errc::wrong_type, "\"" + std::string(pointer) + "\" is of type " +
                                       std::string(to_string(*type)) +
                                       " and neither an object nor an array"};
  }
  return count;
}

namespace {
std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  if (done.ec != std::errc() || done.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The sum as JSON writes it.
Result<std::string> sum_of(std::string_view a, std::string_view b) {
  const auto left = to_integer(a);
  const auto right = to_integer(b);
  if (left && right) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*left, *right, &sum))
      return Error{Errc::out_of_range, "the sum would overflow 64 bits"};
    return std::to_string(sum);
  }
  double x = 0;
  double y = 0;
  std::from_chars(a.data(), a.data() + a.size(), x);
  std::from_chars(b.data(), b.data() + b.size(), y);
  const double sum = x + y;
  if (!std::isfinite(sum))
    return Error{Errc::out_of_range, "the sum is no number that JSON can write"};
  char text[64];
  const auto done = std::to_chars(text, text + sizeof text, sum);
  std::string written(text, done.ptr);
  // As a number with a fraction: it is one.
  if (written.find_first_of(".eE") == std::string::npos) written += ".0";
  return written;
}
}  // namespace

Result<std::optional<std::string>> Documents::increment(std::string_view group,
                                                        std::string_view pointer,
                                                        std::string_view by) {
  if (auto bad = check_pointer(pointer)) return *bad;
  if (!is_json_number(by))
    return Error{Errc::invalid_argument, "\"" + std::string(by) + "\" is no number"};
  const auto kind = cache_.group_kind(group);
  if (!kind) return std::optional<std::string>{};
  if (kind->kind != k_group_kind_document) return no_document();
  std::optional<Error> error;
  std::optional<std::string> sum;
  const auto done = cache_.update(
      group, pointer,
      [&](std::optional<std::string_view> there) -> std::optional<std::string> {
        error.reset();
        sum.reset();
        const std::optional<Leaf> leaf = there ? decode_leaf(*there) : std::nullopt;
        if (!leaf) return std::nullopt;
        if (type_of_token(leaf->token) != JsonType::number) {
          error = Error{Errc::wrong_type, "\"" + std::string(pointer) + "\" is of type " +
                                              std::string(to_string(type_of_token(leaf->token))) +
                                              " and not a number"};
          return std::nullopt;
        }
        Result<std::string> added = sum_of(leaf->token, by);
        if (!added) {
          error = added.error();
          return std::nullopt;
        }
        sum = *added;
        std::string bytes;
        encode_leaf(bytes, {leaf->place, leaf->names, *sum});
        return bytes;
      },
      {.ttl = {}, .keep_ttl = true, .condition = Condition::always});
  if (error) return *error;
  if (!done) return done.error();
  if (sum) return sum;
  const auto found = type(group, pointer);  // an object or array, or nothing
  if (!found) return found.error();
  if (*found) {
    return Error{Errc::wrong_type, "\"" + std::string(pointer) + "\" is of type " +
                                       std::string(to_string(**found)) + " and not a number"};
  }
  return std::optional<std::string>{};
}

namespace {
/// RFC 7396, section 2. `target` may be none.
Tree::Node merged(Tree& tree, Tree::Node target, const Tree& patch, Tree::Node with) {
  if (patch.kind(with) != Tree::Kind::object) return tree.copy(patch, with);
  if (target == Tree::k_none || tree.kind(target) != Tree::Kind::object)
    target = tree.add_container(Tree::Kind::object);
  std::vector<std::size_t> gone;
  for (const Tree::Node member : patch.children(with)) {
    const std::string_view name = patch.name(member);
    const auto at = tree.position(target, name);
    if (patch.type(member) == JsonType::null) {
      if (at) gone.push_back(*at);
      continue;
    }
    const Tree::Node was = at ? tree.children(target)[*at] : Tree::k_none;
    const Tree::Node now = merged(tree, was, patch, member);
    if (now != was) tree.set_member(target, name, now);
  }
  if (!gone.empty()) tree.remove(target, std::move(gone));
  return target;
}
}  // namespace

Result<void> Documents::merge(std::string_view group, std::string_view pointer,
                              std::string_view patch, const JsonWrite& options) {
  if (auto bad = check_pointer(pointer)) return *bad;
  if (auto bad = check_options(options)) return *bad;
  Result<Tree> with = read_json(patch);
  if (!with) return with.error();
  const NewLeafOptions leaf_options{{options.ttl, options.keep_ttl}, false};
  const auto done = change(cache_, group, pointer, leaf_options,
                           [&](Tree& tree, const Tree::Place& place) -> Result<bool> {
                             if (!is_puttable(tree, pointer, place))
                               return not_there(pointer, place);
                             if (!holds(options.condition, place.node != Tree::k_none))
                               return false;
                             // A member that becomes null goes; what is null as a whole is null.
                             if (place.node != Tree::k_none && !pointer.empty() &&
                                 with->type(with->root()) == JsonType::null) {
                               tree.remove(place.parent, place.position);
                               return true;
                             }
                             const Tree::Node now = merged(tree, place.node, *with, with->root());
                             if (now != place.node) put_at(tree, place, now);
                             return true;
                           });
  if (!done) return done.error();
  return {};
}

Result<std::uint64_t> Documents::walk(std::string_view group, std::string_view pointer,
                                      FunctionRef<void(std::string_view, std::string_view)> visitor,
                                      const JsonRead& options) {
  std::uint64_t visited = 0;
  std::string text;
  const auto looked = look_at(cache_, group, pointer, options, [&](const Leaves& leaves, bool) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const Leaves::One leaf = leaves[i];
      text.clear();
      append_token_text(text, leaf.token);
      visitor(leaf.pointer, text);
      ++visited;
    }
  });
  if (!looked) return looked.error();
  return visited;
}

}  // namespace ullage
