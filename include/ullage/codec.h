// How values of C++ types become bytes and come back: what typed.h and record.h keep in a cache.
//
//   arithmetic types, enums, and trivially copyable types that hold no views: their own bytes
//   std::string                       its own bytes
//   std::vector<T>                    of types of one size: one after the other; else each with its
//                                     length before it
//   std::optional<T>                  | 0 | or | 1 | T |
//   types with ullage_fields()        (record.h) each member with its length before it
//   types of yours                    a specialization of Codec:
//
//   template <>
//   struct ullage::Codec<UserId> {
//     static void encode(const UserId& id, ullage::Encoding& out) { out.append(id.text()); }
//     static std::optional<UserId> decode(std::string_view bytes) { return UserId::parse(bytes); }
//   };
//
// WHAT IS REFUSED at compile time: types that only point to what they mean (string_view, span,
// pointers, references), alone or in a vector, an optional, an array, a pair or an aggregate: what
// is read would point to nothing. An aggregate is looked through up to its 64th member.
//
// BYTES ARE NOT PORTABLE. Numbers lie as this machine has them (little-endian), members of a struct
// as its compiler lays them out. A cache does not outlive its process, so that is enough; where a
// server keeps them for programs of other languages, write a Codec.
#pragma once

#include <ullage/limits.h>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace ullage {

/// Where a codec writes to. Up to k_inline_bytes it allocates nothing.
class Encoding {
 public:
  static constexpr std::size_t k_inline_bytes = 256;

  Encoding() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the inline bytes unwritten
  Encoding(const Encoding&) = delete;
  Encoding& operator=(const Encoding&) = delete;

  void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }
  void append(const void* bytes, std::size_t size) {
    if (size == 0) return;
    if (size > capacity_ - size_) grow(size);
    std::memcpy(data() + size_, bytes, size);
    size_ += size;
  }
  /// Bytes with their length before them.
  void append_sized(std::string_view bytes) {
    append_length(bytes.size());
    append(bytes);
  }
  /// A length: seven bits a byte, the lowest first.
  void append_length(std::size_t length) {
    for (; length >= 0x80; length >>= 7)
      append_byte(static_cast<unsigned char>(length | 0x80));
    append_byte(static_cast<unsigned char>(length));
  }
  void append_byte(unsigned char byte) { append(&byte, 1); }

  [[nodiscard]] std::string_view view() const noexcept {
    return {heap_ ? heap_.get() : inline_, size_};
  }

 private:
  [[nodiscard]] char* data() noexcept { return heap_ ? heap_.get() : inline_; }
  void grow(std::size_t more) {
    const std::size_t capacity = std::max(2 * capacity_, size_ + more);
    std::unique_ptr<char[]> larger(new char[capacity]);
    std::memcpy(larger.get(), data(), size_);
    heap_ = std::move(larger);
    capacity_ = capacity;
  }

  std::size_t size_ = 0;
  std::size_t capacity_ = k_inline_bytes;
  std::unique_ptr<char[]> heap_;
  char inline_[k_inline_bytes];
};

