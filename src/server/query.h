// The query of a URL: "seconds=5&debug=1".
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::server {

/// Names and values, percent-decoded; hostile until asked. A name that comes twice counts once, the
/// first time.
class Query {
 public:
  static constexpr std::size_t k_pairs_max = 32;

  /// None if there are too many pairs or an escape is no escape.
  [[nodiscard]] static std::optional<Query> parse(std::string_view text);

  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const noexcept { return text(name).has_value(); }
  /// A decimal number; none if it is there and is none, or not within the bounds.
  struct Number {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    std::uint64_t otherwise = 0;  ///< if it is not there
  };
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name,
                                                    const Number& bounds) const noexcept;
  /// The first name that is none of these; none if there is none.
  [[nodiscard]] std::optional<std::string_view> unknown(
      std::initializer_list<std::string_view> known) const noexcept;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace ullage::server
