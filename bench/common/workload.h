// Names and values that all benchmarks share: those of the peers' table.
//
//   group  12 B  "user:0000042"
//   field  11 B  "key:0000007"
//   value  32 B  bytes that depend on the entry
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace ullage::bench {

inline constexpr std::size_t k_group_bytes = 12;
inline constexpr std::size_t k_field_bytes = 11;
inline constexpr std::size_t k_value_bytes = 32;

/// Bytes of names and values per entry, with `fields` fields in each group.
constexpr double payload_bytes(double fields) {
  return static_cast<double>(k_field_bytes + k_value_bytes) +
         static_cast<double>(k_group_bytes) / fields;
}

/// splitmix64: repeatable, and good enough to pick keys.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound); 0 < bound < 2^32.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }
  /// Uniform in [0, 1).
  double real() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// "stem" and seven digits.
template <std::size_t Bytes>
class Name {
 public:
  Name(const char* stem, std::uint64_t number) {
    std::memcpy(bytes_.data(), stem, Bytes - k_digits);
    for (std::size_t i = Bytes; i-- > Bytes - k_digits; number /= 10) {
      bytes_[i] = static_cast<char>('0' + number % 10);
    }
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), Bytes}; }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  static constexpr std::size_t k_digits = 7;
  std::array<char, Bytes> bytes_;
};

inline Name<k_group_bytes> group_name(std::uint64_t number) {
  return {"user:", number};
}
inline Name<k_field_bytes> field_name(std::uint64_t number) {
  return {"key:", number};
}

/// The 32 bytes of one entry's value.
class EntryValue {
 public:
  EntryValue(std::uint64_t group, std::uint64_t field) {
    Random random(group * 0x1000003 + field);
    for (std::uint64_t& word : words_)
      word = random.next();
  }
  [[nodiscard]] std::string_view view() const {
    return {reinterpret_cast<const char*>(words_.data()), k_value_bytes};
  }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  std::array<std::uint64_t, k_value_bytes / 8> words_;
};

/// The order in which entries come: group and field of the i-th.
enum class Order : std::uint8_t {
  in_step,     ///< one field to every group, then the next field to every group
  one_by_one,  ///< a group whole, then the next
  random,      ///< any entry, each once
};
inline const char* to_string(Order order) {
  switch (order) {
    case Order::in_step:
      return "in step";
    case Order::one_by_one:
      return "one by one";
    case Order::random:
      return "in random order";
  }
  return "";
}

class EntrySequence {
 public:
  struct Entry {
    std::uint64_t group;
    std::uint64_t field;
  };
  /// REQUIRES: `entries` is a multiple of `fields`.
  EntrySequence(std::uint64_t entries, std::uint64_t fields, Order order)
      : entries_(entries), fields_(fields), groups_(entries / fields), order_(order) {
    if (order != Order::random) return;
    shuffled_.resize(entries);
    for (std::uint32_t i = 0; i < entries; ++i)
      shuffled_[i] = i;
    Random random(20240501);
    for (std::uint64_t i = entries; i > 1; --i)
      std::swap(shuffled_[i - 1], shuffled_[random.below(i)]);
  }
  [[nodiscard]] std::uint64_t size() const { return entries_; }
  [[nodiscard]] Entry operator[](std::uint64_t i) const {
    if (order_ == Order::in_step) return {i % groups_, i / groups_};
    const std::uint64_t at = order_ == Order::random ? shuffled_[i] : i;
    return {at / fields_, at % fields_};
  }

 private:
  std::uint64_t entries_;
  std::uint64_t fields_;
  std::uint64_t groups_;
  Order order_;
  std::vector<std::uint32_t> shuffled_;
};

}  // namespace ullage::bench
