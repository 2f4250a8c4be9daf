// The largest of a stream of named amounts, in bounded memory.
//
// Space-Saving: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient computation of frequent and top-k
// elements in data streams", ICDT 2005.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ullage::observe {

/// Not thread-safe. Of all amounts together T, whoever has more than T / counters is among them.
class HeavyHitters {
 public:
  /// Longer names are kept as their beginning and a number that tells them apart.
  static constexpr std::size_t k_name_max_bytes = 128;

  explicit HeavyHitters(std::size_t counters) : counters_max_(counters) {}
  HeavyHitters(HeavyHitters&&) = default;
  HeavyHitters& operator=(HeavyHitters&&) = default;
  HeavyHitters(const HeavyHitters&) = delete;  // its table points to its names
  HeavyHitters& operator=(const HeavyHitters&) = delete;
  ~HeavyHitters() = default;

  /// What is counted beside the amount.
  struct Counts {
    std::uint64_t entries = 0;
    std::uint64_t endless = 0;
    std::uint64_t unread = 0;
    Counts& operator+=(const Counts& more) noexcept {
      entries += more.entries;
      endless += more.endless;
      unread += more.unread;
      return *this;
    }
  };
  /// O(log counters).
  void add(std::string_view name, std::uint64_t amount, const Counts& counts);

  struct One {
    std::string name;
    std::uint64_t amount = 0;  ///< at most
    std::uint64_t error = 0;   ///< of which so much may be others'
    Counts counts;             ///< since it is followed
    /// What is its own, at least.
    [[nodiscard]] std::uint64_t certain() const noexcept { return amount - error; }
  };
  /// The largest by what is certain of them first.
  [[nodiscard]] std::vector<One> largest(std::size_t most) const;
  void clear();

  [[nodiscard]] static std::size_t held_bytes(std::size_t counters) noexcept {
    return counters * (k_name_max_bytes + sizeof(One) + 64);
  }

 private:
  void sink(std::size_t place);
  void rise(std::size_t place);
  void put(std::size_t place, std::size_t one);

  std::size_t counters_max_;
  std::vector<One> ones_;
  std::vector<std::size_t> heap_;    // of ones_, the smallest amount first
  std::vector<std::size_t> places_;  // in heap_, by number in ones_
  std::unordered_map<std::string_view, std::size_t> by_name_;  // names lie in ones_
};

}  // namespace ullage::observe
