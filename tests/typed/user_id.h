// A type with a codec of its own: kept as text, though its own bytes would do.
#pragma once

#include <ullage/codec.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ullage::test {

struct UserId {
  std::uint32_t number = 0;
  friend bool operator==(const UserId&, const UserId&) = default;
};

}  // namespace ullage::test

template <>
struct ullage::Codec<ullage::test::UserId> {
  static void encode(const test::UserId& id, Encoding& out) {
    out.append(std::to_string(id.number));
  }
  static std::optional<test::UserId> decode(std::string_view bytes) {
    test::UserId id;
    for (const char c : bytes) {
      if (c < '0' || c > '9') return std::nullopt;
      id.number = id.number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return id;
  }
};
