#include "server/class_text.h"

#include "server/sizes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace ullage::server {

namespace {

using Text = std::string_view;

/// One limit: how it is called, and where it goes.
struct Limit {
  Text name;
  std::uint64_t ClassLimits::* bytes = nullptr;
  std::uint64_t ClassLimits::* count = nullptr;
  Millis ClassLimits::* time = nullptr;
};
constexpr Limit k_limits[] = {
    {.name = "min", .bytes = &ClassLimits::min},
    {.name = "low", .bytes = &ClassLimits::low},
    {.name = "high", .bytes = &ClassLimits::high},
    {.name = "max", .bytes = &ClassLimits::max},
    {.name = "max_fields", .count = &ClassLimits::max_fields},
    {.name = "max_bytes", .bytes = &ClassLimits::max_bytes},
    {.name = "idle_ttl", .time = &ClassLimits::idle_ttl},
    {.name = "ttl", .time = &ClassLimits::ttl},
};
constexpr Text k_names = "min, low, high, max, max_fields, max_bytes, idle_ttl, ttl or weight";

constexpr Unit k_times[] = {{"ms", 1},       {"s", 1000},       {"m", 60'000},
                            {"h", 3600'000}, {"d", 86'400'000}, {"", 1}};

bool same(Text given, Text name) noexcept {
  // "maxfields" and "MAX-FIELDS" are as good as "max_fields".
  const auto next = [](Text& text) -> char {
    while (!text.empty() && (text[0] == '_' || text[0] == '-'))
      text.remove_prefix(1);
    if (text.empty()) return '\0';
    const char c = text[0];
    text.remove_prefix(1);
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  for (;;) {
    const char a = next(given);
    const char b = next(name);
    if (a != b) return false;
    if (a == '\0') return true;
  }
}

std::string millis_text(Millis ms) {
  for (const auto& [suffix, factor] : {Unit{"h", 3600'000}, Unit{"m", 60'000}, Unit{"s", 1000}}) {
    const auto f = static_cast<std::int64_t>(factor);
    if (ms.count() != 0 && ms.count() % f == 0)
      return std::to_string(ms.count() / f) + std::string(suffix);
  }
  return std::to_string(ms.count()) + "ms";
}

bool must_escape(char c) noexcept {
  return std::isgraph(static_cast<unsigned char>(c)) == 0 || c == '\\' || c == '"' || c == '\'' ||
         c == ',';
}
std::string escaped(Text pattern) {
  constexpr Text k_digits = "0123456789abcdef";
  std::string text;
  for (const char c : pattern) {
    if (!must_escape(c)) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text.append("\\x") += k_digits[byte >> 4];
    text += k_digits[byte & 15];
  }
  return text;
}
std::optional<std::string> unescaped(Text text) {
  std::string pattern;
  while (!text.empty()) {
    if (text[0] != '\\') {
      pattern += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned byte = 0;
    if (text.size() < 4 || text[1] != 'x') return std::nullopt;
    const char* const end = text.data() + 4;
    if (std::from_chars(text.data() + 2, end, byte, 16).ptr != end) return std::nullopt;
    pattern += static_cast<char>(byte);
    text.remove_prefix(4);
  }
  return pattern;
}

/// "30m", "1500ms"; a number alone is milliseconds. None: it is no time.
std::optional<Millis> parse_millis(Text text) {
  const auto ms = parse_scaled(text, k_times);
  if (!ms || *ms > static_cast<std::uint64_t>(k_ttl_max_ms)) return std::nullopt;
  return Millis(static_cast<std::int64_t>(*ms));
}

std::string quoted_value(Text value, Text is_not) {
  return "'" + std::string(value) + "' is not " + std::string(is_not);
}

}  // namespace

std::optional<std::string> set_class_limit(ClassLimits& limits, Text name, Text value) {
  constexpr Unit k_plain[] = {{"", 1}};
  if (same(name, "weight")) {
    const auto weight = parse_scaled(value, k_plain);
    if (!weight || *weight > k_class_weight_max)
      return "weight: " + quoted_value(value, "a number up to ") +
             std::to_string(k_class_weight_max);
    limits.weight = static_cast<std::uint32_t>(*weight);
    return std::nullopt;
  }
  const auto limit = std::ranges::find_if(k_limits, [&](const Limit& l) {
    return same(name, l.name) || (l.time == &ClassLimits::idle_ttl && same(name, "idle"));
  });
  if (limit == std::end(k_limits))
    return "there is no limit '" + std::string(name) + "': " + std::string(k_names);
  const std::string what = std::string(limit->name) + ": ";
  if (limit->time != nullptr) {
    const auto time = parse_millis(value);
    if (!time) return what + quoted_value(value, "a time, like 30m or 1500ms");
    limits.*limit->time = *time;
  } else if (limit->count != nullptr) {
    const auto count = parse_scaled(value, k_plain);
    if (!count) return what + quoted_value(value, "a number");
    limits.*limit->count = *count;
  } else {
    const auto bytes = parse_size(value);
    if (!bytes) return what + quoted_value(value, "a size, like 48mb");
    limits.*limit->bytes = *bytes;
  }
  return std::nullopt;
}

std::optional<std::vector<ClassDefinition>> parse_classes(Text text, std::string& problem) {
  std::vector<ClassDefinition> classes;
  constexpr Text k_blanks = " \t\r\n,";
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(k_blanks), text.size()));
    if (text.empty()) return classes;
    const Text word = text.substr(0, text.find_first_of(k_blanks));
    text.remove_prefix(word.size());
    if (word.ends_with('*')) {
      auto pattern = unescaped(word);
      if (!pattern) {
        problem = quoted_value(word, "a pattern: a backslash begins \\xHH");
        return std::nullopt;
      }
      classes.push_back({std::move(*pattern), {}});
      continue;
    }
    const std::size_t equals = word.find('=');
    if (equals == Text::npos || classes.empty()) {
      problem = quoted_value(word, "a pattern like session:* with limits like max=48mb behind it");
      return std::nullopt;
    }
    if (auto wrong = set_class_limit(classes.back().limits, word.substr(0, equals),
                                     word.substr(equals + 1))) {
      problem = classes.back().pattern + " " + *wrong;
      return std::nullopt;
    }
  }
}

std::string classes_text(std::span<const ClassDefinition> classes) {
  std::string text;
  for (const ClassDefinition& one : classes) {
    if (!text.empty()) text += ' ';
    text += escaped(one.pattern);
    for (const Limit& limit : k_limits) {
      std::string value;
      if (limit.time != nullptr) {
        if ((one.limits.*limit.time).count() != 0) value = millis_text(one.limits.*limit.time);
      } else if (limit.count != nullptr) {
        if (one.limits.*limit.count != 0) value = std::to_string(one.limits.*limit.count);
      } else if (one.limits.*limit.bytes != 0) {
        value = size_text(one.limits.*limit.bytes);
      }
      if (!value.empty()) text.append(" ").append(limit.name).append("=").append(value);
    }
    if (one.limits.weight != 0) text += " weight=" + std::to_string(one.limits.weight);
  }
  return text;
}

}  // namespace ullage::server
