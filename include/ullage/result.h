// Failures as values: `Result<T>` holds a T or an `Error`.
//
// A miss is no failure: calls that may find nothing answer with std::optional. Nothing in this
// library throws on its own; exceptions of a user's callback pass through after the cache is whole
// again.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace ullage {

/// Why a call was refused. Each leaves the cache as it was.
enum class Errc : std::uint8_t {
  invalid_argument,  ///< an option or argument outside its range; the message names value and bound
  limit_too_small,   ///< memory_limit below k_memory_limit_min_bytes
  limit_too_large,   ///< memory_limit above what the machine, its container or a reference can hold
  name_too_long,     ///< group or field name above k_name_max_bytes
  value_too_long,    ///< value above Options::max_value_bytes or its share of the limit
  ttl_out_of_range,  ///< time to live not in 1 ms .. k_ttl_max_ms
  batch_too_large,   ///< more than k_batch_max requests in one call
  group_too_large,   ///< more than can be looked at or changed as a whole (k_group_edit_max_...)
  no_room,       ///< the arena is full and nothing could be reclaimed within the call's work bound
  not_found,     ///< the entry or group that the call needs does not exist
  exists,        ///< the target exists and the call must not replace it
  not_a_number,  ///< increment() of a value that is no decimal 64-bit integer
  out_of_range,  ///< increment() past the range of a 64-bit integer
  busy,          ///< too many loads in flight, or a rename met a concurrent change too often
  reentered,     ///< called from a visitor or loader in a way that could never end
  load_failed,   ///< the loader reported a failure; its message is passed on
  system,        ///< the operating system refused; the message has its reason
  bad_encoding,  ///< the bytes of a name or value are none of the type it is read as (typed.h)
  // Of documents (document.h):
  bad_json,         ///< no JSON text; the message has line and column
  bad_pointer,      ///< no JSON Pointer in UTF-8, or no pattern of them
  bad_patch,        ///< no JSON Patch
  patch_failed,     ///< an operation of a patch cannot be done, or its test failed
  too_deep,         ///< more than k_document_max_depth steps to a leaf
  too_many_leaves,  ///< more than k_document_max_leaves
  path_too_long,    ///< a leaf's pointer is above k_document_pointer_max_bytes
  wrong_type,       ///< the path names something of another type, or goes on below a leaf
  wrong_kind,       ///< the group holds something that is no document
};

/// The name of a code, as in "name_too_long".
std::string_view to_string(Errc code) noexcept;

/// A code and a sentence for people that names the value and the bound.
struct Error {
  Errc code = Errc::invalid_argument;
  std::string message;
};

/// A T or an Error. Using the wrong side ends the process with the error's message: that is a bug
/// in the caller, as with std::optional, but never undefined behaviour.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return require_value(), *std::get_if<0>(&state_); }
  const T& value() const& { return require_value(), *std::get_if<0>(&state_); }
  T&& value() && { return require_value(), std::move(*std::get_if<0>(&state_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T value_or(T fallback) const& {
    return has_value() ? *std::get_if<0>(&state_) : std::move(fallback);
  }

  [[nodiscard]] const Error& error() const {
    if (has_value()) {
      std::fputs("ullage: Result::error() of a value\n", stderr);
      std::abort();
    }
    return *std::get_if<1>(&state_);
  }

 private:
  void require_value() const {
    if (!has_value()) {
      std::fprintf(stderr, "ullage: Result::value() of an error: %s\n",
                   std::get_if<1>(&state_)->message.c_str());
      std::abort();
    }
  }
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept = default;
  Result(Error error)
      : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return !failed_; }
  void value() const {
    if (failed_) {
      std::fprintf(stderr, "ullage: Result::value() of an error: %s\n", error_.message.c_str());
      std::abort();
    }
  }
  [[nodiscard]] const Error& error() const {
    if (!failed_) {
      std::fputs("ullage: Result::error() of a success\n", stderr);
      std::abort();
    }
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace ullage
