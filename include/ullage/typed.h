// A cache by types: names and values of C++ types instead of bytes.
//
//   auto users = ullage::typed<UserId, std::string, Settings>(cache, {.group_prefix = "user:"});
//   users.set(UserId{42}, "ui", Settings{.theme = "dark"}, {.ttl = 10min});
//   if (auto settings = users.get(UserId{42}, "ui")) use(*settings);
//
// What a type becomes is said in codec.h; what cannot be kept does not compile. A std::string is
// asked for by anything that is a string_view, a std::vector<T> by a std::span of T: nobody makes
// one to look for it.
//
// A Typed is a view of a cache: cheap to copy and to make, as thread-safe as the cache, and not to
// outlive it. Several may look at one cache; with prefixes of their own they do not meet. COST.
// That of the cache's call, and of the codec: values that are plain bytes are read without an
// allocation.
//
// BYTES OF ANOTHER TYPE. A cache may hold what another version of a program, or another program,
// wrote. get() takes bytes that are no V as nothing, so that they are written anew; read() tells
// the two apart (Errc::bad_encoding).
#pragma once

#include <ullage/cache.h>
#include <ullage/codec.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ullage {

/// What a Typed is made with.
struct TypedOptions {
  /// Before each group's name: what classes, profiles and users of the server know it by.
  std::string group_prefix{};
};

/// What a typed loader answers.
template <class V>
struct LoadedAs {
  std::optional<V> value{};     ///< none: there is none
  std::optional<Millis> ttl{};  ///< over LoadOptions::ttl
};

template <class G, class F, class V>
class Typed {
  static_assert(
      !k_holds_view<G> && !k_holds_view<F> && !k_holds_view<V>,
      "ullage: this type only points to its bytes, so what is read would dangle: use one "
      "that owns them, as std::string for string_view and std::vector for span (asking by "
      "a view still works)");
  static_assert(Codable<G> && Codable<F> && Codable<V>,
                "ullage: no way to keep this type: specialize ullage::Codec (codec.h)");
  template <class T>
  static constexpr bool k_is_name = !KeptPlain<T> || std::has_unique_object_representations_v<T>;
  static_assert(k_is_name<G> && k_is_name<F>,
                "ullage: equal values of this type may differ in their bytes (padding, or floating "
                "point), so it names nothing: specialize ullage::Codec");

 public:
  explicit Typed(Cache& cache, TypedOptions options = {})
      : cache_(&cache), prefix_(std::move(options.group_prefix)) {}

  [[nodiscard]] Cache& cache() const noexcept { return *cache_; }

  // --- one entry -----------------------------------------------------------------------------

  Result<SetOutcome> set(Borrowed<G> group, Borrowed<F> field, Borrowed<V> value,
                         const SetOptions& options = {}) const {
    return cache_->set(Group(group, prefix_), Name(field), Bytes(value), options);
  }

  /// The value; nothing if there is none, or none of this type.
  [[nodiscard]] std::optional<V> get(Borrowed<G> group, Borrowed<F> field) const {
    return look(group, field).value;
  }

  /// The same, told apart. Error: bad_encoding.
  [[nodiscard]] Result<std::optional<V>> read(Borrowed<G> group, Borrowed<F> field) const {
    Look seen = look(group, field);
    if (seen.is_present && !seen.value) return bad("the value");
    return std::move(seen.value);
  }

  [[nodiscard]] bool contains(Borrowed<G> group, Borrowed<F> field) const {
    return cache_->contains(Group(group, prefix_), Name(field));
  }
  bool erase(Borrowed<G> group, Borrowed<F> field) const {
    return cache_->erase(Group(group, prefix_), Name(field));
  }
  Result<SetOutcome> try_emplace(Borrowed<G> group, Borrowed<F> field, Borrowed<V> value,
                                 const SetOptions& options = {}) const {
    return cache_->try_emplace(Group(group, prefix_), Name(field), Bytes(value), options);
  }

