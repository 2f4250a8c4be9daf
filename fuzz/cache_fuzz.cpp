// libFuzzer: bytes -> commands on a small cache beside a plain map, with a clock of its own. The
// rules are those of the model-based tests: it may forget, it never lies, it forgets nothing for
// nothing, and the books balance after every few steps.
//
// | setup 1 | then for each command seven bytes: tests/support/model_bytes.h |
#include "../tests/support/model_bytes.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 + ullage::test::k_command_bytes) return 0;
  const std::span bytes(data, size);
  if (!ullage::test::run_from_bytes("cache_fuzz", ullage::test::setup_from(bytes[0]),
                                    bytes.subspan(1))) {
    std::abort();
  }
  return 0;
}
