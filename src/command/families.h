// The rows of every family of commands: one function a file.
#pragma once

#include "command/row.h"

#include <span>

namespace ullage::command {

std::span<const Row> hash_rows() noexcept;
std::span<const Row> hash_walk_rows() noexcept;
std::span<const Row> hash_ttl_rows() noexcept;
std::span<const Row> key_rows() noexcept;
std::span<const Row> expiry_rows() noexcept;

}  // namespace ullage::command
