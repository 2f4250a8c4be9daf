// What an allocator writes is read as if a stranger had written it.
#include "observe/heap_dump.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto dump = ullage::observe::parse_heap_dump({reinterpret_cast<const char*>(data), size});
  if (!dump) return 0;
  if (dump->sample_bytes == 0) std::abort();
  std::size_t addresses = 0;
  for (const auto& stack : dump->stacks)
    addresses += stack.addresses.size();
  if (addresses > size) std::abort();
  return 0;
}
