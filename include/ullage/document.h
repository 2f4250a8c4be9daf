// JSON documents in a cache: a group holds a document, each of its leaves is an entry whose field
// is the leaf's JSON Pointer (RFC 6901). So a leaf is read without its document, has a time to live
// of its own, and may be evicted alone.
//
//   ullage::Documents documents(cache);
//   documents.put("user:42", R"({"name": "Ada", "cards": [{"last4": "1234"}]})");
//   documents.get("user:42", "/cards/0/last4");           // "\"1234\""
//   documents.put("user:42", "/cards/-", R"({"last4": "9876"})");
//   documents.erase("user:42", "/cards/0");
//
// WHAT IS KEPT. Everything a JSON text says: the order of members, numbers as they are written
// (beyond 2^53 too), empty objects and arrays. Of members of the same name the last counts, at the
// place of the first. What is not kept: blanks, and how characters of strings were escaped.
//
// WHAT MAY BE LOST. Leaves are entries of a cache: each may be evicted or expire. A document that
// lost leaves says so (Json::is_complete), and a strict read takes it as one that is not there. In
// an array what is lost reads as null, so that the others keep their places.
//
// ATOMICITY. Each call is one step: others see all that it writes or nothing, and a read sees a
// document as it is at one moment. COST. Reading a leaf, and writing one that is there, is a get
// and a set. Everything else is a pass over the document: O(leaves).
//
// LIMITS. k_document_max_leaves leaves, k_document_max_depth steps to each, and
// k_document_pointer_max_bytes for each path; cache.erase_group() drops a document of any size.
// Thread-safe, as Cache is.
#pragma once

#include <ullage/cache.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ullage {

inline constexpr std::size_t k_document_max_leaves = k_group_edit_max_fields;
inline constexpr std::size_t k_document_max_depth = 64;
inline constexpr std::size_t k_document_pointer_max_bytes = k_name_max_bytes;
/// The longest JSON text that is read.
inline constexpr std::size_t k_document_text_max_bytes = k_group_edit_max_bytes;
/// Of one JSON Patch: operations, and values, names of members included, that it may have made on
/// its way.
inline constexpr std::size_t k_document_patch_max_operations = 1024;
inline constexpr std::size_t k_document_patch_max_nodes = 16 * k_document_max_leaves;
/// What cache.group_kind() says of a document.
inline constexpr std::uint8_t k_group_kind_document = 1;

enum class JsonType : std::uint8_t { null, boolean, number, string, object, array };
std::string_view to_string(JsonType type) noexcept;

/// JSON text without blanks, of a document or a part of it.
struct Json {
  std::string text;
  /// Nothing of the document was lost since it was last put as a whole. Of a leaf always true: it
  /// is what was written.
  bool is_complete = true;
};

/// How a document is read.
struct JsonRead {
  /// A document that lost leaves is taken as one that is not there.
  bool strict = false;
};

/// How a part of a document is written.
struct JsonWrite {
  std::optional<Millis> ttl{};  ///< of each leaf written; none: no time to live
  bool keep_ttl = false;        ///< leaves that are there keep theirs (ttl must then be empty)
  Condition condition = Condition::always;  ///< about what the pointer names
};

/// What became of an erase.
struct JsonErased {
  enum class Outcome : std::uint8_t {
    erased,
    absent,          ///< nothing is there; `where`: the longest part of the path that is
    through_scalar,  ///< the path goes on below a leaf; `where`: that leaf
  };
  Outcome outcome = Outcome::absent;
  std::uint64_t leaves = 0;  ///< erased
  std::string where;
};

/// What a search is for: leaves whose path and value fit.
struct JsonFilter {
  /// A pointer in which a step of * stands for any one, and one of ** for any number of them.
  std::string pattern = "/**";
  struct Equals {
    std::string json;  ///< a string, number, true, false or null
  };
  struct Range {
    double least;
    double most;
  };
  struct Prefix {
    std::string characters;  ///< of strings
  };
  /// Of the value; none: it is there.
  std::variant<std::monostate, Equals, Range, Prefix> value{};
  std::size_t max_matches = k_document_max_leaves;
};
struct JsonMatch {
  std::string pointer;
  std::string json;
};

