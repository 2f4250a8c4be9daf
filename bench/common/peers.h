// What we compare with: the maps that a service would use without us. Both look names up without
// making a string first, so that neither pays for what a careful user would not.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#if defined(ULLAGE_HAS_BOOST)
#include <boost/unordered/unordered_flat_map.hpp>
#endif

namespace ullage::bench {

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept {
    return std::hash<std::string_view>{}(name);
  }
};

/// std::unordered_map of std::unordered_map.
class NestedMap {
 public:
  static constexpr const char* k_name = "unordered_map of unordered_map";

  void set(std::string_view group, std::string_view field, std::string_view value) {
    auto found = groups_.find(group);
    if (found == groups_.end()) found = groups_.emplace(group, Fields{}).first;
    Fields& fields = found->second;
    if (const auto entry = fields.find(field); entry != fields.end()) {
      entry->second = value;
    } else {
      fields.emplace(field, value);
    }
  }
  /// Null if there is none.
  [[nodiscard]] const std::string* get(std::string_view group, std::string_view field) const {
    const auto found = groups_.find(group);
    if (found == groups_.end()) return nullptr;
    const auto entry = found->second.find(field);
    return entry == found->second.end() ? nullptr : &entry->second;
  }

 private:
  using Fields = std::unordered_map<std::string, std::string, NameHash, std::equal_to<>>;
  std::unordered_map<std::string, Fields, NameHash, std::equal_to<>> groups_;
};

#if defined(ULLAGE_HAS_BOOST)
/// boost::unordered_flat_map with the two names joined to one key.
class FlatMap {
 public:
  static constexpr const char* k_name = "boost::unordered_flat_map, joined key";

  void set(std::string_view joined, std::string_view value) {
    if (const auto entry = entries_.find(joined); entry != entries_.end()) {
      entry->second = value;
    } else {
      entries_.emplace(joined, value);
    }
  }
  /// Null if there is none.
  [[nodiscard]] const std::string* get(std::string_view joined) const {
    const auto entry = entries_.find(joined);
    return entry == entries_.end() ? nullptr : &entry->second;
  }

 private:
  boost::unordered_flat_map<std::string, std::string, NameHash, std::equal_to<>> entries_;
};
#endif

}  // namespace ullage::bench
