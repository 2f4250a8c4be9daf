// Setups and commands of the model from bytes: what fuzz targets feed it.
//
// Seven bytes a command: | op 1 | group 1 | field 1 | size 2 | arg 2 |. Names collide heavily:
// there are 8 groups and 64 fields.
#pragma once

#include "model.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace ullage::test {

inline constexpr std::size_t k_command_bytes = 7;
inline constexpr std::size_t k_commands_max = 400;

inline ModelSetup setup_from(std::uint8_t bits) {
  ModelSetup setup;
  setup.memory_limit = k_memory_limit_min_bytes;
  setup.max_memory_limit = 2 * k_memory_limit_min_bytes;
  setup.may_evict = true;
  setup.validate_every = 8;
  if ((bits & 1) != 0) setup.policy = Policy::lru;
  if ((bits & 2) != 0) setup.max_entries = 40;
  if ((bits & 4) != 0) setup.group.max_fields = 5;
  if ((bits & 8) != 0) setup.group.max_bytes = 5000;
  if ((bits & 16) != 0) setup.group.idle_ttl = Millis(1000);
  return setup;
}

inline Command command_from(const std::uint8_t* bytes) {
  Command command;
  command.op = static_cast<Op>(bytes[0] % k_ops);
  command.group = bytes[1] % 8;
  command.field = bytes[2] % 64;
  const auto size = static_cast<std::uint32_t>(bytes[3] | bytes[4] << 8);
  // Mostly small; the upper quarter reaches the chains of large values.
  command.size = size < 0xc000 ? size % 4000 : (size - 0xc000) * 16;
  if (command.op == Op::burst) command.size %= 300;
  const auto arg = static_cast<std::uint32_t>(bytes[5] | bytes[6] << 8);
  command.arg = arg * 2654435761U >> 8;
  return command;
}

inline std::vector<Command> commands_from(std::span<const std::uint8_t> bytes) {
  std::vector<Command> commands;
  while (bytes.size() >= k_command_bytes && commands.size() < k_commands_max) {
    commands.push_back(command_from(bytes.data()));
    bytes = bytes.subspan(k_command_bytes);
  }
  return commands;
}

/// Runs the commands; false once the cache broke a rule, which is then on stderr with all commands.
inline bool run_from_bytes(const char* target, const ModelSetup& setup,
                           std::span<const std::uint8_t> bytes) {
  const std::vector<Command> commands = commands_from(bytes);
  const std::string failure = run_model(setup, commands);
  if (failure.empty()) return true;
  std::fprintf(stderr, "%s: %s\n", target, failure.c_str());
  for (const Command& command : commands)
    std::fprintf(stderr, "  %s\n", to_text(command).c_str());
  return false;
}

}  // namespace ullage::test
