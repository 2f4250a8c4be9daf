// Commands of the model-based tests and of the fuzz target: plain numbers, so that a sequence can
// be generated from a seed, read from bytes, shrunk, and printed.
#pragma once

#include "sealed.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ullage::test {

enum class Op : std::uint8_t {
  set,
  set_if,
  read,
  get_many,
  erase,
  compare_and_set,
  increment,
  update,
  expire,
  expire_group,
  check_ttl,
  for_each,
  erase_if,
  scan_start,
  scan_step,
  erase_group,
  rename_group,
  clear,
  group_limits,
  default_limits,
  advance,
  tick,
  drain,
  memory_limit,
  burst,
  classes,
  edit_group,
  read_group,
  count_,
};
inline constexpr std::size_t k_ops = static_cast<std::size_t>(Op::count_);
inline constexpr std::array<std::string_view, k_ops> k_op_names = {
    "set",          "set_if",         "read",
    "get_many",     "erase",          "compare_and_set",
    "increment",    "update",         "expire",
    "expire_group", "check_ttl",      "for_each",
    "erase_if",     "scan_start",     "scan_step",
    "erase_group",  "rename_group",   "clear",
    "group_limits", "default_limits", "advance",
    "tick",         "drain",          "memory_limit",
    "burst",        "classes",        "edit_group",
    "read_group"};

/// What the numbers mean depends on the operation; see Model::apply().
struct Command {
  Op op = Op::read;
  std::uint8_t group = 0;
  std::uint16_t field = 0;
  std::uint32_t size = 0;  ///< of a value, or a count
  std::uint32_t arg = 0;   ///< a time, a choice, or the seed of a value
};

inline std::string to_text(const Command& command) {
  std::ostringstream out;
  out << "{Op::" << k_op_names[static_cast<std::size_t>(command.op)] << ", "
      << static_cast<int>(command.group) << ", " << command.field << ", " << command.size << ", "
      << command.arg << "},";
  return out.str();
}

/// Short, long, empty, and such as differ in one byte only.
inline std::string group_name(std::uint8_t number) {
  if (number == 0) return "";
  if (number == 1) return std::string("g\0", 2);
  if (number == 2) return std::string(300, 'G');  // longer would fill the ring of events
  return "group:" + std::to_string(number);
}
inline std::string field_name(std::uint16_t number) {
  if (number == 0) return "";
  if (number == 1) return std::string("\0", 1);
  if (number == 2) return std::string(900, 'F');
  return "f" + std::to_string(number);
}

/// Values of any size; some are numbers, so that increment() has something to do.
inline std::string value_of(const Command& command) {
  if (command.arg % 4 == 0)
    return std::to_string(static_cast<std::int64_t>(command.arg) - 1'000'000);
  if (command.size < k_sealed_min_bytes)
    return std::string(command.size, static_cast<char>(command.arg));
  return sealed(command.arg, command.size);
}

/// How often each operation comes, and how large things are.
struct Mix {
  std::array<std::uint32_t, k_ops> weight{};
  std::uint32_t groups = 6;
  std::uint32_t fields = 20;
  std::uint32_t small_max = 3000;   ///< most values are shorter than this
  std::uint32_t large_one_in = 40;  ///< the others have 10 to 100 KB
  std::uint32_t burst_max = 200;    ///< fields that one burst writes

  constexpr Mix& with(Op op, std::uint32_t times) {
    weight[static_cast<std::size_t>(op)] = times;
    return *this;
  }
};

/// The mix that all configurations start from: everything that cannot lose an entry.
constexpr Mix plain_mix() {
  Mix mix;
  mix.with(Op::set, 300)
      .with(Op::set_if, 40)
      .with(Op::read, 200)
      .with(Op::get_many, 20)
      .with(Op::erase, 60);
  mix.with(Op::compare_and_set, 40)
      .with(Op::increment, 40)
      .with(Op::update, 20)
      .with(Op::expire, 40);
  mix.with(Op::expire_group, 10)
      .with(Op::check_ttl, 40)
      .with(Op::for_each, 20)
      .with(Op::erase_if, 5)
      .with(Op::edit_group, 25)
      .with(Op::read_group, 20);
  mix.with(Op::scan_start, 10).with(Op::scan_step, 60).with(Op::erase_group, 8).with(Op::clear, 1);
  mix.with(Op::advance, 60).with(Op::tick, 40).with(Op::drain, 12).with(Op::burst, 5);
  return mix;
}

inline std::vector<Command> generate(const Mix& mix, std::uint64_t seed, std::size_t length) {
  Rng rng(seed);
  std::uint64_t total = 0;
  for (const std::uint32_t weight : mix.weight)
    total += weight;
  std::vector<Command> commands;
  commands.reserve(length);
  while (commands.size() < length) {
    std::uint64_t pick = rng.below(total);
    std::size_t op = 0;
    while (pick >= mix.weight[op])
      pick -= mix.weight[op++];
    Command command;
    command.op = static_cast<Op>(op);
    command.group = static_cast<std::uint8_t>(rng.below(mix.groups));
    command.field = static_cast<std::uint16_t>(rng.below(mix.fields));
    // Small sizes are the most frequent ones, whatever the maximum.
    command.size = static_cast<std::uint32_t>(rng.below(1 + rng.below(mix.small_max)));
    if (rng.one_in(mix.large_one_in))
      command.size = static_cast<std::uint32_t>(10'000 + rng.below(90'000));
    command.arg = static_cast<std::uint32_t>(rng.next() >> 32);
    if (command.op == Op::burst)
      command.size = static_cast<std::uint32_t>(rng.below(mix.burst_max));
    commands.push_back(command);
  }
  return commands;
}

}  // namespace ullage::test
