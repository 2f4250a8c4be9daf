#include "command/real.h"

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace ullage::command {

namespace {
constexpr std::size_t k_text_max = 255;
}

std::optional<long double> parse_real(std::string_view text) {
  if (text.empty() || text.size() > k_text_max) return std::nullopt;
  const char first = text[0];
  if (first == ' ' || (first >= '\t' && first <= '\r')) return std::nullopt;
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (value == HUGE_VALL || value == -HUGE_VALL || value == 0))
    return std::nullopt;
  return value;
}

std::string real_text(long double value) {
  // The largest long double has 4933 digits before its point.
  char text[5120];
  const int written = std::snprintf(text, sizeof text, "%.17Lf", value);
  std::string out(text, written > 0 ? static_cast<std::size_t>(written) : 0);
  if (out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) out.pop_back();
  }
  return out == "-0" ? "0" : out;
}

}  // namespace ullage::command