  /// Compares the bytes that the values become, so equal values must have equal ones.
  Result<bool> compare_and_set(Borrowed<G> group, Borrowed<F> field, Borrowed<V> expected,
                               Borrowed<V> desired, const SetOptions& options = {}) const
    requires k_is_name<V>
  {
    return cache_->compare_and_set(Group(group, prefix_), Name(field), Bytes(expected),
                                   Bytes(desired), options);
  }

  /// Cache::update(): `update` gets the present value or none, and answers the new one or none to
  /// leave it. Error besides: bad_encoding, and nothing is changed.
  template <std::invocable<std::optional<V>> Update>
    requires std::convertible_to<std::invoke_result_t<Update&, std::optional<V>>, std::optional<V>>
  Result<SetOutcome> update(Borrowed<G> group, Borrowed<F> field, Update&& update,
                            const SetOptions& options = {}) const {
    bool is_bad = false;
    Result<SetOutcome> done = cache_->update(
        Group(group, prefix_), Name(field),
        [&](std::optional<std::string_view> bytes) -> std::optional<std::string> {
          std::optional<V> before;
          if (bytes) before = Codec<V>::decode(*bytes);
          is_bad = bytes && !before;
          if (is_bad) return std::nullopt;
          const std::optional<V> after = update(std::move(before));
          if (!after) return std::nullopt;
          return std::string(Bytes(*after).view());
        },
        options);
    if (is_bad) return bad("the value");
    return done;
  }

  /// Cache::get_or_load(): `loader()` answers LoadedAs<V>, or an Error. Bytes that are no V are
  /// erased and loaded anew.
  template <std::invocable LoaderOf>
    requires std::convertible_to<std::invoke_result_t<LoaderOf&>, Result<LoadedAs<V>>>
  Result<std::optional<V>> get_or_load(Borrowed<G> group, Borrowed<F> field, LoaderOf&& loader,
                                       const LoadOptions& options = {}) const {
    const Group group_name(group, prefix_);
    const Name field_name(field);
    // A refresh ahead of expiry runs later, in the executor: it takes the loader along.
    const Loader load = [loader](std::string_view /*group*/, std::string_view /*field*/) -> Loaded {
      Result<LoadedAs<V>> loaded = loader();
      if (!loaded) return Loaded::failed(loaded.error().message);
      if (!loaded->value) return Loaded::absent();
      return Loaded::of(std::string(Bytes(*loaded->value).view()), loaded->ttl);
    };
    for (bool is_again : {false, true}) {
      const Result<std::optional<Value>> bytes =
          cache_->get_or_load(group_name, field_name, load, options);
      if (!bytes) return bytes.error();
      if (!*bytes) return std::optional<V>();
      std::optional<V> value = Codec<V>::decode((*bytes)->view());
      if (value) return value;
      if (!is_again) cache_->erase(group_name, field_name);
    }
    return bad("the value");
  }

  Result<bool> expire(Borrowed<G> group, Borrowed<F> field, std::optional<Millis> ttl) const {
    return cache_->expire(Group(group, prefix_), Name(field), ttl);
  }
  [[nodiscard]] std::optional<Ttl> ttl(Borrowed<G> group, Borrowed<F> field) const {
    return cache_->ttl(Group(group, prefix_), Name(field));
  }

  // --- many at once --------------------------------------------------------------------------

  /// Reads many fields of one group as Cache::get_many() does. Errors: batch_too_large.
  Result<std::vector<std::optional<V>>> get_many(Borrowed<G> group,
                                                 std::span<const F> fields) const {
    const Group group_name(group, prefix_);
    Encoding names;
    std::vector<std::size_t> ends;
    ends.reserve(fields.size());
    for (const F& field : fields) {
      names.append(Name(field).view());
      ends.push_back(names.view().size());
    }
    std::vector<Key> keys;
    keys.reserve(fields.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      keys.push_back({group_name.view(), names.view().substr(begin, end - begin)});
      begin = end;
    }
    std::vector<std::optional<V>> values(fields.size());
    const Result<void> done =
        cache_->visit_many(keys, [&](std::size_t i, std::optional<std::string_view> bytes) {
          if (bytes) values[i] = Codec<V>::decode(*bytes);
        });
    if (!done) return done.error();
    return values;
  }

  // --- groups --------------------------------------------------------------------------------

