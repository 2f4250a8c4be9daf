// Bytes as tools write them: "0a9f".
#pragma once

#include <string>
#include <string_view>

namespace ullage::observe {

[[nodiscard]] inline std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += k_digits[byte >> 4];
    text += k_digits[byte & 15];
  }
  return text;
}

}  // namespace ullage::observe
