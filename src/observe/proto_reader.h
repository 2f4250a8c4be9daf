// Protocol buffers, read field by field. Whatever the bytes are, it stays within them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ullage::observe {

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) noexcept : rest_(bytes) {}

  /// Goes to the next field; false at the end, or where the bytes are no message any more.
  bool next() noexcept {
    std::uint64_t tag = 0;
    begin_ = rest_;
    if (rest_.empty() || is_broken_ || !take(tag)) return false;
    field_ = static_cast<std::uint32_t>(tag >> 3);
    number_ = 0;
    bytes_ = {};
    switch (tag & 7) {
      case 0:
        return take(number_);
      case 1:
        return skip(8);
      case 2: {
        std::uint64_t length = 0;
        if (!take(length) || length > rest_.size()) return broken();
        bytes_ = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return true;
      }
      case 5:
        return skip(4);
      default:
        return broken();
    }
  }
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }
  [[nodiscard]] std::uint32_t field() const noexcept { return field_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::int64_t signed_number() const noexcept {
    return static_cast<std::int64_t>(number_);
  }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
  /// The field as it stands, its number included.
  [[nodiscard]] std::string_view whole() const noexcept {
    return begin_.substr(0, begin_.size() - rest_.size());
  }

  /// Calls `visit(number)` for a repeated number, packed or single. False if it is broken.
  template <class Visit>
  bool for_each_number(Visit visit) const {
    if (bytes_.data() == nullptr) {
      visit(number_);
      return true;
    }
    ProtoReader packed(bytes_);
    while (!packed.rest_.empty()) {
      std::uint64_t number = 0;
      if (!packed.take(number)) return false;
      visit(number);
    }
    return true;
  }

 private:
  bool broken() noexcept {
    is_broken_ = true;
    return false;
  }
  bool take(std::uint64_t& number) noexcept {
    number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return broken();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return broken();
  }
  bool skip(std::size_t bytes) noexcept {
    if (rest_.size() < bytes) return broken();
    rest_.remove_prefix(bytes);
    return true;
  }

  std::string_view rest_;
  std::string_view begin_;  // of the field
  std::uint32_t field_ = 0;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool is_broken_ = false;
};

}  // namespace ullage::observe
