// A set of classes as a whole: whether it can be kept, and who is whose parent. Pure.
#pragma once

#include <ullage/classes.h>
#include <ullage/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ullage::engine {

/// The groups that a pattern means begin with this.
inline std::string_view prefix_of(std::string_view pattern) noexcept {
  return pattern.substr(0, pattern.size() - 1);
}

/// A checked set in the order of its patterns, each with what its parents leave it.
struct ClassSet {
  static constexpr std::size_t k_none = ~std::size_t{0};
  struct One {
    ClassDefinition definition;
    std::size_t parent = k_none;  ///< its place in the set
    ClassLimits effective;        ///< with what the parents say where the class says nothing
    /// The most of its `min` that is protected, if the cache is large enough: what its children
    /// ask for included.
    std::uint64_t demand = 0;
  };
  std::vector<One> all;
  /// The sum of what the classes without parents demand.
  std::uint64_t demand = 0;
};

/// Errors: invalid_argument, with the numbers that do not go together. `promised_bytes`: the demand
/// of the set that holds; as much is taken although the limit was lowered since. O(n log n).
[[nodiscard]] Result<ClassSet> checked_classes(std::span<const ClassDefinition> definitions,
                                               std::size_t memory_limit,
                                               std::uint64_t promised_bytes = 0);

/// What can be demanded of a cache of so many bytes.
[[nodiscard]] constexpr std::uint64_t protectable_bytes(std::size_t memory_limit) noexcept {
  return memory_limit / k_class_min_denominator * k_class_min_numerator;
}

}  // namespace ullage::engine
