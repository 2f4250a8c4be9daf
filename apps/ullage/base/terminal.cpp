#include "base/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace ullage::app {
namespace {

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string lower(value);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

Terminal probe_terminal() {
  constexpr std::size_t k_width_min = 40;
  constexpr std::size_t k_width_max = 120;  // wider plots are harder to read, not easier
  Terminal terminal;
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  winsize size{};
  if (is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    terminal.width = size.ws_col;
  }
  if (const char* columns = std::getenv("COLUMNS")) {
    const long wanted = std::strtol(columns, nullptr, 10);
    if (wanted > 0) terminal.width = static_cast<std::size_t>(wanted);
  }
  terminal.width = std::clamp(terminal.width, k_width_min, k_width_max);
  terminal.utf8 = locale_is_utf8();
  const char* no_color = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  terminal.color = is_terminal && (no_color == nullptr || *no_color == '\0') &&
                   (kind == nullptr || std::string_view(kind) != "dumb");
  return terminal;
}

bool stderr_is_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace ullage::app
