// Protocol buffers, written: the few shapes that profiles and traces have.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ullage::observe {

class ProtoWriter {
 public:
  void varint(std::uint32_t field, std::uint64_t value) {
    tag(field, 0);
    raw(value);
  }
  /// The same, but nothing for what readers take for granted.
  void number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) varint(field, value);
  }
  void number(std::uint32_t field, std::int64_t value) {
    number(field, static_cast<std::uint64_t>(value));
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    tag(field, 1);
    for (int i = 0; i < 8; ++i, value >>= 8)
      text_.push_back(static_cast<char>(value));
  }
  void bytes(std::uint32_t field, std::string_view value) {
    tag(field, 2);
    raw(value.size());
    text_.append(value);
  }
  void message(std::uint32_t field, const ProtoWriter& inner) { bytes(field, inner.text_); }
  /// Fields that are written already.
  void as_is(std::string_view fields) { text_.append(fields); }
  /// A packed repeated number; nothing if there is none.
  template <class Numbers>
  void packed(std::uint32_t field, const Numbers& numbers) {
    if (numbers.empty()) return;
    ProtoWriter inner;
    for (const auto number : numbers)
      inner.raw(static_cast<std::uint64_t>(number));
    message(field, inner);
  }

  [[nodiscard]] const std::string& text() const& noexcept { return text_; }
  [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

 private:
  void tag(std::uint32_t field, std::uint32_t wire_type) { raw(field << 3 | wire_type); }
  void raw(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
  }

  std::string text_;
};

}  // namespace ullage::observe
