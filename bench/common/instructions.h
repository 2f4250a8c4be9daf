// How many instructions something takes, where no hardware counter tells.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace ullage::bench {

/// Counts the instructions of a piece of work step by step, in a process of its own; none where the
/// system lets nobody look. `prepare` is called before, and is not counted; it answers the work.
std::optional<std::uint64_t> instructions_of(const std::function<std::function<void()>()>& prepare);

}  // namespace ullage::bench
