// JSON Pointers (RFC 6901): "" is the whole document, "/a/0/b~1c" the member "b/c" of the first
// element of the member "a". In a token ~1 stands for / and ~0 for ~.
#pragma once

#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::document {

/// Error::code bad_pointer, too_deep or path_too_long if it is no pointer that a document can have.
std::optional<Error> check_pointer(std::string_view pointer);

/// Adds a member's name to a pointer.
void append_token(std::string& pointer, std::string_view name);
void append_index(std::string& pointer, std::size_t index);

/// What a token names. REQUIRES: it has been checked.
std::string unescaped(std::string_view token);
inline bool is_escaped(std::string_view token) noexcept {
  return token.find('~') != std::string_view::npos;
}

/// The index that a token may be; none if it can only be a member's name. Documents have fewer
/// leaves than k_index_end, so no array is longer.
inline constexpr std::size_t k_index_digits_max = 5;
inline constexpr std::uint32_t k_index_end = 16'384;
inline std::optional<std::uint32_t> index_of(std::string_view token) noexcept {
  if (token.empty() || token.size() > k_index_digits_max) return std::nullopt;
  if (token[0] == '0' && token.size() > 1) return std::nullopt;
  std::uint32_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return std::nullopt;
    index = 10 * index + static_cast<std::uint32_t>(c - '0');
  }
  if (index >= k_index_end) return std::nullopt;
  return index;
}

/// The tokens of a pointer, one after the other.
class Tokens {
 public:
  explicit Tokens(std::string_view pointer) noexcept : rest_(pointer) {}
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  std::string_view next() noexcept {
    const std::size_t end = rest_.find('/', 1);
    const std::string_view token = rest_.substr(1, end == std::string_view::npos ? end : end - 1);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end);
    return token;
  }

 private:
  std::string_view rest_;
};

/// The pointer without its last token, and that token. REQUIRES: not empty.
struct Split {
  std::string_view parent;
  std::string_view token;
};
inline Split split_last(std::string_view pointer) noexcept {
  const std::size_t at = pointer.rfind('/');
  return {pointer.substr(0, at), pointer.substr(at + 1)};
}

/// Whether `pointer` is `above` or leads to something in it.
inline bool is_within(std::string_view pointer, std::string_view above) noexcept {
  return pointer.starts_with(above) &&
         (pointer.size() == above.size() || pointer[above.size()] == '/');
}

}  // namespace ullage::document
