// A pipeline asks for the memory of its next commands before it runs them, so that their waits for
// it overlap.
#pragma once

#include <ullage/cache.h>

#include "command/row.h"
#include "command/session.h"
#include "resp/request.h"

#include <cstddef>
#include <span>

namespace ullage::command {

/// Requests that are looked at together; fewer than the least are not worth it.
inline constexpr std::size_t k_ahead_requests = 32;
inline constexpr std::size_t k_ahead_requests_min = 2;

/// Asks for what the requests from `first` on will look at first; `found` has their rows.
void ask_ahead(Cache& cache, const Session& session, const resp::RequestBatch& batch,
               std::size_t first, std::span<const Found> found) noexcept;

}  // namespace ullage::command