class Documents {
 public:
  /// The cache must outlive it. Holds nothing else: make as many as you like.
  explicit Documents(Cache& cache) noexcept : cache_(cache) {}

  /// Makes this the group's document, in place of what is there.
  /// Errors: bad_json (with line and column), too_deep, too_many_leaves, path_too_long,
  /// value_too_long, wrong_kind (the group holds something else), no_room.
  Result<SetOutcome> put(std::string_view group, std::string_view json,
                         const JsonWrite& options = {});
  /// Writes a part of a document: a member, whether it is there or not, an element, or one more
  /// element at an array's end (named by its index, or by -). Errors besides: bad_pointer,
  /// not_found (nothing holds it, and where the path ends), wrong_type (it goes on below a leaf).
  Result<SetOutcome> put(std::string_view group, std::string_view pointer, std::string_view json,
                         const JsonWrite& options = {});

  /// The document, or a part of it. None: it is not there.
  Result<std::optional<Json>> get(std::string_view group, std::string_view pointer = "",
                                  const JsonRead& options = {});
  /// The same; where it is not there, or options.strict and leaves were lost, the loader's answer
  /// is put as the whole document. One load at a time of each: others wait for it. The loader is
  /// asked with the field "". What is written meanwhile wins over what was loaded; what was loaded
  /// and is lost at once is answered all the same. Errors besides: those of Cache::get_or_load().
  Result<std::optional<Json>> get_or_load(std::string_view group, std::string_view pointer,
                                          const Loader& loader, const JsonRead& options = {},
                                          const LoadOptions& load = {});

  /// Removes a member, an element (those behind it move up) or with "" the document. What it leaves
  /// empty stays, as {} or [].
  Result<JsonErased> erase(std::string_view group, std::string_view pointer);
  /// Makes an object or array empty and a number 0; answers whether anything changed, none if it
  /// is not there.
  Result<std::optional<bool>> clear(std::string_view group, std::string_view pointer = "");

  Result<bool> exists(std::string_view group, std::string_view pointer = "",
                      const JsonRead& options = {});
  Result<std::optional<JsonType>> type(std::string_view group, std::string_view pointer = "",
                                       const JsonRead& options = {});
  /// An object's member names in their order. Error: wrong_type (no object).
  Result<std::optional<std::vector<std::string>>> keys(std::string_view group,
                                                       std::string_view pointer = "",
                                                       const JsonRead& options = {});
  /// How many members or elements. Error: wrong_type (neither).
  Result<std::optional<std::uint64_t>> count(std::string_view group, std::string_view pointer = "",
                                             const JsonRead& options = {});

  /// Adds to a number that is there and answers it. Of integers of 64 bits exactly, else as
  /// doubles. Errors besides: wrong_type, out_of_range.
  Result<std::optional<std::string>> increment(std::string_view group, std::string_view pointer,
                                               std::string_view by);

  /// Merges a JSON Merge Patch (RFC 7396) into what the pointer names; a document or a member that
  /// is not there begins as an empty object.
  Result<void> merge(std::string_view group, std::string_view pointer, std::string_view patch,
                     const JsonWrite& options = {});
  /// Applies a JSON Patch (RFC 6902), all of it or nothing. Errors besides: bad_patch (it is none),
  /// patch_failed (an operation cannot be done, or a test failed; which, and why).
  Result<void> patch(std::string_view group, std::string_view operations);

  /// Leaves that fit, in their order. Errors besides: bad_pointer (the pattern), bad_json.
  Result<std::vector<JsonMatch>> find(std::string_view group, const JsonFilter& filter,
                                      const JsonRead& options = {});
  /// Calls `visitor(pointer, json)` for each leaf at or below the pointer, in their order. Answers
  /// how many.
  Result<std::uint64_t> walk(std::string_view group, std::string_view pointer,
                             FunctionRef<void(std::string_view, std::string_view)> visitor,
                             const JsonRead& options = {});

 private:
  Cache& cache_;
};

}  // namespace ullage
