// A group as a struct: each member is the field of its name.
//
//   struct Settings {
//     std::string theme = "light";
//     std::uint32_t font_size = 12;
//     std::optional<std::string> language;
//
//     static constexpr auto ullage_fields() {
//       return std::tuple(ullage::field("theme", &Settings::theme),
//                         ullage::field("font_size", &Settings::font_size),
//                         ullage::field("language", &Settings::language));
//     }
//   };
//
//   ullage::write_record(cache, "user:42", Settings{.theme = "dark"});
//   if (auto user = ullage::read_record<Settings>(cache, "user:42").value())
//   use(user->value.theme);
//
// A record is read as it is at one moment and written in one step (group.h), while each member
// stays an entry of its own: it can be read, written, expire and be evicted alone. What is not
// there keeps the value that its member starts with, and Snapshot says which these are. Fields of
// other names are left alone. A member that is an optional is an entry only while it holds
// something.
#pragma once

#include <ullage/cache.h>
#include <ullage/codec.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace ullage {

template <class S, class M>
struct Field {
  std::string_view name;
  M S::* member;
};
/// A member and the name of its field.
template <class S, class M>
constexpr Field<S, M> field(std::string_view name, M S::* member) {
  return {name, member};
}

namespace codec_detail {

template <class S>
inline constexpr std::size_t k_field_count = std::tuple_size_v<decltype(S::ullage_fields())>;

/// Calls `visitor(i, field)` for each of a record's fields.
template <class S, class Visitor>
constexpr void each_field(Visitor&& visitor) {
  constexpr auto fields = S::ullage_fields();
  [&]<std::size_t... I>(std::index_sequence<I...> /*all*/) {
    (visitor(I, std::get<I>(fields)), ...);
  }(std::make_index_sequence<k_field_count<S>>());
}

template <class S>
constexpr bool names_differ() {
  std::array<std::string_view, k_field_count<S>> names{};
  each_field<S>([&](std::size_t i, const auto& one) { names[i] = one.name; });
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return false;
    }
  }
  return true;
}

template <class T>
struct Unwrapped {
  using type = T;
  static constexpr bool is_optional = false;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
  static constexpr bool is_optional = true;
};

}  // namespace codec_detail

/// A struct that names its members as fields, each of a type that can be kept.
template <class S>
concept Record = codec_detail::HasFields<S> && std::default_initializable<S> && [] {
  bool all = codec_detail::names_differ<S>();
  codec_detail::each_field<S>([&]<class M>(std::size_t /*i*/, const Field<S, M>& /*field*/) {
    all = all && Codable<typename codec_detail::Unwrapped<M>::type>;
  });
  return all;
}();

/// A record as it was at one moment.
template <Record S>
struct Snapshot {
  S value{};
  std::array<bool, codec_detail::k_field_count<S>> present{};  ///< in the order of ullage_fields()

  [[nodiscard]] bool is_complete() const noexcept {
    for (const bool one : present) {
      if (!one) return false;
    }
    return true;
  }
};

/// What the group holds of S; none: there is no such group. O(entries of the group).
/// Errors: bad_encoding (the bytes of a field are none of its member's type; the message names it),
/// group_too_large, reentered.
template <Record S>
Result<std::optional<Snapshot<S>>> read_record(Cache& cache, std::string_view group) {
  std::optional<Snapshot<S>> found;
  std::optional<std::string_view> bad;
  const Result<void> read = cache.read_group(group, [&](const GroupView& view) {
    if (view.entries.empty()) return;
    found.emplace();
    for (const GroupEntry& entry : view.entries) {
      codec_detail::each_field<S>([&]<class M>(std::size_t i, const Field<S, M>& field) {
        if (field.name != entry.field) return;
        auto value = Codec<typename codec_detail::Unwrapped<M>::type>::decode(entry.value);
        if (!value) {
          bad = field.name;
          return;
        }
        found->value.*field.member = std::move(*value);
        found->present[i] = true;
      });
    }
  });
  if (!read) return read.error();
  if (bad) {
    return Error{Errc::bad_encoding,
                 "field '" + std::string(*bad) + "' holds bytes that are none of its type"};
  }
  return found;
}

/// Writes all members in one step that others see all of or nothing; an empty optional takes its
/// entry away. O(entries of the group). Errors: those of Cache::edit_group().
template <Record S>
Result<EditOutcome> write_record(Cache& cache, std::string_view group, const S& record,
                                 const EditOptions& options = {}) {
  return cache.edit_group(group, [&](GroupEdit& edit) -> Result<void> {
    codec_detail::each_field<S>([&]<class M>(std::size_t /*i*/, const Field<S, M>& field) {
      using T = typename codec_detail::Unwrapped<M>::type;
      const M& member = record.*field.member;
      if constexpr (codec_detail::Unwrapped<M>::is_optional) {
        if (member) {
          edit.set(field.name, codec_detail::EncodedAs<T>(*member), options);
        } else {
          edit.erase(field.name);
        }
      } else {
        edit.set(field.name, codec_detail::EncodedAs<T>(member), options);
      }
    });
    return {};
  });
}

/// As a value: each member with its length before it, in the order of ullage_fields().
template <Record S>
struct Codec<S> {
  static void encode(const S& record, Encoding& out) {
    codec_detail::each_field<S>([&]<class M>(std::size_t /*i*/, const Field<S, M>& field) {
      out.append_sized(codec_detail::EncodedAs<M>(record.*field.member));
    });
  }
  static std::optional<S> decode(std::string_view bytes) {
    S record;
    Decoding in(bytes);
    bool all = true;
    codec_detail::each_field<S>([&]<class M>(std::size_t /*i*/, const Field<S, M>& field) {
      const std::optional<std::string_view> one = all ? in.take_sized() : std::nullopt;
      std::optional<M> value = one ? Codec<M>::decode(*one) : std::nullopt;
      all = value.has_value();
      if (all) record.*field.member = std::move(*value);
    });
    if (!all || !in.is_done()) return std::nullopt;
    return record;
  }
};

}  // namespace ullage
