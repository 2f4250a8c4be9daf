#include "common/text.h"

#include <cstdarg>
#include <cstdio>

namespace ullage::bench {

std::string text(const char* pattern, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, pattern);
  const int size = std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
  va_end(arguments);
  return {buffer, size < 0 ? 0 : static_cast<std::size_t>(size) % sizeof buffer};
}

}  // namespace ullage::bench
