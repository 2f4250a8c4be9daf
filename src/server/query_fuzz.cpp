// Any bytes as a query: it is read or it is refused, and what was read stays within its bounds.
#include "server/query.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto query = ullage::server::Query::parse(text);
  if (!query) return 0;
  for (const std::string_view name : {"seconds", "debug", "slabs", ""}) {
    const auto value = query->text(name);
    if (value && value->size() > size) std::abort();
    const auto number = query->number(name, {.least = 1, .most = 60, .otherwise = 30});
    if (number && (*number < 1 || *number > 60)) std::abort();
  }
  return 0;
}
