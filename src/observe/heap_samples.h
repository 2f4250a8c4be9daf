// What jemalloc has sampled, as it stands now.
#pragma once

#include <ullage/result.h>

#include "observe/code_profile.h"
#include "observe/heap_dump.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace ullage::observe {

/// Why nothing can be sampled, with what to do; null: it can. Thread-safe.
[[nodiscard]] const char* sampling_problem() noexcept;

/// `may_hold` is asked for what the dump takes while it is read; empty: it may. Errors: system, as
/// when there are more than `bytes_max` bytes of stacks; busy.
[[nodiscard]] Result<HeapDump> take_heap_dump(std::size_t bytes_max,
                                              const std::function<bool(std::size_t)>& may_hold);

/// Where the program's own frames begin: behind the last of the innermost that is the allocator's,
/// by its name or, in a library of its own, by where it stands.
[[nodiscard]] std::size_t frames_to_trim(const CodeNames& names,
                                         std::span<const std::uint64_t> calls);

}  // namespace ullage::observe
