#include "server/query.h"

#include <algorithm>
#include <charconv>

namespace ullage::server {

namespace {
/// Percent-escapes and '+' as forms send them (RFC 3986, 2.1; the URL standard's forms).
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      unsigned char byte = 0;
      const std::string_view digits = text.substr(i + 1, 2);
      const auto [end, problem] =
          std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || problem != std::errc() || end != digits.data() + 2)
        return std::nullopt;
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}
}  // namespace

std::optional<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (query.pairs_.size() == k_pairs_max) return std::nullopt;
    const std::size_t equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals));
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : decoded(pair.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    query.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<std::string_view> Query::text(std::string_view name) const noexcept {
  for (const auto& [one, value] : pairs_) {
    if (one == name) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Query::number(std::string_view name,
                                           const Number& bounds) const noexcept {
  const auto value = text(name);
  if (!value) return bounds.otherwise;
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (problem != std::errc() || end != value->data() + value->size() || number < bounds.least ||
      number > bounds.most)
    return std::nullopt;
  return number;
}

std::optional<std::string_view> Query::unknown(
    std::initializer_list<std::string_view> known) const noexcept {
  for (const auto& [name, value] : pairs_) {
    if (std::ranges::find(known, name) == known.end()) return name;
  }
  return std::nullopt;
}

}  // namespace ullage::server