  bool erase_group(Borrowed<G> group) const { return cache_->erase_group(Group(group, prefix_)); }
  [[nodiscard]] bool contains_group(Borrowed<G> group) const {
    return cache_->contains_group(Group(group, prefix_));
  }
  [[nodiscard]] std::uint64_t group_size(Borrowed<G> group) const {
    return cache_->group_size(Group(group, prefix_));
  }
  Result<bool> expire_group(Borrowed<G> group, std::optional<Millis> ttl) const {
    return cache_->expire_group(Group(group, prefix_), ttl);
  }
  Result<bool> set_group_limits(Borrowed<G> group, const GroupLimits& limits) const {
    return cache_->set_group_limits(Group(group, prefix_), limits);
  }

  /// Calls `visitor(field, value)` for the entries of a group as Cache::for_each() does; those of
  /// other types are passed over. Answers how many were visited. Error: reentered.
  template <std::invocable<F, V> Visitor>
  Result<std::uint64_t> for_each(Borrowed<G> group, Visitor&& visitor) const {
    std::uint64_t visited = 0;
    const Result<std::uint64_t> done =
        cache_->for_each(Group(group, prefix_), [&](std::string_view name, std::string_view bytes) {
          std::optional<F> field = Codec<F>::decode(name);
          std::optional<V> value = Codec<V>::decode(bytes);
          if (!field || !value) return;
          ++visited;
          visitor(std::move(*field), std::move(*value));
        });
    if (!done) return done.error();
    return visited;
  }

  /// Calls `visitor(group, fields)` for the groups under the prefix. O(all groups of the cache).
  template <std::invocable<G, std::uint64_t> Visitor>
  Result<std::uint64_t> for_each_group(Visitor&& visitor) const {
    std::uint64_t visited = 0;
    const Result<std::uint64_t> done =
        cache_->for_each_group([&](std::string_view name, std::uint64_t fields) {
          if (!name.starts_with(prefix_)) return;
          std::optional<G> group = Codec<G>::decode(name.substr(prefix_.size()));
          if (!group) return;
          ++visited;
          visitor(std::move(*group), fields);
        });
    if (!done) return done.error();
    return visited;
  }

 private:
  using Group = codec_detail::EncodedAs<G>;
  using Name = codec_detail::EncodedAs<F>;
  using Bytes = codec_detail::EncodedAs<V>;

  struct Look {
    bool is_present = false;
    std::optional<V> value{};
  };
  [[nodiscard]] Look look(Borrowed<G> group, Borrowed<F> field) const {
    Look seen;
    if constexpr (KeptPlain<V>) {
      // One byte more, so that a value that is too long shows.
      std::array<char, sizeof(V) + 1> bytes;
      const std::optional<std::size_t> size =
          cache_->get_into(Group(group, prefix_), Name(field), bytes);
      seen.is_present = size.has_value();
      if (size == sizeof(V)) seen.value = Codec<V>::decode({bytes.data(), sizeof(V)});
    } else {
      const Result<bool> found =
          cache_->visit(Group(group, prefix_), Name(field),
                        [&](std::string_view bytes) { seen.value = Codec<V>::decode(bytes); });
      if (found) {
        seen.is_present = *found;
      } else if (const std::optional<Value> copy =  // visitors are nested too deep for another
                 cache_->get(Group(group, prefix_), Name(field))) {
        seen.is_present = true;
        seen.value = Codec<V>::decode(copy->view());
      }
    }
    return seen;
  }
  static Error bad(std::string_view what) {
    return {Errc::bad_encoding, std::string(what) + "'s bytes are none of the type it is read as"};
  }

  Cache* cache_;
  std::string prefix_;
};

/// A view of `cache` by types.
template <class G, class F, class V>
[[nodiscard]] Typed<G, F, V> typed(Cache& cache, TypedOptions options = {}) {
  return Typed<G, F, V>(cache, std::move(options));
}
/// A cache that is gone with the statement has nothing to look at.
template <class G, class F, class V>
Typed<G, F, V> typed(Cache&& cache, TypedOptions options = {}) = delete;

}  // namespace ullage
