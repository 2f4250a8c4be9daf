#include "document/json_text.h"

#include <charconv>
#include <optional>

namespace ullage::document {

namespace {
constexpr char k_hex[] = "0123456789abcdef";

void append_utf8(std::string& to, std::uint32_t code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | code >> 6);
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | code >> 12);
    to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    to += static_cast<char>(0xf0 | code >> 18);
    to += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    to += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::uint32_t hex4(std::string_view digits) noexcept {
  std::uint32_t code = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  return code;
}

std::optional<double> to_double(std::string_view text) noexcept {
  double value = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  if (done.ec != std::errc() || done.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// An integer without its sign, if the number is written as one.
std::optional<std::string_view> integer_digits(std::string_view text, bool& is_negative) noexcept {
  is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  if (text == "0") is_negative = false;
  return text;
}
}  // namespace

void append_escaped(std::string& to, std::string_view raw) {
  if (!needs_escape(raw)) {
    to += raw;
    return;
  }
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        to += "\\\"";
        break;
      case '\\':
        to += "\\\\";
        break;
      case '\b':
        to += "\\b";
        break;
      case '\f':
        to += "\\f";
        break;
      case '\n':
        to += "\\n";
        break;
      case '\r':
        to += "\\r";
        break;
      case '\t':
        to += "\\t";
        break;
      default:
        if (byte >= 0x20) {
          to += c;
        } else {
          to += "\\u00";
          to += k_hex[byte >> 4];
          to += k_hex[byte & 15];
        }
    }
  }
}

std::string unescaped_json(std::string_view escaped) {
  std::string raw;
  raw.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      raw += escaped[i];
      continue;
    }
    switch (const char c = escaped[++i]; c) {
      case 'b':
        raw += '\b';
        break;
      case 'f':
        raw += '\f';
        break;
      case 'n':
        raw += '\n';
        break;
      case 'r':
        raw += '\r';
        break;
      case 't':
        raw += '\t';
        break;
      case 'u': {
        std::uint32_t code = hex4(escaped.substr(i + 1, 4));
        i += 4;
        if (code >= 0xd800 && code < 0xdc00 && escaped.substr(i + 1, 2) == "\\u") {
          code = 0x10000 + ((code - 0xd800) << 10) + (hex4(escaped.substr(i + 3, 4)) - 0xdc00);
          i += 6;
        }
        append_utf8(raw, code);
        break;
      }
      default:
        raw += c;
    }
  }
  return raw;
}

bool is_json_number(std::string_view text) noexcept {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9')
      ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i;
  const std::size_t whole = digits();
  if (whole == 0 || (text[first] == '0' && whole > 1)) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool equal_numbers(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  bool a_negative = false;
  bool b_negative = false;
  const auto a_digits = integer_digits(a, a_negative);
  const auto b_digits = integer_digits(b, b_negative);
  if (a_digits && b_digits) return a_negative == b_negative && *a_digits == *b_digits;
  const auto a_value = to_double(a);
  const auto b_value = to_double(b);
  return a_value && b_value && *a_value == *b_value;
}

}  // namespace ullage::document
