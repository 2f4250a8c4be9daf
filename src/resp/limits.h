// Limits of the protocol, with their relations.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ullage::resp {

/// Arguments of one request.
inline constexpr std::size_t k_args_max = std::size_t{1024} * 1024;
/// An inline request, and the line that announces a count or a length.
inline constexpr std::size_t k_line_max_bytes = std::size_t{64} * 1024;
/// One request with everything that belongs to it: offsets in it are 32 bits.
inline constexpr std::size_t k_request_max_bytes = std::size_t{1} << 31;
/// What a stranger may send before he says who he is.
inline constexpr std::size_t k_unauthenticated_args_max = 10;
inline constexpr std::size_t k_unauthenticated_bulk_max_bytes = std::size_t{16} * 1024;

static_assert(k_request_max_bytes <= UINT32_MAX);
static_assert(k_unauthenticated_args_max < k_args_max);

}  // namespace ullage::resp
