// libFuzzer: bytes -> commands on a small cache beside a plain map, with a clock of its own. The
// rules are those of the model-based tests: it may forget, it never lies, it forgets nothing for
// nothing, and the books balance after every few steps.
//
// | setup 1 | then for each command: op 1 | group 1 | field 1 | size 2 | arg 2 |
// Names collide heavily: there are 8 groups and 64 fields.
#include "../tests/support/model.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::size_t k_command_bytes = 7;
constexpr std::size_t k_commands_max = 400;

ullage::test::ModelSetup setup_from(std::uint8_t bits) {
  ullage::test::ModelSetup setup;
  setup.memory_limit = ullage::k_memory_limit_min_bytes;
  setup.max_memory_limit = 2 * ullage::k_memory_limit_min_bytes;
  setup.may_evict = true;
  setup.validate_every = 8;
  if ((bits & 1) != 0) setup.policy = ullage::Policy::lru;
  if ((bits & 2) != 0) setup.max_entries = 40;
  if ((bits & 4) != 0) setup.group.max_fields = 5;
  if ((bits & 8) != 0) setup.group.max_bytes = 5000;
  if ((bits & 16) != 0) setup.group.idle_ttl = ullage::Millis(1000);
  return setup;
}

ullage::test::Command command_from(const std::uint8_t* bytes) {
  ullage::test::Command command;
  command.op = static_cast<ullage::test::Op>(bytes[0] % ullage::test::k_ops);
  command.group = bytes[1] % 8;
  command.field = bytes[2] % 64;
  const auto size = static_cast<std::uint32_t>(bytes[3] | bytes[4] << 8);
  // Mostly small; the upper quarter reaches the chains of large values.
  command.size = size < 0xc000 ? size % 4000 : (size - 0xc000) * 16;
  if (command.op == ullage::test::Op::burst) command.size %= 300;
  const auto arg = static_cast<std::uint32_t>(bytes[5] | bytes[6] << 8);
  command.arg = arg * 2654435761U >> 8;
  return command;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 + k_command_bytes) return 0;
  std::vector<ullage::test::Command> commands;
  for (std::size_t at = 1; at + k_command_bytes <= size && commands.size() < k_commands_max;
       at += k_command_bytes) {
    commands.push_back(command_from(data + at));
  }
  const std::string failure = ullage::test::run_model(setup_from(data[0]), commands);
  if (!failure.empty()) {
    std::fprintf(stderr, "cache_fuzz, setup %u: %s\n", static_cast<unsigned>(data[0]),
                 failure.c_str());
    for (const ullage::test::Command& command : commands) {
      std::fprintf(stderr, "  %s\n", ullage::test::to_text(command).c_str());
    }
    std::abort();
  }
  return 0;
}