/// Takes bytes apart that an Encoding put together. Once something is missing all that follows is.
class Decoding {
 public:
  explicit Decoding(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] std::optional<std::string_view> take(std::size_t size) noexcept {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] std::optional<std::size_t> take_length() noexcept {
    std::size_t length = 0;
    for (unsigned shift = 0; shift < 63 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      length |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return length;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::string_view> take_sized() noexcept {
    const std::optional<std::size_t> length = take_length();
    return length ? take(*length) : std::nullopt;
  }
  [[nodiscard]] bool is_done() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Not defined for what cannot be kept.
template <class T>
struct Codec;

namespace codec_detail {

template <class T>
struct IsView : std::bool_constant<std::is_pointer_v<T> || std::is_member_pointer_v<T> ||
                                   std::is_reference_v<T> || std::is_null_pointer_v<T>> {};
template <class C, class Traits>
struct IsView<std::basic_string_view<C, Traits>> : std::true_type {};
template <class T, std::size_t Extent>
struct IsView<std::span<T, Extent>> : std::true_type {};
template <class T>
struct IsView<std::reference_wrapper<T>> : std::true_type {};

// Initializes a member, but no aggregate as a whole: braces that are left out then reach its
// members, one by one.
struct AnyLeaf {
  template <class U>
    requires(!std::is_aggregate_v<U>)
  operator U() const noexcept;  // NOLINT(google-explicit-constructor)
};
// Initializes what is a view, and nothing else.
struct ViewLeaf {
  template <class U>
    requires(IsView<U>::value)
  operator U() const noexcept;  // NOLINT(google-explicit-constructor)
};
inline constexpr std::size_t k_members_looked_at = 64;

template <std::size_t>
using AnyLeafAt = AnyLeaf;
template <class T, std::size_t... Before>
constexpr bool takes_view_behind(std::index_sequence<Before...> /*before*/) {
  return requires { T{AnyLeafAt<Before>{}..., ViewLeaf{}}; };
}
template <class T, std::size_t... At>
constexpr bool takes_view(std::index_sequence<At...> /*positions*/) {
  return (takes_view_behind<T>(std::make_index_sequence<At>()) || ...);
}

template <class T>
struct HoldsView {
  static constexpr bool value = [] {
    if constexpr (IsView<T>::value) {
      return true;
    } else if constexpr (std::is_aggregate_v<T>) {
      return takes_view<T>(std::make_index_sequence<k_members_looked_at>());
    } else {
      return false;
    }
  }();
};
template <class T>
struct HoldsView<std::optional<T>> : HoldsView<T> {};
template <class T, class A>
struct HoldsView<std::vector<T, A>> : HoldsView<T> {};
template <class T, std::size_t N>
struct HoldsView<std::array<T, N>> : HoldsView<T> {};
template <class A, class B>
struct HoldsView<std::pair<A, B>> : std::bool_constant<HoldsView<A>::value || HoldsView<B>::value> {
};
template <class... T>
struct HoldsView<std::tuple<T...>> : std::bool_constant<(HoldsView<T>::value || ...)> {};

template <class T>
concept HasFields = requires { T::ullage_fields(); };

}  // namespace codec_detail

/// Whether a T refers to bytes that are not its own.
template <class T>
inline constexpr bool k_holds_view = codec_detail::HoldsView<std::remove_cv_t<T>>::value;

/// Types that can be kept as the bytes they are.
template <class T>
concept PlainBytes =
    std::is_trivially_copyable_v<T> && std::is_object_v<T> && !std::is_const_v<T> &&
    !std::is_array_v<T> && !k_holds_view<T> && !codec_detail::HasFields<T>;

/// What a codec of T has to offer. Besides it may have
///   using Borrowed = ...      how a T is passed where it is only looked at (default: const T&)
///   static std::string_view view(Borrowed)   if its bytes already lie somewhere as they are kept
///   static constexpr std::size_t k_bytes     if all T take the same number of bytes
/// decode() gets all bytes of one T, whoever wrote them, and answers nothing if they are none.
template <class T>
concept Codable =
    !k_holds_view<T> && requires(const T& value, std::string_view bytes, Encoding& out) {
      Codec<T>::encode(value, out);
      { Codec<T>::decode(bytes) } -> std::same_as<std::optional<T>>;
    };

template <PlainBytes T>
struct Codec<T> {
  static_assert(std::endian::native == std::endian::little);
  static constexpr bool k_is_plain = true;
  static constexpr std::size_t k_bytes = sizeof(T);
  using Borrowed = std::conditional_t<std::is_scalar_v<T>, T, const T&>;

  static void encode(const T& value, Encoding& out) { out.append(&value, sizeof(T)); }
  static std::optional<T> decode(std::string_view bytes) {
    if (bytes.size() != sizeof(T)) return std::nullopt;
    if constexpr (std::is_same_v<T, bool>) {
      if (static_cast<unsigned char>(bytes[0]) > 1) return std::nullopt;
    }
    std::array<char, sizeof(T)> raw;
    bytes.copy(raw.data(), sizeof(T));
    return std::bit_cast<T>(raw);
  }
};

/// Types that are kept so: they have no codec of their own.
template <class T>
concept KeptPlain = requires { requires Codec<T>::k_is_plain; };

template <>
struct Codec<std::string> {
  using Borrowed = std::string_view;
  static std::string_view view(std::string_view value) noexcept { return value; }
  static void encode(std::string_view value, Encoding& out) { out.append(value); }
  static std::optional<std::string> decode(std::string_view bytes) { return std::string(bytes); }
};

template <Codable T>
struct Codec<std::vector<T>> {
  using Borrowed =
      std::conditional_t<std::is_same_v<T, bool>, const std::vector<T>&, std::span<const T>>;

  static void encode(Borrowed values, Encoding& out) {
    if constexpr (KeptPlain<T> && !std::is_same_v<T, bool>) {
      out.append(values.data(), values.size_bytes());
    } else if constexpr (requires { Codec<T>::k_bytes; }) {
      for (const T value : values)
        Codec<T>::encode(value, out);
    } else {
      for (const T& value : values) {
        Encoding one;
        Codec<T>::encode(value, one);
        out.append_sized(one.view());
      }
    }
  }

  static std::optional<std::vector<T>> decode(std::string_view bytes) {
    std::vector<T> values;
    Decoding in(bytes);
    if constexpr (requires { Codec<T>::k_bytes; }) {
      if (bytes.size() % Codec<T>::k_bytes != 0) return std::nullopt;
      values.reserve(bytes.size() / Codec<T>::k_bytes);
    }
    while (!in.is_done()) {
      std::optional<std::string_view> one;
      if constexpr (requires { Codec<T>::k_bytes; }) {
        one = in.take(Codec<T>::k_bytes);
      } else {
        one = in.take_sized();
      }
      if (!one) return std::nullopt;
      std::optional<T> value = Codec<T>::decode(*one);
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return values;
  }
};

template <Codable T>
struct Codec<std::optional<T>> {
  static void encode(const std::optional<T>& value, Encoding& out) {
    out.append_byte(value ? 1 : 0);
    if (value) Codec<T>::encode(*value, out);
  }
  static std::optional<std::optional<T>> decode(std::string_view bytes) {
    std::optional<std::optional<T>> read;
    if (bytes == std::string_view("\0", 1)) {
      read.emplace();
    } else if (bytes.starts_with('\1')) {
      if (auto value = Codec<T>::decode(bytes.substr(1))) read.emplace(std::move(value));
    }
    return read;
  }
};

namespace codec_detail {

template <class T>
struct BorrowedOf {
  using type = const T&;
};
template <class T>
  requires requires { typename Codec<T>::Borrowed; }
struct BorrowedOf<T> {
  using type = typename Codec<T>::Borrowed;
};

/// The bytes of a value for the time of a call, with something before them.
template <class T>
class EncodedAs {
 public:
  EncodedAs(typename BorrowedOf<T>::type value, std::string_view before = {}) {
    if constexpr (requires { Codec<T>::view(value); }) {
      if (before.empty()) {
        view_ = Codec<T>::view(value);
        return;
      }
    }
    out_.append(before);
    Codec<T>::encode(value, out_);
    view_ = out_.view();
  }
  operator std::string_view() const noexcept {
    return view_;
  }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  Encoding out_;
  std::string_view view_;
};

}  // namespace codec_detail

/// How a T is passed where it is only looked at: std::string as std::string_view, std::vector<T> as
/// std::span<const T>, so that nobody makes one to ask for it.
template <class T>
using Borrowed = typename codec_detail::BorrowedOf<T>::type;

}  // namespace ullage
